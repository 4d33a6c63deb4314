"""Room 5, beside estimators: losses and output layers for PyTorch.

`functional` holds what has no parameters; everything else is a module. May import: losses,
functions, kernels, _checks, errors, numpy, torch; `softmax_mlp` and its parts scikit-learn too.
"""

from typing import TYPE_CHECKING, Any

# First: without PyTorch it says how to install it.
from luce.nn._torch import torch as _torch  # noqa: F401

# isort: split
from luce.nn import functional as functional
from luce.nn.adaptive_embedding import AdaptiveEmbedding as AdaptiveEmbedding
from luce.nn.adaptive_softmax import AdaptiveSoftmax as AdaptiveSoftmax
from luce.nn.audit import Audit as Audit
from luce.nn.audit import AuditRow as AuditRow
from luce.nn.batch_samplers import InBatchSampler as InBatchSampler
from luce.nn.batch_samplers import WithBatchLabels as WithBatchLabels
from luce.nn.class_tree import ClassTree as ClassTree
from luce.nn.classifier import Classifier as Classifier
from luce.nn.cost_model import CostModel as CostModel
from luce.nn.cutoffs import best_cutoffs as best_cutoffs
from luce.nn.entmax_head import EntmaxHead as EntmaxHead
from luce.nn.full_softmax import FullSoftmax as FullSoftmax
from luce.nn.global_normalizer import global_normalizer as global_normalizer
from luce.nn.head import FactoredHead as FactoredHead
from luce.nn.head import Head as Head
from luce.nn.head import LinearHead as LinearHead
from luce.nn.head import TopK as TopK
from luce.nn.hierarchical_softmax import HierarchicalSoftmax as HierarchicalSoftmax
from luce.nn.logit_shape import LogitShape as LogitShape
from luce.nn.low_rank_softmax import LowRankSoftmax as LowRankSoftmax
from luce.nn.margin_softmax import MarginSoftmax as MarginSoftmax
from luce.nn.mixture_of_softmaxes import MixtureOfSoftmaxes as MixtureOfSoftmaxes
from luce.nn.multi_task import MultiTask as MultiTask
from luce.nn.multi_task import TaskLosses as TaskLosses
from luce.nn.multiscale_softmax import MultiScaleSoftmax as MultiScaleSoftmax
from luce.nn.nce import NCE as NCE
from luce.nn.options import LossOptions as LossOptions
from luce.nn.phm_linear import PHMLinear as PHMLinear
from luce.nn.phm_linear import hamilton_rule as hamilton_rule
from luce.nn.phm_softmax import PHMSoftmax as PHMSoftmax
from luce.nn.rowwise_adagrad import RowwiseAdagrad as RowwiseAdagrad
from luce.nn.sampled_softmax import SampledSoftmax as SampledSoftmax
from luce.nn.samplers import ClassSampler as ClassSampler
from luce.nn.samplers import LogUniformSampler as LogUniformSampler
from luce.nn.samplers import Sampler as Sampler
from luce.nn.samplers import UniformSampler as UniformSampler
from luce.nn.samplers import UnigramSampler as UnigramSampler
from luce.nn.sharded_softmax import ShardedSoftmax as ShardedSoftmax
from luce.nn.sharding.ranks import sum_over_ranks as sum_over_ranks
from luce.nn.similarity_order import similarity_order as similarity_order
from luce.nn.sparsemax_head import SparsemaxHead as SparsemaxHead
from luce.nn.top_k import ExactTopK as ExactTopK
from luce.nn.top_k import LargestLogits as LargestLogits
from luce.nn.top_k_index import TopKIndex as TopKIndex
from luce.nn.top_k_index import TopLogits as TopLogits
from luce.nn.training.checkpoint import Checkpoint as Checkpoint
from luce.nn.training.distillation import Distillation as Distillation
from luce.nn.training.distillation import teacher_logits as teacher_logits
from luce.nn.training.loop import Fitted as Fitted
from luce.nn.training.loop import fit as fit
from luce.nn.training.objective import Measured as Measured
from luce.nn.training.objective import Objective as Objective
from luce.nn.training.objective import OutputLoss as OutputLoss
from luce.nn.training.objective import OwnLoss as OwnLoss
from luce.nn.training.plan import Plan as Plan
from luce.nn.training.rows import ArrayRows as ArrayRows
from luce.nn.training.rows import DatasetRows as DatasetRows
from luce.nn.training.rows import Rows as Rows

if TYPE_CHECKING:
    from luce.nn.softmax_mlp import SoftmaxMLP as SoftmaxMLP

__all__ = [
    "NCE",
    "AdaptiveEmbedding",
    "AdaptiveSoftmax",
    "ArrayRows",
    "Audit",
    "AuditRow",
    "Checkpoint",
    "ClassSampler",
    "ClassTree",
    "Classifier",
    "CostModel",
    "DatasetRows",
    "Distillation",
    "EntmaxHead",
    "ExactTopK",
    "FactoredHead",
    "Fitted",
    "FullSoftmax",
    "Head",
    "HierarchicalSoftmax",
    "InBatchSampler",
    "LargestLogits",
    "LinearHead",
    "LogUniformSampler",
    "LogitShape",
    "LossOptions",
    "LowRankSoftmax",
    "MarginSoftmax",
    "Measured",
    "MixtureOfSoftmaxes",
    "MultiScaleSoftmax",
    "MultiTask",
    "Objective",
    "OutputLoss",
    "OwnLoss",
    "PHMLinear",
    "PHMSoftmax",
    "Plan",
    "Rows",
    "RowwiseAdagrad",
    "SampledSoftmax",
    "Sampler",
    "ShardedSoftmax",
    "SoftmaxMLP",
    "SparsemaxHead",
    "TaskLosses",
    "TopK",
    "TopKIndex",
    "TopLogits",
    "UniformSampler",
    "UnigramSampler",
    "WithBatchLabels",
    "best_cutoffs",
    "fit",
    "functional",
    "global_normalizer",
    "hamilton_rule",
    "similarity_order",
    "sum_over_ranks",
    "teacher_logits",
]


def __getattr__(name: str) -> Any:
    if name != "SoftmaxMLP":
        raise AttributeError(f"module 'luce.nn' has no attribute {name!r}")
    from luce.nn.softmax_mlp import SoftmaxMLP  # it alone needs scikit-learn

    return SoftmaxMLP

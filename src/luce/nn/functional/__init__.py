"""Losses and functions of logits for PyTorch, without parameters of their own.

They have the names, options and meaning of `luce.losses` and `luce.functions`, take and return
tensors, and are differentiable.
"""

from luce.nn.functional.balanced_cross_entropy import (
    balanced_cross_entropy as balanced_cross_entropy,
)
from luce.nn.functional.contrastive import contrastive as contrastive
from luce.nn.functional.contrastive import info_nce as info_nce
from luce.nn.functional.cross_entropy import cross_entropy as cross_entropy
from luce.nn.functional.distillation import distillation as distillation
from luce.nn.functional.divergence import kl_divergence as kl_divergence
from luce.nn.functional.entmax import entmax as entmax
from luce.nn.functional.fenchel_young import entmax_loss as entmax_loss
from luce.nn.functional.fenchel_young import sparsemax_loss as sparsemax_loss
from luce.nn.functional.gumbel import gumbel_softmax as gumbel_softmax
from luce.nn.functional.label_noise import generalized_cross_entropy as generalized_cross_entropy
from luce.nn.functional.label_noise import symmetric_cross_entropy as symmetric_cross_entropy
from luce.nn.functional.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
from luce.nn.functional.log_softmax import log_softmax as log_softmax
from luce.nn.functional.logsumexp import logsumexp as logsumexp
from luce.nn.functional.margin import arcface as arcface
from luce.nn.functional.margin import cosface as cosface
from luce.nn.functional.softmax import softmax as softmax
from luce.nn.functional.sparsemax import sparsemax as sparsemax

__all__ = [
    "arcface",
    "balanced_cross_entropy",
    "contrastive",
    "cosface",
    "cross_entropy",
    "distillation",
    "entmax",
    "entmax_loss",
    "generalized_cross_entropy",
    "gumbel_softmax",
    "info_nce",
    "kl_divergence",
    "linear_cross_entropy",
    "log_softmax",
    "logsumexp",
    "softmax",
    "sparsemax",
    "sparsemax_loss",
    "symmetric_cross_entropy",
]

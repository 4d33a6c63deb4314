"""Room 4: losses of logits, each with its gradient.

One file per loss. A loss checks its arguments, hands rows to the kernels and reduces; nothing
here minimises anything. May import: functions, kernels, _checks, errors, numpy. May be imported
by: estimators and every room above.
"""

from luce.losses.binary import binary_cross_entropy as binary_cross_entropy
from luce.losses.binary import binary_cross_entropy_grad as binary_cross_entropy_grad
from luce.losses.cross_entropy import cross_entropy as cross_entropy
from luce.losses.cross_entropy import cross_entropy_grad as cross_entropy_grad
from luce.losses.curvature import cross_entropy_hvp as cross_entropy_hvp
from luce.losses.divergence import distillation as distillation
from luce.losses.divergence import distillation_grad as distillation_grad
from luce.losses.divergence import kl_divergence as kl_divergence
from luce.losses.divergence import kl_divergence_grad as kl_divergence_grad
from luce.losses.hinge import multiclass_hinge as multiclass_hinge
from luce.losses.hinge import multiclass_hinge_grad as multiclass_hinge_grad
from luce.losses.linear_cross_entropy import LinearLossGrad as LinearLossGrad
from luce.losses.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
from luce.losses.linear_cross_entropy import linear_cross_entropy_grad as linear_cross_entropy_grad
from luce.losses.margin import arcface as arcface
from luce.losses.margin import arcface_grad as arcface_grad
from luce.losses.margin import cosface as cosface
from luce.losses.margin import cosface_grad as cosface_grad
from luce.losses.pairs import contrastive as contrastive
from luce.losses.pairs import contrastive_grad as contrastive_grad
from luce.losses.pairs import info_nce as info_nce
from luce.losses.pairs import info_nce_grad as info_nce_grad
from luce.losses.ranking import label_ranking as label_ranking
from luce.losses.ranking import label_ranking_grad as label_ranking_grad
from luce.losses.reduction import LossGrad as LossGrad
from luce.losses.regression import huber as huber
from luce.losses.regression import huber_grad as huber_grad
from luce.losses.regression import mae as mae
from luce.losses.regression import mae_grad as mae_grad
from luce.losses.regression import mse as mse
from luce.losses.regression import mse_grad as mse_grad

__all__ = [
    "LinearLossGrad",
    "LossGrad",
    "arcface",
    "arcface_grad",
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "contrastive",
    "contrastive_grad",
    "cosface",
    "cosface_grad",
    "cross_entropy",
    "cross_entropy_grad",
    "cross_entropy_hvp",
    "distillation",
    "distillation_grad",
    "huber",
    "huber_grad",
    "info_nce",
    "info_nce_grad",
    "kl_divergence",
    "kl_divergence_grad",
    "label_ranking",
    "label_ranking_grad",
    "linear_cross_entropy",
    "linear_cross_entropy_grad",
    "mae",
    "mae_grad",
    "mse",
    "mse_grad",
    "multiclass_hinge",
    "multiclass_hinge_grad",
]

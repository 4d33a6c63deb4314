"""Room 4: losses of logits, each with its gradient.

One file per loss. A loss checks its arguments, hands rows to the kernels and reduces; nothing
here minimises anything. May import: functions, kernels, _checks, errors, numpy. May be imported
by: estimators and every room above.
"""

from luce.losses.cross_entropy import cross_entropy as cross_entropy
from luce.losses.cross_entropy import cross_entropy_grad as cross_entropy_grad
from luce.losses.reduction import LossGrad as LossGrad

__all__ = ["LossGrad", "cross_entropy", "cross_entropy_grad"]

"""Losses and functions of logits for PyTorch, without parameters of their own.

They have the names, options and meaning of `luce.losses` and `luce.functions`, take and return
tensors, and are differentiable.
"""

from luce.nn.functional.cross_entropy import cross_entropy as cross_entropy
from luce.nn.functional.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
from luce.nn.functional.log_softmax import log_softmax as log_softmax

__all__ = [
    "cross_entropy",
    "linear_cross_entropy",
    "log_softmax",
]

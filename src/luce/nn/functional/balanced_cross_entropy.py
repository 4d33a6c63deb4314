"""Cross-entropy for classes of very different size."""

from typing import Unpack

import torch
from torch import Tensor

from luce._checks import as_strength
from luce.errors import ParameterError, ShapeError
from luce.nn.eager import is_eager, widened
from luce.nn.functional.cross_entropy import cross_entropy
from luce.nn.options import LossOptions


def balanced_cross_entropy(
    logits: Tensor,
    target: Tensor,
    counts: Tensor,
    *,
    tau: float = 1.0,
    **options: Unpack[LossOptions],
) -> Tensor:
    r"""Cross-entropy whose minimiser answers as if all classes were equally frequent.

    .. math:: L = -\log \operatorname{softmax}(z + \tau \log \pi)_y, \quad
              \pi_j = \frac{n_j}{\sum_l n_l}

    With `tau` 1 it is the balanced softmax: the shares of the classes are told to the loss, so
    that the logits need not learn them. Equals ``cross_entropy(logits + tau * log(pi), target)``.

    Parameters
    ----------
    logits : Tensor of shape (..., k)
        The network's.
    target : Tensor
        Labels (...) or distributions (..., k), as for `cross_entropy`.
    counts : Tensor of shape (k,)
        Training rows of each class, or their shares; above 0.
    tau : float, default=1.0
        Strength; 0 is the plain cross-entropy.
    **options : loss options
        As for `cross_entropy`.

    Returns
    -------
    Tensor
        As `cross_entropy`.

    Raises
    ------
    ParameterError
        If `tau` is negative, or a count is not above 0.
    ShapeError
        If there is not one count for each class.

    Notes
    -----
    Predict with the logits as they are: their argmax is the answer of a classifier with the best
    balanced accuracy. For probabilities under the training shares, or others, add
    ``tau * log(pi)`` again.

    Source: Menon et al. (2021), Long-tail learning via logit adjustment, ICLR, equation 10; Ren et
    al. (2020), Balanced meta-softmax for long-tailed visual recognition, NeurIPS, equation 4.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import balanced_cross_entropy
    >>> logits, rare = torch.zeros(1, 2), torch.tensor([1])
    >>> print(f"{balanced_cross_entropy(logits, rare, torch.tensor([99, 1])):.4f}")
    4.6052
    """
    z = widened(logits)
    shift = log_shares(counts, z)
    strength = as_strength(tau, "tau", "1 to 2")
    return cross_entropy(z + strength * shift, target, **options)


def log_shares(counts: Tensor, logits: Tensor) -> Tensor:
    """Return the logarithm of each class's share, in the dtype and on the device of the logits."""
    if counts.shape != logits.shape[-1:]:
        raise ShapeError(
            f"counts must hold one number for each of the {logits.shape[-1]} classes, got the shape"
            f" {tuple(counts.shape)}. Pass torch.bincount(labels, minlength=k)."
        )
    if is_eager(counts):
        wrong = torch.nonzero(~(counts > 0))
        if len(wrong):
            j = int(wrong[0])
            raise ParameterError(
                f"counts must be above 0, got {counts[j].item()!r} for class {j}. Leave out classes"
                " that never occur, or give them the count 1."
            )
    n = counts.to(logits.device, torch.float64)
    return (n.log() - n.sum().log()).to(logits.dtype)

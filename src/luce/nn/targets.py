"""What multiplies the surprise of each class in each row: the torch twin of `luce.losses.targets`.

No number decides which way the code goes, only options and shapes: so it can be compiled,
exported and transformed.
"""

from math import inf, nan
from typing import NamedTuple

import torch
from torch import Tensor

from luce._checks import as_distributions, as_labels, nothing_to_average, refuse_ignore_index
from luce.errors import ShapeError
from luce.losses.options import Scalars
from luce.nn.eager import as_numpy, is_eager
from luce.nn.options import as_weights


class Targets(NamedTuple):
    """The targets of n rows, divided by what the loss is divided by.

    Labels give ``t_ij = own_i [j = y_i] + spread_i w_j``, distributions
    ``t_ij = own_i q_ij w_j + spread_i w_j``. A row that counts nothing has zeros.
    """

    y: Tensor | None
    """Labels (n,), 0 where a row is ignored; None for distributions."""
    q: Tensor | None
    """Distributions (n, k); None for labels."""
    own: Tensor
    """(n,)."""
    spread: Tensor | None
    """(n,); None where nothing is smoothed."""
    weight: Tensor | None
    """w of shape (k,); None for ones."""
    share: Tensor
    """(n,): the weight of each row, which the z-loss takes."""
    used: Tensor | None
    """(n,): whether a row counts at all; None where every row does."""
    divisor: Tensor
    """What all of it has been divided by; infinity where a mean has nothing to average."""
    scalars: Scalars

    @classmethod
    def of(
        cls,
        target: Tensor,
        rows: tuple[int, ...],
        classes: int,
        weight: Tensor | None,
        scalars: Scalars,
        dtype: torch.dtype,
    ) -> "Targets":
        """Return the targets of rows of that shape, checked where values can be looked at."""
        w = None if weight is None else as_weights(weight, classes).to(dtype)
        if target.ndim <= len(rows):
            y, kept = _labels(target, rows, classes, scalars.ignore_index)
            return cls._of_labels(y, kept, classes, w, scalars, dtype)
        refuse_ignore_index(scalars.ignore_index)
        return cls._of_distributions(_distributions(target, rows, classes, dtype), w, scalars)

    @classmethod
    def _of_labels(
        cls,
        y: Tensor,
        kept: Tensor | None,
        k: int,
        weight: Tensor | None,
        scalars: Scalars,
        dtype: torch.dtype,
    ) -> "Targets":
        ones = torch.ones(y.shape, dtype=dtype, device=y.device)
        counted = ones if kept is None else kept.to(dtype)  # (n,)
        counts = counted if weight is None else counted * weight[y]  # (n,)
        divisor = _divisor(counts.sum(), len(y), scalars)
        share, s = counts / divisor, scalars.smoothing
        by_row = scalars.weighting == "row"
        used = kept
        if weight is not None and (by_row or s == 0):  # smoothing makes labels of weight 0 count
            used = counts > 0
        return cls(
            y,
            None,
            share if s == 0 else (1.0 - s) * share,
            None if s == 0 else (s / k) * (share if by_row else counted / divisor),
            None if by_row else weight,
            share,
            used,
            divisor,
            scalars,
        )

    @classmethod
    def _of_distributions(cls, q: Tensor, weight: Tensor | None, scalars: Scalars) -> "Targets":
        (n, k), s, by_row = q.shape, scalars.smoothing, scalars.weighting == "row"
        ones = torch.ones(n, dtype=q.dtype, device=q.device)
        weighed = q if weight is None else q * weight  # (n, k); a product would obey autocast
        counts = weighed.sum(dim=1)  # (n,)
        if not by_row and scalars.z_loss == 0:
            counts = ones  # nobody asks
        divisor = _divisor(counts.sum() if by_row else ones.sum(), n, scalars)
        share = counts / divisor
        each = share if by_row else ones / divisor
        return cls(
            None,
            q,
            each if s == 0 else (1.0 - s) * each,
            None if s == 0 else (s / k) * each,
            None if by_row else weight,
            share,
            counts > 0 if by_row and weight is not None else None,
            divisor,
            scalars,
        )

    def without_unused(self, rows: Tensor) -> Tensor:
        """Return rows (n, m) with zeros where one does not count: what it held gets no gradient."""
        return rows if self.used is None else torch.where(self.used[:, None], rows, 0.0)

    def mass(self) -> Tensor:
        """Return what the sum of the losses is divided by, 0 where nothing counts."""
        return torch.where(torch.isinf(self.divisor), 0.0, self.divisor)

    def reduced(self, losses: Tensor) -> Tensor:
        """Return the loss, given that of each row after the division by the divisor."""
        reduction = self.scalars.reduction
        if reduction.kind == "none":
            return losses
        total = losses.sum()
        if reduction.kind == "sum" or reduction.normalizer is not None:
            return total
        # Not selected by the values' sum but by the divisor: its gradient is that of a constant.
        nothing = total.new_full((), 0.0 if reduction.empty == "zero" else nan)
        return torch.where(torch.isinf(self.divisor), nothing, total)


def _divisor(total: Tensor, rows: int, scalars: Scalars) -> Tensor:
    """Return what the loss of each row is divided by; infinity for the mean of nothing."""
    how = scalars.reduction
    if how.kind != "mean":
        return total.new_full((), 1.0)
    if how.normalizer is not None:
        return total.new_full((), how.normalizer)
    if how.empty == "raise" and is_eager(total) and not total:
        raise nothing_to_average(rows)
    return torch.where(total == 0, total.new_full((), inf), total)


def _labels(
    target: Tensor, rows: tuple[int, ...], classes: int, ignore_index: int | None
) -> tuple[Tensor, Tensor | None]:
    """Return one label for each row and which rows are kept, None where all are."""
    if is_eager(target):
        as_labels(as_numpy(target), rows, classes, ignore_index)  # raises, or finds nothing wrong
    elif target.shape != rows:
        raise wrong_shape(target, rows, classes)
    y = target.reshape(-1).long()
    if ignore_index is None:
        return y, None
    kept = y != ignore_index
    return torch.where(kept, y, 0), kept


def _distributions(
    target: Tensor, rows: tuple[int, ...], classes: int, dtype: torch.dtype
) -> Tensor:
    """Return one distribution over the classes for each row."""
    if is_eager(target):
        as_distributions(as_numpy(target), rows, classes)
    elif target.shape != (*rows, classes):
        raise wrong_shape(target, rows, classes)
    return target.reshape(-1, classes).to(dtype)


def wrong_shape(target: Tensor, rows: tuple[int, ...], classes: int) -> ShapeError:
    """Return the error for a target that fits no rows of that shape."""
    return ShapeError(
        f"target must hold a label for each row, shape {tuple(rows)}, or a distribution for each"
        f" row, shape {(*rows, classes)}; got shape {tuple(target.shape)}. Pass the same rows in"
        " both, with the classes along the last dimension."
    )

"""What multiplies the surprise of each class in each row: labels, distributions and weights."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import (
    FloatArray,
    as_array,
    as_class_weights,
    as_distributions,
    as_labels,
    refuse_ignore_index,
)
from luce.functions.tiles import tiles
from luce.losses.options import Options
from luce.losses.reduction import added

Doubles = NDArray[np.float64]


class Targets(NamedTuple):
    """The targets of n rows, divided by what the loss is divided by.

    Labels give ``t_ij = own_i [j = y_i] + spread_i w_j``, distributions
    ``t_ij = own_i q_ij w_j + spread_i w_j``. A row that counts nothing has zeros.
    """

    y: NDArray[np.int64] | None
    """Labels (n,), -1 where a row is ignored; None for distributions."""
    q: FloatArray | None
    """Distributions (n, k) of whatever layout; None for labels."""
    own: Doubles
    """(n,)."""
    spread: Doubles
    """(n,)."""
    weight: Doubles | None
    """w of shape (k,); None for ones."""
    share: Doubles
    """(n,): the weight of each row, which the z-loss takes."""
    divisor: float
    """What all of it has been divided by; infinity where a mean has nothing to average."""

    @classmethod
    def of(
        cls,
        target: ArrayLike,
        rows: tuple[int, ...],
        classes: int,
        options: Options,
        axis: int = -1,
    ) -> "Targets":
        """Return the checked targets of rows of that shape, taken in C order."""
        weight = None if options.weight is None else as_class_weights(options.weight, classes)
        given = as_array(target, "target")
        if given.ndim <= len(rows):
            y = as_labels(given, rows, classes, options.scalars.ignore_index).reshape(-1)
            return cls._of_labels(y, classes, weight, options)
        q = as_distributions(given, rows, classes, axis).reshape(-1, classes)
        refuse_ignore_index(options.scalars.ignore_index)
        return cls._of_distributions(q, weight, options)

    @classmethod
    def _of_labels(
        cls, y: NDArray[np.int64], k: int, weight: Doubles | None, options: Options
    ) -> "Targets":
        scalars, n = options.scalars, len(y)
        by_row = scalars.weighting == "row"
        if weight is None and scalars.ignore_index is None:
            counts, total = None, float(n)
        else:
            kept = (y >= 0).astype(np.float64)  # (n,)
            counts = kept if weight is None else kept * weight[y]  # (n,)
            total = added(counts)
        divisor = scalars.reduction.divisor(total, n)
        if counts is None:
            share = spread = _filled(n, 1.0 / divisor)
        else:
            share = counts / divisor
            spread = share if by_row else kept / divisor
        s = scalars.smoothing
        own = share if s == 0 else (1.0 - s) * share
        spread = np.zeros(n) if s == 0 else (s / k) * spread
        return cls(y, None, own, spread, None if by_row else weight, share, divisor)

    @classmethod
    def _of_distributions(
        cls, q: FloatArray, weight: Doubles | None, options: Options
    ) -> "Targets":
        scalars, (n, k) = options.scalars, q.shape
        s, by_row = scalars.smoothing, scalars.weighting == "row"
        counts = _row_weights(q, weight) if by_row or scalars.z_loss else np.ones(n)  # (n,)
        divisor = scalars.reduction.divisor(added(counts) if by_row else float(n), n)
        share = counts / divisor
        each = share if by_row else _filled(n, 1.0 / divisor)
        return cls(
            None,
            q,
            (1.0 - s) * each,
            (s / k) * each,
            None if by_row else weight,
            share,
            divisor,
        )

    def part(self, rows: "slice | NDArray[np.intp]") -> "Targets":
        """Return the targets of some of the rows."""
        return self._replace(
            y=None if self.y is None else self.y[rows],
            q=None if self.q is None else self.q[rows],
            own=self.own[rows],
            spread=self.spread[rows],
            share=self.share[rows],
        )

    def in_order(self) -> bool:
        """Whether a kernel can read them as they are."""
        return self.q is None or (self.q.flags.c_contiguous and self.q.flags.aligned)

    def given(self) -> "NDArray[np.int64] | FloatArray":
        """Return labels or distributions as a kernel takes them."""
        if self.q is None:
            assert self.y is not None
            return self.y
        return np.ascontiguousarray(self.q)

    def matrix(self, classes: int) -> Doubles:
        """Return ``t_ij`` (n, k) of rows few enough for that."""
        n = len(self.own)
        if self.q is None:
            t = np.zeros((n, classes))
            t[np.arange(n), self.y] = self.own
        else:
            t = np.multiply(self.q, self.own[:, None], order="C")
            if self.weight is not None:
                t *= self.weight
        if self.spread.any():
            t += self.spread[:, None] * (1.0 if self.weight is None else self.weight)
        return t


def _filled(n: int, value: float) -> Doubles:
    array = np.empty(n)
    array.fill(value)
    return array


def _row_weights(q: FloatArray, weight: Doubles | None) -> Doubles:
    """Return ``sum_j q_ij w_j`` of each row, added up the same way whatever rows there are."""
    n, k = q.shape
    total = np.empty(n)
    for part in tiles(n, k):
        wide = q[part].astype(np.float64, order="C")
        total[part] = (wide if weight is None else wide * weight).sum(axis=1)
    return total

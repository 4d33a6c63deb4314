"""Whether a linear model can separate the classes, decided exactly by linear programs.

Without a penalty the likelihood has a maximum unless some direction W orders the classes rightly,

.. math:: m_{ij}(W) = (w_{y_i} - w_j)^T x_i \\ge 0 \\quad \\text{for all rows i and classes } j
          \\ne y_i, \\qquad \\text{not all of them } 0 :

going on along it never lowers the likelihood and raises it somewhere, for ever.

Source: A. Albert, J. Anderson (1984), On the existence of maximum likelihood estimates in logistic
regression models, Biometrika 71; K. Konis (2007), Linear programming algorithms for detecting
separated data in binary logistic regression models, thesis, Oxford (the linear programs).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from luce.errors import ConvergenceError

Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]

_ZERO = 1e-9  # of |w| |x|: a margin that is no more than rounding
_FIRST = 20  # pairs, for each unknown class, that the first program holds
_MORE = 400  # pairs added at a time
_ROUNDS = 200
_LARGE = 1_000_000  # rows times unknowns, from which a guess is not made any sparser


class Direction(NamedTuple):
    """A direction that separates classes, and how well."""

    complete: bool  # whether every margin is positive
    W: Doubles  # (k, d)


def separating_direction(
    rows: Any, labels: Whole, classes: int, *, guess: Doubles | None = None
) -> Direction | None:
    """Return a direction along which the likelihood never falls and somewhere rises, if any.

    Parameters
    ----------
    rows : (n, d) array or CSR matrix of float64
        Columns of a size about 1; a column of ones where there is an intercept.
    labels : (n,) array of int64
        Class of each row, in ``0..classes-1``.
    classes : int
        ``k``.
    guess : (k, d) array, optional
        Parameters of a good fit. If all their margins are positive nothing else is asked, unless
        the programs are small; else their smallest margins are the first in use.

    Returns
    -------
    Direction or None
        With as small a sum of absolute values as can be, so that few features are named; None if
        the classes overlap and the likelihood has a maximum.

    Notes
    -----
    Two programs are solved with few of the margins; those that the answer violates are added
    until none is violated, or no answer is left. The first asks for margins that are not negative
    with a positive mean over all rows, the second for positive ones: complete separation. That a
    program with some of the margins has no solution proves it for all of them.
    """
    margins = _Margins(rows, labels, classes)
    if (
        guess is not None
        and margins.begin_with(guess)
        and rows.shape[0] * margins.unknowns > _LARGE
    ):
        return Direction(True, guess)
    found = margins.cut(_Some(margins))
    if found is None:
        return None
    everywhere = margins.cut(_All(margins))
    return Direction(True, everywhere) if everywhere is not None else Direction(False, found)


class _Margins:
    """The margins of all pairs of a row and a class other than its own, and which are in use."""

    def __init__(self, rows: Any, labels: Whole, classes: int) -> None:
        self.rows, self.labels, self.classes = rows, labels, classes
        n, self.d = rows.shape
        self.unknowns = (classes - 1) * self.d  # class 0 stands still: a shift of all says nothing
        square = rows.multiply(rows) if sparse.issparse(rows) else np.square(rows)
        self.sizes = np.sqrt(np.asarray(square.sum(axis=1)).ravel())
        random = np.random.default_rng(0)
        first = random.permutation(n)[: _FIRST * classes + 2 * self.d]
        others = (labels[first] + random.integers(1, classes, len(first))) % classes
        self.pairs = np.column_stack([first, others])

    def begin_with(self, guess: Doubles) -> bool:
        """Use the smallest margins of a guess; return whether it has only positive ones."""
        margins = self.of(guess)
        count = min(_MORE, margins.size - len(margins))
        worst = np.argpartition(margins.ravel(), count - 1)[:count]
        more = np.column_stack(np.unravel_index(worst, margins.shape))
        self.pairs = np.unique(np.vstack([self.pairs, more]), axis=0)
        return bool(margins.min() > _ZERO)

    def matrix(self) -> Any:
        """Return the margins in use as rows of a sparse matrix (pairs, unknowns)."""
        i, j = self.pairs.T
        x = sparse.csr_array(self.rows[i])
        return self._placed(x, self.labels[i]) - self._placed(x, j)

    def _placed(self, x: Any, classes: Whole) -> Any:
        """Return each row in the columns of its class; class 0 has none."""
        of_value = np.repeat(classes, np.diff(x.indptr))
        kept = of_value > 0
        row = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))[kept]
        column = (of_value[kept] - 1) * self.d + x.indices[kept]
        return sparse.csr_array((x.data[kept], (row, column)), (x.shape[0], self.unknowns))

    def total(self) -> Doubles:
        """Return the sum of all margins, in use or not, as a function of the unknowns."""
        n, k = len(self.labels), self.classes
        of_class = sparse.csr_array((np.ones(n), (self.labels, np.arange(n))), (k, n))
        sums = np.asarray((of_class @ sparse.csr_array(self.rows)).todense())
        return np.asarray((k * sums - sums.sum(axis=0))[1:].ravel())

    def of(self, W: Doubles) -> Doubles:
        """Return all margins (n, k), relative to the sizes of row and direction; own class: inf."""
        z = np.asarray(self.rows @ W.T)
        own = np.arange(len(z)), self.labels
        margins: Doubles = z[own][:, None] - z
        margins /= np.maximum(self.sizes * np.abs(W).max(), np.finfo(float).tiny)[:, None]
        margins[own] = np.inf
        return margins

    def cut(self, program: "_Some | _All") -> Doubles | None:
        """Solve with the margins in use, adding the violated ones, until none is."""
        for _ in range(_ROUNDS):
            W = program.solve()
            if W is None:
                return None
            margins = self.of(W)
            violated = program.violated(margins)
            if not len(violated):
                return W
            worst = violated[np.argsort(margins[tuple(violated.T)])[:_MORE]]
            self.pairs = np.unique(np.vstack([self.pairs, worst]), axis=0)
        raise ConvergenceError(
            f"linear programs must end within {_ROUNDS} rounds, got margins that are still"
            " violated by rounding. Scale the features, or pass a finite C."
        )

    def sparsest(self, **constraints: Any) -> Doubles | None:
        """Return the feasible direction (k, d) with the smallest sum of absolute values."""
        m = self.unknowns
        found = linprog(np.ones(2 * m), bounds=(0, None), method="highs", **constraints)
        if found.x is None or found.status == 2:
            return None
        free = (found.x[:m] - found.x[m:]).reshape(-1, self.d)
        return np.asarray(np.vstack([np.zeros(self.d), free]))


class _Some:
    """No margin is negative, and their mean is 1."""

    def __init__(self, margins: _Margins) -> None:
        self.margins = margins
        total = margins.total()
        self._size = np.abs(total).max(initial=0.0)
        self._mean = np.append(total, -total)[None, :] / max(self._size, np.finfo(float).tiny)

    def solve(self) -> Doubles | None:
        a = self.margins.matrix()
        if not self._size > 0:
            return None
        return self.margins.sparsest(
            A_ub=sparse.hstack([-a, a]).tocsr(), b_ub=np.zeros(a.shape[0]),
            A_eq=self._mean, b_eq=[1.0],
        )  # fmt: skip

    def violated(self, margins: Doubles) -> NDArray[np.intp]:
        return np.argwhere(margins < -_ZERO)


class _All:
    """Every margin is at least 1."""

    def __init__(self, margins: _Margins) -> None:
        self.margins = margins

    def solve(self) -> Doubles | None:
        a = self.margins.matrix()
        return self.margins.sparsest(A_ub=sparse.hstack([-a, a]).tocsr(), b_ub=-np.ones(a.shape[0]))

    def violated(self, margins: Doubles) -> NDArray[np.intp]:
        return np.argwhere(margins <= _ZERO)

"""The NumPy twin of the pass over sparse rows: loss and gradient of a linear softmax model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.kernels._panel_twin import Doubles, Rows, repaired, rows_at


def sparse_pass(
    starts: NDArray[Any],
    columns: NDArray[Any],
    x: Doubles,
    constant: Doubles,
    y: NDArray[np.int64],
    s: Doubles,
    w: Doubles,
    gradient: Doubles,
) -> tuple[float, float]:
    r"""Return loss and hits of ``softmax(x_i w + constant)``; write the gradient (m + 1, k).

    The numbers of row i are ``x[starts[i]:starts[i + 1]]``, at `columns`; `w` is (m, k). The last
    row of the gradient is the sum of the residuals, which is the gradient in `constant`. See
    `luce.kernels._panel_twin.softmax_pass` for loss and hits.
    """
    rows = _at(starts, columns, x, constant, y, s, w)
    sparse_pulled(starts, columns, x, rows.residual, gradient)
    return float(s @ rows.losses), float(s @ rows.hits)


def sparse_dual(
    starts: NDArray[Any],
    columns: NDArray[Any],
    x: Doubles,
    constant: Doubles,
    y: NDArray[np.int64],
    s: Doubles,
    w: Doubles,
    given: Doubles,
    received: Doubles,
    gradient: Doubles,
) -> float:
    """Return ``sum_i s_i H(q_i)``; write what residuals ``s (q - t)`` pull (m + 1, k).

    q is softmax repaired as `luce.kernels._panel_twin.softmax_dual` says.
    """
    rows = _at(starts, columns, x, constant, y, s, w)
    entropies, moved = repaired(rows, s, given, received)
    sparse_pulled(starts, columns, x, moved, gradient)
    return entropies


def sparse_pulled(
    starts: NDArray[Any], columns: NDArray[Any], x: Doubles, r: Doubles, gradient: Doubles
) -> None:
    """Write ``X^T r`` for residuals r (n, k), and below it the sum of r: (m + 1, k)."""
    own = _row_of_each(starts)
    gradient[-1] = r.sum(axis=0)
    for j in range(r.shape[1]):
        gradient[:-1, j] = np.bincount(columns, x * r[own, j], minlength=len(gradient) - 1)


def _at(
    starts: NDArray[Any],
    columns: NDArray[Any],
    x: Doubles,
    constant: Doubles,
    y: NDArray[np.int64],
    s: Doubles,
    w: Doubles,
) -> Rows:
    own, n = _row_of_each(starts), len(y)
    with np.errstate(all="ignore"):
        z = [np.bincount(own, x * of_class[columns], minlength=n) for of_class in w.T]
        return rows_at(None, np.stack(z, axis=1) + constant, y, s)


def _row_of_each(starts: NDArray[Any]) -> NDArray[np.intp]:
    """Return the row of each stored number."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))

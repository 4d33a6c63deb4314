"""The NumPy twin of the pass over panels: loss, gradient and Hessian of a linear softmax model."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def to_panels(x: Doubles, panels: Doubles) -> None:
    """Lay rows (n, d) out in panels (panels, d, wide) of neighbours, filled up with zeros."""
    count, d, wide = panels.shape
    full = np.zeros((count * wide, d))
    full[: len(x)] = x
    panels[...] = full.reshape(count, wide, d).transpose(0, 2, 1)


def softmax_pass(
    panels: Doubles,
    y: NDArray[np.int64],
    s: Doubles,
    theta: Doubles,
    gradient: Doubles,
    hessian: Doubles | None = None,
    left_out: int = 0,
) -> tuple[float, float]:
    r"""Return loss and hits of ``softmax(theta x_i)``; write the gradient, perhaps the Hessian.

    The loss is :math:`\sum_i s_i CE(y_i, p_i)`, the hits are the weights of the rows whose largest
    logit is that of their class. `hessian` ((k - 1) d, (k - 1) d) is that in the parameters of all
    classes but `left_out`. ``1 - p`` of the largest probability is the sum of the others. A logit
    that is not finite makes the loss NaN.
    """
    k = len(theta)
    rows = _at(panels, y, s, theta)
    gradient[...] = rows.residual.T @ rows.x
    if hessian is not None:
        kept = np.delete(np.arange(k), left_out)
        _write_hessian(hessian, kept, rows.x, s, rows.p, rows.lacking)
    return float(s @ rows.losses), float(s @ rows.hits)


class Rows(NamedTuple):
    """What is known of each row."""

    x: Any  # (n, d)
    p: Doubles  # (n, k)
    lacking: Doubles  # (n, k)  1 - p
    residual: Doubles  # (n, k)  s (p - t)
    losses: Doubles  # (n,)
    hits: NDArray[np.bool_]  # (n,)


def _at(panels: Doubles, y: NDArray[np.int64], s: Doubles, theta: Doubles) -> Rows:
    x = panels.transpose(0, 2, 1).reshape(-1, theta.shape[1])[: len(y)]
    with np.errstate(all="ignore"):
        return rows_at(x, x @ theta.T, y, s)


def rows_at(x: Any, z: Doubles, y: NDArray[np.int64], s: Doubles) -> Rows:
    """Return what logits (n, k) tell of their rows."""
    own = np.arange(len(y)), y
    with np.errstate(all="ignore"):
        winner = np.arange(len(y)), z.argmax(axis=1)
        gap = z - z[winner][:, None]
        p = np.exp(gap)
        others = p.copy()
        others[winner] = 0.0
        rest = others.sum(axis=1)
        whole = 1.0 + rest
        lacking = whole[:, None] - p
        lacking[winner] = rest
        p /= whole[:, None]
        lacking /= whole[:, None]
        residual = p.copy()
        residual[own] = -lacking[own]
        residual *= s[:, None]
        losses = np.log1p(rest) - gap[own] + 0.0 * z.sum(axis=1)
    return Rows(x, p, lacking, residual, losses, winner[1] == y)


def _write_hessian(
    hessian: Doubles, kept: NDArray[Any], x: Doubles, s: Doubles, p: Doubles, lacking: Doubles
) -> None:
    d = x.shape[1]
    cells = hessian.reshape(len(kept), d, len(kept), d)
    for a, j in enumerate(kept):
        for b, other in enumerate(kept[: a + 1]):
            bend = s * p[:, j] * (lacking[:, j] if other == j else -p[:, other])
            cell = np.tril((x * bend[:, None]).T @ x)
            cell += np.tril(cell, -1).T  # each is symmetric, to the last bit
            cells[a, :, b] = cells[b, :, a] = cell


def softmax_dual(
    panels: Doubles,
    y: NDArray[np.int64],
    s: Doubles,
    theta: Doubles,
    given: Doubles,
    received: Doubles,
    gradient: Doubles,
) -> float:
    r"""Return ``sum_i s_i H(q_i)``; write ``sum_i s_i (q_i - t_i) x_i^T`` (k, d).

    ``q_j = p_j (1 - given_j) + (sum_l p_l given_l) received_j`` for p the softmax of ``theta x_i``.
    """
    rows = _at(panels, y, s, theta)
    entropies, moved = repaired(rows, s, given, received)
    gradient[...] = moved.T @ rows.x
    return entropies


def repaired(rows: Rows, s: Doubles, given: Doubles, received: Doubles) -> tuple[float, Doubles]:
    """Return ``sum_i s_i H(q_i)`` and ``s (q - t)`` (n, k)."""
    p = rows.p
    change = (p @ given)[:, None] * received - p * given
    q = np.maximum(p + change, 0.0)
    q[np.arange(len(q)), p.argmax(axis=1)] = 0.0
    others = q.sum(axis=1)
    with np.errstate(all="ignore"):
        lost = np.where(q > 0, q * np.log(q), 0.0).sum(axis=1)
        entropy = -lost - np.where(others < 1, (1 - others) * np.log1p(-others), 0.0)
    return float(s @ (entropy + 0.0 * rows.losses)), rows.residual + s[:, None] * change


def weighted_grams(panels: Doubles, weights: Doubles, grams: Doubles) -> None:
    """Write ``sum_i weights_ij x_i x_i^T`` (k, d, d), symmetric to the last bit."""
    n, k = weights.shape
    x = panels.transpose(0, 2, 1).reshape(-1, panels.shape[1])[:n]
    for j in range(k):
        lower = np.tril((x * weights[:, j : j + 1]).T @ x)
        grams[j] = lower + np.tril(lower, -1).T

"""Covariances drawn towards a multiple of the identity, which makes them well conditioned."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def shrunk(covariance: Doubles, share: float) -> Doubles:
    r"""Return ``(1 - share) covariance + share mean(diagonal) I``."""
    result: Doubles = (1 - share) * covariance
    result.flat[:: len(covariance) + 1] += share * covariance.diagonal().mean()
    return result


def class_covariance(apart: Doubles, weights: Doubles, square: Doubles) -> tuple[Doubles, float]:
    """Return the covariance of one class, shrunk by the share of Ledoit and Wolf, and the share.

    Both in standardised columns, as scikit-learn does: only there a multiple of the identity is
    a likely covariance. `apart` are the rows less their mean, `square` the variances of the
    columns. A row of weight 2 counts as two rows.
    """
    scale = np.sqrt(square)
    scale[scale == 0] = 1.0
    rows = apart / scale
    root = np.sqrt(weights / weights.sum())[:, None]
    correlation = (root * rows).T @ (root * rows)
    share = ledoit_wolf_share(rows, weights, correlation)
    return shrunk(correlation, share) * scale * scale[:, None], share


def ledoit_wolf_share(rows: Doubles, weights: Doubles, covariance: Doubles) -> float:
    r"""Return the share of Ledoit and Wolf for centred rows.

    .. math:: \frac{\min(b^2, \delta^2)}{\delta^2}, \qquad
              \delta^2 = |S - m I|^2, \qquad
              b^2 = \frac1n \Big( \frac1n \sum_i |x_i|^4 - |S|^2 \Big)

    with the norm of Frobenius and m the mean of the diagonal of S: the share that has the
    smallest expected squared error if the rows are many. n is the sum of the weights.

    Source: O. Ledoit, M. Wolf (2004), J. Multivariate Analysis 88, section 3.3.
    """
    total = weights.sum()
    mean = covariance.diagonal().mean()
    off = covariance.copy()
    off.flat[:: len(off) + 1] -= mean
    distance = float(np.vdot(off, off))
    fourth = float(weights @ np.einsum("nc,nc->n", rows, rows) ** 2 / total)
    noise = (fourth - float(np.vdot(covariance, covariance))) / float(total)
    noise = min(max(noise, 0.0), distance)
    return noise / distance if noise > 0 else 0.0

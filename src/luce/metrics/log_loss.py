"""The logarithmic loss of probabilities: how surprised the model is by the labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.metrics.inputs import as_labels, as_probabilities
from luce.metrics.intervals import Estimate, mean_interval

SMALLEST = float(np.finfo(np.float64).tiny)


def row_losses(labels: ArrayLike, proba: ArrayLike) -> NDArray[np.float64]:
    r"""Loss of each row.

    .. math:: \ell_i = -\log p_{i, y_i}

    A probability below the smallest normal number, 2.2e-308, counts as that number, so a row costs
    708.4 at most. luce's own models never say 0; a file of rounded probabilities may.
    """
    p = as_probabilities(proba)
    y = as_labels(labels, *p.shape)
    at_label = p[np.arange(len(y)), y]  # (n,)
    return np.maximum(0.0, -np.log(np.maximum(at_label, SMALLEST)))  # rounding may give p > 1


def log_loss(labels: ArrayLike, proba: ArrayLike) -> Estimate:
    """Mean loss of labels (n,) under probabilities (n, k), in nats; the interval is that of a mean.

    The interval, ``mean ± 1.96 s / sqrt(n)``, is cut at 0, below which no loss can lie. It holds
    for some hundred rows and more; with few, one confident mistake that is not among them would
    change it. For one row both ends are NaN.

    Examples
    --------
    >>> round(log_loss([0, 1], [[0.9, 0.1], [0.4, 0.6]]).value, 4)
    0.3081
    """
    value, low, high = mean_interval(row_losses(labels, proba))
    return Estimate(value, np.maximum(0.0, low).item(), high)

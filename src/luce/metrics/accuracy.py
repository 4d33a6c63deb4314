"""The share of right answers, and the share that needs no model."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.metrics.inputs import as_labels, as_probabilities
from luce.metrics.intervals import Estimate, wilson_interval
from luce.metrics.log_loss import log_loss


class Baseline(NamedTuple):
    """What a classifier reaches that does not look at the features."""

    label: int
    accuracy: Estimate
    log_loss: Estimate


def accuracy(labels: ArrayLike, proba: ArrayLike) -> Estimate:
    """Share of rows (n,) whose most probable class in ``proba`` (n, k) is the label's.

    Of equally probable classes the first one counts. The interval is Wilson's.

    Examples
    --------
    >>> round(accuracy([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).value, 4)
    0.6667
    """
    p = as_probabilities(proba)
    y = as_labels(labels, *p.shape)
    return wilson_interval(int((p.argmax(axis=1) == y).sum()), len(y))


def majority_baseline(labels: ArrayLike, classes: int) -> Baseline:
    """The best that can be done without features, on labels (n,) of 0..classes-1.

    The accuracy is that of always answering the most frequent class; the log loss that of giving
    each class its share among these very labels as its probability (their entropy). Both are the
    best constants in hindsight, so a model that beats them has learnt from the features.

    Examples
    --------
    >>> baseline = majority_baseline([0, 0, 0, 1], classes=2)
    >>> baseline.label, baseline.accuracy.value, round(baseline.log_loss.value, 4)
    (0, 0.75, 0.5623)
    """
    y = as_labels(labels, len(np.asarray(labels)), classes)
    counts: NDArray[np.int64] = np.bincount(y, minlength=classes)
    winner = int(counts.argmax())
    shares = np.broadcast_to(counts / len(y), (len(y), classes))
    return Baseline(winner, wilson_interval(int(counts[winner]), len(y)), log_loss(y, shares))

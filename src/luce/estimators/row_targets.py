"""What y may be: labels, or rows of probabilities over the classes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from luce.errors import LabelError
from luce.estimators.class_weights import class_weights
from luce.estimators.classes import classes_of
from luce.solvers import Distributions, Labels, Targets

Doubles = NDArray[np.float64]

_OFF = 1e-3  # that a row of probabilities, perhaps of 16 bits, may miss its sum by


class RowTargets(NamedTuple):
    """The classes, what each row should be, and how much it weighs."""

    classes: NDArray[Any]
    targets: Targets
    weights: Doubles


def holds_distributions(y: Any) -> bool:
    """Return whether y is a matrix of two or more columns: a probability for each class."""
    shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    return len(shape) == 2 and shape[1] > 1


def row_targets(
    y: NDArray[Any],
    weights: Doubles,
    class_weight: Mapping[Any, float] | str | None,
    smoothing: float,
) -> RowTargets:
    """Translate y; class weights go into the weights of rows (and the shares of their classes)."""
    if y.ndim == 2:
        return _distributions(y, weights, class_weight, smoothing)
    whole = y.dtype.kind in "iu" and y.size > 0  # of these nothing is to be said but one thing:
    if not whole:
        check_classification_targets(y)
    classes, labels = classes_of(y)
    if whole and 2 * len(classes) > len(y):
        check_classification_targets(y)  # it warns that there is a class for nearly every row
    if class_weight is not None:
        weights = weights * class_weights(class_weight, classes, labels, weights)[labels]
    return RowTargets(classes, Labels(labels, len(classes), smoothing), weights)


def log_class_weights(
    y: NDArray[Any], weights: Doubles, class_weight: Mapping[Any, float] | str | None
) -> Doubles:
    r"""Return by how much class weights raise the logits of a softmax model, (k,).

    With weights c the rows are those of a population in which class k has the share
    :math:`c_k \pi_k` instead of :math:`\pi_k`, so its posterior is :math:`c_k p_k` up to a
    factor of the row: the logits are those of p plus log c. A class of weight 0 is left as it is.

    Source: G. King, L. Zeng (2001), Logistic regression in rare events data, Political Analysis 9,
    section 4.1 (prior correction); the same for any number of classes.
    """
    plain, weighted = (row_targets(y, weights, w, 0.0) for w in (None, class_weight))
    before, after = plain.targets.totals(plain.weights), weighted.targets.totals(weighted.weights)
    known = (before > 0) & (after > 0)
    return np.log(np.where(known, after, 1.0) / np.where(known, before, 1.0))


def _distributions(
    y: NDArray[Any],
    weights: Doubles,
    class_weight: Mapping[Any, float] | str | None,
    smoothing: float,
) -> RowTargets:
    """A class weight multiplies the class's share of each row: of the loss, as for labels."""
    p = _checked(y)
    classes = np.arange(p.shape[1])
    if class_weight is not None:
        totals = weights @ p
        if isinstance(class_weight, str):  # "balanced"
            of_class = totals.sum() / (len(classes) * np.where(totals > 0, totals, np.inf))
        else:
            of_class = np.array([float(class_weight.get(c, 1.0)) for c in classes.tolist()])
        p = p * of_class
        factor = p.sum(axis=1)
        weights = weights * factor
        p[factor > 0] /= factor[factor > 0, None]
        p[factor == 0] = 1 / len(classes)  # such a row has no weight
    return RowTargets(classes, Distributions(p, smoothing), weights)


def _checked(y: NDArray[Any]) -> Doubles:
    p: Doubles = np.array(y, dtype=np.float64, order="C")
    total = p.sum(axis=1)
    wrong = (p < 0).any(axis=1) | ~(np.abs(total - 1) <= _OFF)
    if wrong.any():
        row = int(wrong.argmax())
        raise LabelError(
            f"rows of y must be probabilities with sum 1, got a sum of {total[row]:.6g} and a"
            f" smallest element of {p[row].min():.6g} in row {row} (rows at fault:"
            f" {np.count_nonzero(wrong)}). Divide each row by its sum, or pass a label for each."
        )
    p /= total[:, None]
    return p

"""How good the models of a cross-validation are on the rows that they have not seen."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer

from luce import functions
from luce.estimators.linear_classifier import LinearClassifier, linear_logits

Doubles = NDArray[np.float64]
Scoring = str | Callable[..., float] | None

ROW_SCORES = ("neg_log_loss", "accuracy")  # those that are means over rows


def row_scores(scoring: str, logits: Doubles, labels: NDArray[np.int64]) -> Doubles:
    """Return what each row adds: minus its loss, or whether its label has the largest logit."""
    if scoring == "accuracy":
        hits: Doubles = (logits.argmax(axis=1) == labels).astype(np.float64)
        return hits
    own: Doubles = functions.log_softmax(logits)[np.arange(len(labels)), labels]
    return own


def score(
    scoring: Scoring,
    model: LinearClassifier,
    X: Any,
    labels: NDArray[np.int64],
    weights: Doubles | None,
) -> float:
    """Return the score of a fitted model on rows that it has not seen.

    The logarithmic loss and the accuracy are computed here, from logits and without a clip, and
    know all classes of the model, also those that do not occur in these rows.
    """
    name = "accuracy" if scoring is None else scoring
    if isinstance(name, str) and name in ROW_SCORES:
        logits = linear_logits(X, model.coef_, model.intercept_).astype(np.float64)
        if logits.shape[1] == 1:
            logits = np.column_stack([np.zeros(len(logits)), logits])
        rows = row_scores(name, logits, labels)
        if weights is not None and not weights.sum() > 0:
            return np.nan
        return float(np.average(rows, weights=weights))
    weighted = {} if weights is None else {"sample_weight": weights}
    return float(get_scorer(name)(model, X, model.classes_[labels], **weighted))


class Choice(NamedTuple):
    """The best of several candidates."""

    place: int
    standard_error: float  # of the best mean


def choose(scores: Doubles, weights: Doubles | None, rule: str) -> Choice:
    """Choose a column by its mean score; the columns are ordered by falling penalty.

    Parameters
    ----------
    scores : (folds, candidates) array
        NaN where nothing is known.
    weights : (folds,) array, optional
        Of the folds in the mean: rows, for leave-one-out.
    rule : {"best", "one_standard_error"}
        The best mean (the first of equal ones), or the first that is not worse than it by
        more than the standard error of the best.

    Returns
    -------
    Choice
    """
    found = [mean_score(column, weights) for column in scores.T]
    means = np.array([each.mean for each in found])
    best = int(np.nanargmax(means))
    error = found[best].standard_error
    if rule == "best":
        return Choice(best, error)
    return Choice(int(np.flatnonzero(means >= means[best] - error)[0]), error)


class MeanScore(NamedTuple):
    """The mean over folds, and how far it may be off."""

    mean: float
    standard_error: float


def mean_score(scores: Doubles, weights: Doubles | None) -> MeanScore:
    """Return the mean of the folds that have a score; NaN if none has."""
    share = np.full(len(scores), 1.0) if weights is None else weights
    used = ~np.isnan(scores) & (share > 0)
    if not used.any():
        return MeanScore(np.nan, np.nan)
    kept, share = scores[used], share[used] / share[used].sum()
    mean = float(share @ kept)
    effective = 1 / float(share @ share)  # folds of equal weight that tell as much
    spread = float(share @ (kept - mean) ** 2)
    return MeanScore(mean, float(np.sqrt(spread / (effective - 1))) if effective > 1 else 0.0)

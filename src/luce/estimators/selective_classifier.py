"""Abstaining: answer only where the answers are right often enough, with a guarantee."""

import warnings
from math import inf
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from luce import _checks, metrics
from luce.errors import ParameterError
from luce.estimators.held_out import codes, fitted_on_part, logits_of, prefit
from luce.metrics.confidence import SCORES

Doubles = NDArray[np.float64]

_LEVELS = 16  # thresholds that are tried; each costs some of the certainty


class Decisions(NamedTuple):
    """Answers, and which of them are given; all arrays (n_rows,)."""

    labels: NDArray[Any]  # the best guess, also where no answer is given
    answered: NDArray[np.bool_]
    confidence: Doubles


class Threshold(NamedTuple):
    """A threshold of the confidence, with what is proven of the rows above it."""

    value: float
    risk_bound: float
    coverage: float  # share of the rows above it


class SelectiveClassifier(BaseEstimator):  # type: ignore[misc]  # untyped base
    r"""Answers the rows that it is sure of, so that at most a given share of answers is wrong.

    From rows that the classifier has not seen it learns the lowest threshold of the confidence
    for which

    .. math:: \Pr\big( P(\text{wrong} \mid \text{confidence} > t) \le r \big) \ge 1 - \delta

    can be proven, r being ``max_risk`` and delta one minus ``certainty``. The probability is over
    the drawing of these rows.

    Parameters
    ----------
    estimator : classifier, optional
        With ``decision_function`` or ``predict_proba``; default: `SoftmaxRegression`.
    max_risk : float, default=0.05
        Share of the given answers that may be wrong.
    certainty : float, default=0.95
        Probability with which the promise holds.
    score : str, default="max_probability"
        The confidence: "max_probability", "margin", "entropy", "max_logit" or "energy", as in
        `luce.metrics.confidence`.
    prefit : bool, default=False
        Whether `estimator` is fitted already; then `fit` takes rows that it has not seen.
    holdout : float, default=0.25
        Without `prefit`: the share of the rows that the classifier is not trained on.
    random_state : int, optional
        Seed of the rows held out.

    Attributes
    ----------
    threshold_ : float
        Rows with a confidence above it are answered; -inf: all; inf: none, for nothing was proven.
    risk_bound_ : float
        The proven bound on the share of wrong answers; NaN if there is none.
    coverage_ : float
        Share of the held-out rows that are answered.
    estimator_ : classifier
        The fitted one.
    classes_ : array of shape (n_classes,)
        Its classes.

    Notes
    -----
    Sixteen thresholds are tried, the confidences of the rows at 1/16, 2/16, ... of all. The rows
    above such a one are, given its value, drawn independently from all rows above it; so the
    number of wrong ones among them is binomial, and Clopper and Pearson's bound at the level
    delta / 16 holds for all sixteen together. The lowest that keeps the promise is taken.

    Source: Y. Geifman, R. El-Yaniv (2017), Selective classification for deep neural networks,
    NeurIPS; A. Angelopoulos et al. (2021), Learn then test, arXiv:2110.01052 (testing many).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from luce import SelectiveClassifier, SoftmaxRegression
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SoftmaxRegression(C=1e-4).fit(X[:600], y[:600])
    >>> careful = SelectiveClassifier(model, prefit=True, max_risk=0.03).fit(X[600:], y[600:])
    >>> decisions = careful.decide(X[600:])
    >>> bool(decisions.answered.mean() > 0.6), bool(careful.risk_bound_ <= 0.03)
    (True, True)
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        max_risk: float = 0.05,
        certainty: float = 0.95,
        score: str = "max_probability",
        prefit: bool = False,
        holdout: float = 0.25,
        random_state: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.max_risk = max_risk
        self.certainty = certainty
        self.score = score
        self.prefit = prefit
        self.holdout = holdout
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Learn the threshold; train the classifier on the other rows unless it is fitted.

        Parameters
        ----------
        X : array_like
            Rows as the classifier takes them.
        y : array_like of shape (n_rows,)
            Labels.

        Returns
        -------
        SelectiveClassifier
            Itself. Where nothing can be proven a warning says what is missing, and no row is ever
            answered.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If a label is unknown to the classifier.
        """
        for name in ("max_risk", "certainty"):
            value = getattr(self, name)
            if isinstance(value, bool) or not 0 < value < 1:
                raise ParameterError(
                    f"{name} must lie between 0 and 1, got {value!r}. Pass {name}=0.05 or 0.95."
                )
        _checks.as_choice(self.score, SCORES, "score")
        if self.prefit:
            self.estimator_ = prefit(self.estimator)
        else:
            fitted = fitted_on_part(self.estimator, X, y, self.holdout, self.random_state)
            self.estimator_, X, y = fitted
        self.classes_ = np.asarray(self.estimator_.classes_)
        winner, sure = self._judged(X)
        wrong = winner != codes(y, self.classes_)
        found = provable_threshold(wrong, sure, self.max_risk, self.certainty)
        self.threshold_, self.risk_bound_, self.coverage_ = found
        if found.value == inf:
            warnings.warn(self._shortfall(wrong), UserWarning, stacklevel=2)
        return self

    def decide(self, X: Any) -> Decisions:
        """Return the best guess for each row, and whether it is given as an answer.

        Parameters
        ----------
        X : array_like
            Rows as `fit` took them.

        Returns
        -------
        Decisions
            ``labels``, ``answered`` and ``confidence`` of each row.
        """
        check_is_fitted(self, "threshold_")
        winner, sure = self._judged(X)
        return Decisions(self.classes_[winner], sure > self.threshold_, sure)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best guess for every row, as if there were no threshold."""
        return self.decide(X).labels

    def _judged(self, X: Any) -> tuple[NDArray[np.intp], Doubles]:
        z = logits_of(self.estimator_, X)
        return z.argmax(axis=1), metrics.confidence(z, self.score)

    def _shortfall(self, wrong: NDArray[np.bool_]) -> str:
        needed = int(np.ceil(np.log((1 - self.certainty) / _LEVELS) / np.log1p(-self.max_risk)))
        return (
            f"a risk of at most {self.max_risk:g} must be proven for some of the rows, got no proof"
            f" from {len(wrong)} rows with {int(wrong.sum())} wrong answers; no row will be"
            f" answered. Pass a larger max_risk, or more rows: {_LEVELS * needed} or more, so"
            f" that a sixteenth of them are {needed} right answers."
        )


def provable_threshold(
    wrong: NDArray[np.bool_], sure: Doubles, max_risk: float, certainty: float
) -> Threshold:
    """Return the lowest threshold of the confidence above which the risk is proven to be small.

    The value is inf where nothing can be proven, and the bound NaN.
    """
    order = np.argsort(-sure, kind="stable")
    falling, mistakes = sure[order], np.cumsum(wrong[order])
    n, level = len(wrong), (1 - certainty) / _LEVELS
    for part in range(_LEVELS, 0, -1):
        place = n * part // _LEVELS  # the row whose confidence is the threshold
        threshold = float(falling[place]) if place < n else -inf
        above = int(np.searchsorted(-falling, -threshold, side="left"))
        if above == 0:
            continue
        bound = upper_bound(int(mistakes[above - 1]), above, level)
        if bound <= max_risk:
            return Threshold(threshold, bound, above / n)
    return Threshold(inf, np.nan, 0.0)


def upper_bound(mistakes: int, rows: int, level: float) -> float:
    """Return Clopper and Pearson's upper bound on a share, wrong with probability `level`."""
    if mistakes >= rows:
        return 1.0
    return float(betaincinv(mistakes + 1, rows - mistakes, 1 - level))

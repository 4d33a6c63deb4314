"""Conformal prediction: sets of classes that hold the truth as often as was asked for."""

from math import inf
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from luce import _checks
from luce.errors import ParameterError
from luce.estimators.conformity import METHODS, conformal_quantile, conformity_scores
from luce.estimators.held_out import codes, fitted_on_part, prefit

Doubles = NDArray[np.float64]


class ConformalSets(BaseEstimator):  # type: ignore[misc]  # untyped base
    r"""Split conformal prediction: sets of classes with a guaranteed coverage.

    Rows that the classifier has not seen tell how well its probabilities p fit the truth. A new
    row's set holds every class that fits no worse than the k-th best of theirs,

    .. math:: \Pr(y \in \mathrm{set}(x)) \ge 1 - \alpha, \qquad k = \lceil (n+1)(1-\alpha) \rceil,

    whatever the classifier and the distribution, if old and new rows come from the same one.

    Parameters
    ----------
    estimator : classifier, optional
        With ``predict_proba``. None: what is passed as X are the probabilities themselves.
    method : {"lac", "aps", "raps"}, default="lac"
        "lac" (least ambiguous) gives the smallest sets on average; "aps" (adaptive) spends more on
        hard rows, so that easy and hard ones are covered alike; "raps" is "aps" with a cost for
        classes of low rank, for many classes. See `luce.estimators.conformity`.
    alpha : float, default=0.1
        Share of the rows whose set may miss the truth.
    class_conditional : bool, default=False
        Whether the coverage holds within each class (Mondrian): each class is compared with rows of
        its own. A class with fewer than ``1 / alpha - 1`` rows is in every set.
    randomised : bool, default=True
        Whether "aps" and "raps" draw a random number a row, as in the papers, which makes the
        coverage exact; without it sets are larger and the coverage is above.
    at_least_one : bool, default=False
        Whether the most probable class is in every set. A set without a class says "nothing that
        I know"; forbidding it can only add to the coverage.
    raps_penalty : float, default=0.01
        Cost of each rank of "raps" beyond `raps_rank`.
    raps_rank : int, default=5
        Ranks of "raps" that cost nothing.
    prefit : bool, default=False
        Whether `estimator` is fitted already; then `fit` takes rows that it has not seen.
    holdout : float, default=0.25
        Without `prefit`: the share of the rows that the classifier is not trained on.
    random_state : int, optional
        Seed of the rows held out and of the random numbers.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The columns of the sets.
    estimator_ : classifier or None
        The fitted one.
    threshold_ : array of shape (1,), or (n_classes,) if `class_conditional`
        The largest score that is let in; inf where the rows are too few to exclude anything.
    scores_ : array of shape (n_rows,)
        The score of the truth in each row of the calibration.
    labels_ : array of shape (n_rows,)
        The truth, as columns.

    Notes
    -----
    The guarantee is one over the drawing of calibration rows and new row together. With n
    calibration rows the coverage of one calibration is Beta distributed about ``1 - alpha`` with
    a standard deviation of about ``sqrt(alpha (1 - alpha) / n)``: 1 % for n = 900.

    Source: Vovk, Gammerman & Shafer (2005); Sadinle, Lei & Wasserman (2019), JASA 114 (LAC);
    Romano, Sesia & Candès (2020), NeurIPS (APS); Angelopoulos et al. (2021), ICLR (RAPS).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from luce import ConformalSets, SoftmaxRegression
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SoftmaxRegression(C=1e-4).fit(X[:600], y[:600])
    >>> sets = ConformalSets(model, prefit=True, alpha=0.05).fit(X[600:1200], y[600:1200])
    >>> sets.predict_set(X[1200:1203]).shape
    (3, 10)
    >>> sets.coverage(X[1200:], y[1200:]) > 0.9
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: str = "lac",
        alpha: float = 0.1,
        class_conditional: bool = False,
        randomised: bool = True,
        at_least_one: bool = False,
        raps_penalty: float = 0.01,
        raps_rank: int = 5,
        prefit: bool = False,
        holdout: float = 0.25,
        random_state: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.alpha = alpha
        self.class_conditional = class_conditional
        self.randomised = randomised
        self.at_least_one = at_least_one
        self.raps_penalty = raps_penalty
        self.raps_rank = raps_rank
        self.prefit = prefit
        self.holdout = holdout
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Learn which scores the truth has.

        Parameters
        ----------
        X : array_like
            Rows as the classifier takes them; probabilities (n, k) without a classifier.
        y : array_like of shape (n_rows,)
            The truth; without a classifier, numbers of columns.

        Returns
        -------
        ConformalSets
            Itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If a label is unknown to the classifier.
        DataError
            If rows of probabilities are none.
        """
        self._check_options()
        if not (self.estimator is None or self.prefit):
            fitted = fitted_on_part(self.estimator, X, y, self.holdout, self.random_state)
            self.estimator_, X, y = fitted
        else:
            self.estimator_ = prefit(self.estimator)
        p = self._probabilities(X)
        if self.estimator_ is None:
            self.classes_ = np.arange(p.shape[1])
            self.labels_ = _checks.as_labels(y, (len(p),), p.shape[1])
        else:
            self.classes_ = np.asarray(self.estimator_.classes_)
            self.labels_ = codes(y, self.classes_)
        scores = self._scores(p, 0)
        self.scores_ = scores[np.arange(len(p)), self.labels_]
        self.threshold_ = self._threshold(self.alpha)
        return self

    def predict_set(self, X: Any, alpha: float | None = None) -> NDArray[np.bool_]:
        """Return which classes are in the set of each row, shape (n_rows, n_classes).

        Parameters
        ----------
        X : array_like
            Rows as `fit` took them.
        alpha : float, optional
            Another share of misses than that of the constructor.

        Returns
        -------
        array of bool
        """
        check_is_fitted(self, "threshold_")
        p = self._probabilities(X)
        threshold = self.threshold_ if alpha is None else self._threshold(alpha)
        sets: NDArray[np.bool_] = self._scores(p, 1) <= threshold
        if self.at_least_one:
            sets[np.arange(len(p)), p.argmax(axis=1)] = True
        return sets

    def coverage(self, X: Any, y: ArrayLike) -> float:
        """Return the share of rows whose set holds the truth; see `luce.metrics.set_coverage`."""
        sets = self.predict_set(X)
        held = sets[np.arange(len(sets)), codes(y, self.classes_)]
        return float(held.mean())

    def _probabilities(self, X: Any) -> Doubles:
        p = np.asarray(X if self.estimator_ is None else self.estimator_.predict_proba(X))
        return np.asarray(_checks.as_distributions(p, p.shape[:1], p.shape[-1]), np.float64)

    def _scores(self, p: Doubles, stream: int) -> Doubles:
        """Return all scores; calibration and prediction draw from streams of their own."""
        u = None
        if self.randomised and self.method != "lac":
            seed = np.random.SeedSequence(self.random_state).spawn(2)[stream]
            u = np.random.default_rng(seed).random(len(p))
        return conformity_scores(p, self.method, u, penalty=self.raps_penalty, rank=self.raps_rank)

    def _threshold(self, alpha: float) -> Doubles:
        _check_alpha(alpha)
        if not self.class_conditional:
            return np.array([conformal_quantile(self.scores_, alpha)])
        by_class = [self.scores_[self.labels_ == j] for j in range(len(self.classes_))]
        return np.array([conformal_quantile(scores, alpha) for scores in by_class])

    def _check_options(self) -> None:
        _checks.as_choice(self.method, METHODS, "method")
        _check_alpha(self.alpha)
        penalty: Any = self.raps_penalty
        rank: Any = self.raps_rank
        if not (isinstance(penalty, Real) and 0 <= float(penalty) < inf):
            raise ParameterError(
                f"raps_penalty must be a number from 0, got {penalty!r}. Pass raps_penalty=0.01."
            )
        if not (isinstance(rank, Integral) and int(rank) >= 0):
            raise ParameterError(
                f"raps_rank must be a whole number from 0, got {rank!r}. Pass raps_rank=5."
            )


def _check_alpha(alpha: Any) -> None:
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 < float(alpha) < 1:
        raise ParameterError(
            f"alpha must lie between 0 and 1, got {alpha!r}. For sets that hold the truth in 90 of"
            " 100 cases pass alpha=0.1."
        )

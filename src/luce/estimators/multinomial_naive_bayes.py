"""Multinomial naive Bayes: a softmax whose coefficients are logarithms of shares."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from luce.errors import ParameterError
from luce.estimators.generative import log_priors, one_row_for_two, softmax_regression
from luce.estimators.labelled_rows import LabelledRows
from luce.estimators.naive_bayes import NaiveBayes
from luce.estimators.options import check_flag, check_number
from luce.estimators.softmax_regression import SoftmaxRegression

Doubles = NDArray[np.float64]


class MultinomialNaiveBayes(NaiveBayes):
    r"""Multinomial naive Bayes, for counts such as those of words.

    .. math:: \log P(j \mid x) = \log \pi_j + \sum_c x_c \log q_{jc} + \text{const},
              \qquad q_{jc} = \frac{N_{jc} + \alpha}{\sum_m (N_{jm} + \alpha)}

    where :math:`N_{jc}` is the sum of column c over the rows of class j. The logits are linear:
    `to_softmax` gives the same model as a `SoftmaxRegression`. Equal to scikit-learn's
    ``MultinomialNB`` with the same options.

    Parameters
    ----------
    alpha : float, default=1.0
        Added to each count (Lidstone's smoothing; 1 is Laplace's). 0 only where every
        class shows every feature.
    fit_prior : bool, default=True
        Whether classes have the priors of their shares; otherwise all have the same.
    class_prior : array_like of shape (n_classes,), optional
        Priors, in place of those.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    feature_count_ : array of shape (n_classes, n_features)
        N, weighted.
    class_count_ : array of shape (n_classes,)
        The weight of each class.
    feature_log_prob_ : array of shape (n_classes, n_features)
        log q.
    class_log_prior_ : array of shape (n_classes,)
        Logarithms of the priors.
    coef_ : array of shape (n_classes, n_features), or (1, n_features) for two classes
        log q, without what the classes have in common.
    intercept_ : array of shape (n_classes,) or (1,)
        The logarithms of the priors, likewise.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Sparse rows stay sparse. The logits are computed from `coef_`, which leave out what the classes
    have in common, as those of `to_softmax` are.

    Examples
    --------
    >>> from luce import MultinomialNaiveBayes
    >>> counts = [[3, 0, 1], [2, 0, 0], [0, 2, 2], [0, 1, 3]]
    >>> model = MultinomialNaiveBayes().fit(counts, ["ham", "ham", "spam", "spam"])
    >>> model.predict_proba([[1, 0, 0], [0, 1, 1]]).round(3)
    array([[0.88 , 0.12 ],
           [0.111, 0.889]])
    """

    _SPARSE = "csr"

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
    ) -> None:
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.classifier_tags.poor_score = True  # on the normal features of scikit-learn's checks
        return tags

    def predict_joint_log_proba(self, X: ArrayLike) -> Doubles:
        """Return ``log P(x, j)`` for each row and class, without the multinomial coefficient."""
        check_is_fitted(self)
        return np.asarray(self._table(X) @ self.feature_log_prob_.T + self.class_log_prior_)

    # No decision_function: scikit-learn's contract would have it take negative features.
    def _logits(self, X: ArrayLike) -> Doubles:
        check_is_fitted(self)
        logits = np.asarray(self._table(X) @ self.coef_.T + self.intercept_)
        return logits[:, 0] if len(self.coef_) == 1 else logits

    def to_softmax(self) -> SoftmaxRegression:
        """Return the `SoftmaxRegression` with the same coefficients, hence probabilities.

        Returns
        -------
        SoftmaxRegression
            Fitted.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        return softmax_regression(self.classes_, self.coef_, self.intercept_, names)

    def _table(self, X: ArrayLike) -> Any:
        return validate_data(self, X, dtype=np.float64, accept_sparse="csr", reset=False)

    def _check_options(self) -> None:
        check_number("alpha", self.alpha, "0 or more", lambda alpha: 0 <= alpha < np.inf)
        check_flag("fit_prior", self.fit_prior)

    def _learn(self, rows: LabelledRows, *, first: bool) -> None:
        features, weight = _counts(rows)
        if not first:
            features, weight = features + self.feature_count_, weight + self.class_count_
        self._describe(features, weight)

    def _describe(self, features: Doubles, weight: Doubles) -> None:
        self.feature_count_, self.class_count_ = features, weight
        counts = features + self.alpha
        with np.errstate(divide="ignore"):
            logs = np.log(counts) - np.log(counts.sum(axis=1, keepdims=True))
        if not np.isfinite(logs).all():
            j, column = np.argwhere(~np.isfinite(logs))[0]
            raise ParameterError(
                f"without smoothing every class must show every feature, got none of column"
                f" {column} in class {self.classes_.tolist()[j]!r} (alpha={self.alpha:g}). Pass a"
                " positive alpha."
            )
        self.feature_log_prob_ = logs
        shares = weight if self.fit_prior else np.ones_like(weight)
        self.class_log_prior_ = log_priors(self.class_prior, shares, "class_prior")
        self.coef_ = one_row_for_two(logs)
        self.intercept_ = one_row_for_two(self.class_log_prior_)


def _counts(rows: LabelledRows) -> tuple[Doubles, Doubles]:
    """Return the weighted sum of each column in each class, and the weight of each class."""
    check_non_negative(rows.table, "MultinomialNaiveBayes")
    k, n = len(rows.classes), len(rows.labels)
    members = csr_matrix((rows.weights, (rows.labels, np.arange(n))), shape=(k, n))
    sums = members @ rows.table
    features = sums.toarray() if issparse(sums) else sums
    return np.asarray(features), np.bincount(rows.labels, rows.weights, k).astype(np.float64)

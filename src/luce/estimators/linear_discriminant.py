"""Linear discriminant analysis: normal classes of one covariance, a softmax of linear logits."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from luce.errors import ParameterError
from luce.estimators.class_moments import ClassMoments, class_moments
from luce.estimators.generative import log_priors, one_row_for_two, softmax_regression
from luce.estimators.labelled_rows import labelled_rows
from luce.estimators.logit_classifier import LogitClassifier
from luce.estimators.options import check_number
from luce.estimators.shrunk_covariance import Doubles, class_covariance, shrunk
from luce.estimators.softmax_regression import SoftmaxRegression

_CONSTANT = 8 * np.finfo(float).eps  # a spread below this share of the values is rounding
_DEPENDENT = 1e-10  # of an eigenvalue of the correlations: rounding changes it by a millionth


class LinearDiscriminantAnalysis(LogitClassifier):
    r"""Linear discriminant analysis: classes are normal and share one covariance.

    .. math:: \log P(j \mid x) = \mu_j^T \Sigma^{-1} x - \tfrac12 \mu_j^T \Sigma^{-1} \mu_j
              + \log \pi_j + \text{const}

    The logits are linear: `to_softmax` gives the same model as a `SoftmaxRegression`. Equal to
    scikit-learn's class of the same name.

    Parameters
    ----------
    shrinkage : float or "auto", optional
        Share of the covariance that is replaced by a multiple of the identity, in ``[0, 1]``;
        "auto": for each class the share of Ledoit and Wolf, in standardised columns. None: 0.
    priors : array_like of shape (n_classes,), optional
        Probabilities of the classes; by default their shares of the weight.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    coef_ : array of shape (n_classes, n_features), or (1, n_features) for two classes
        The coefficients of the logits, without what the classes have in common.
    intercept_ : array of shape (n_classes,) or (1,)
        Likewise.
    means_ : array of shape (n_classes, n_features)
        Mean of each class.
    covariance_ : array of shape (n_features, n_features)
        The covariance within the classes, shrunk.
    priors_ : array of shape (n_classes,)
        The probabilities of the classes.
    shrinkage_ : array of shape (n_classes,)
        How much each class's covariance was shrunk.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The covariance is that of maximum likelihood: squares are divided by the number of rows.
    (scikit-learn's ``solver="svd"`` once divided by that number less the number of classes, and
    was hence a little less sure; ``"lsqr"`` always agreed.)

    The covariances of the classes are averaged with the priors as weights. Directions in which
    the classes do not vary at all are left out, as scikit-learn does: a column that is constant
    within every class would separate those that differ in it with infinite certainty. With
    `sample_weight` a row of weight 2 counts as two rows.

    Sources: R. Fisher (1936), Annals of Eugenics 7; O. Ledoit, M. Wolf (2004), A well-conditioned
    estimator for large-dimensional covariance matrices, J. Multivariate Analysis 88.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce import LinearDiscriminantAnalysis
    >>> X, y = load_wine(return_X_y=True)
    >>> model = LinearDiscriminantAnalysis(shrinkage="auto").fit(X, y)
    >>> round(model.score(X, y), 4)
    0.9944
    >>> bool((model.to_softmax().predict_proba(X) == model.predict_proba(X)).all())
    True
    """

    def __init__(
        self, *, shrinkage: float | str | None = None, priors: ArrayLike | None = None
    ) -> None:
        self.shrinkage = shrinkage
        self.priors = priors

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Measure the classes and their common covariance.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite features.
        y : array_like of shape (n_rows,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n_rows,), optional
            How often each row counts, not negative.

        Returns
        -------
        LinearDiscriminantAnalysis
            The estimator itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If y holds fewer than two classes.
        ValueError
            If X is not a finite matrix, or a weight is negative.
        """
        if not (self.shrinkage is None or _is_auto(self.shrinkage)):
            check_number(
                "shrinkage", self.shrinkage, "in [0, 1], 'auto' or None", lambda s: 0 <= s <= 1
            )
        rows = labelled_rows(self, X, y, sample_weight, dtype=np.float64)
        moments = class_moments(rows.table, rows.labels, rows.weights, len(rows.classes))
        self.classes_, self.means_ = rows.classes, moments.mean
        log_prior = log_priors(self.priors, moments.weight, "priors")
        self.priors_ = np.exp(log_prior)
        self._measure_covariance(rows.table, rows.labels, rows.weights, moments)
        self._set_logits(log_prior)
        return self

    def decision_function(self, X: ArrayLike) -> Doubles:
        """Return the logits, shape (n_rows, n_classes); two classes: the log-odds, (n_rows,)."""
        return self._logits(X)

    def _logits(self, X: ArrayLike) -> Doubles:
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, reset=False)
        logits: Doubles = table @ self.coef_.T + self.intercept_
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

    def _measure_covariance(
        self, X: Doubles, labels: NDArray[np.int64], weights: Doubles, moments: ClassMoments
    ) -> None:
        """Average the covariances of the classes, each shrunk if that is asked for."""
        d = X.shape[1]
        total, shares = np.zeros((d, d)), np.zeros(len(self.classes_))
        for j in np.flatnonzero(moments.weight):  # a class of no weight has nothing to measure
            own = np.flatnonzero(labels == j)
            apart = X[own] - moments.mean[j]
            if _is_auto(self.shrinkage):
                covariance, shares[j] = class_covariance(apart, weights[own], moments.square[j])
            else:
                root = np.sqrt(weights[own] / moments.weight[j])[:, None]
                covariance = (root * apart).T @ (root * apart)
                shares[j] = 0.0 if self.shrinkage is None else self.shrinkage
                covariance = shrunk(covariance, shares[j])
            total += self.priors_[j] * covariance
        self.covariance_, self.shrinkage_ = total, shares

    def _set_logits(self, log_prior: Doubles) -> None:
        """Solve for the coefficients about the centre of the classes, where numbers are small."""
        centre = self.priors_ @ self.means_
        apart = self.means_ - centre
        weights = apart @ _inverse(self.covariance_, np.abs(self.means_).max(axis=0))
        self.coef_ = one_row_for_two(weights)
        constant = log_prior - 0.5 * np.einsum("jc,jc->j", weights, apart)
        self.intercept_ = one_row_for_two(constant) - self.coef_ @ centre


def _is_auto(shrinkage: object) -> bool:
    if isinstance(shrinkage, str) and shrinkage != "auto":
        raise ParameterError(
            f"shrinkage must be in [0, 1], 'auto' or None, got {shrinkage!r}. Pass another one."
        )
    return isinstance(shrinkage, str)


def _inverse(covariance: Doubles, size: Doubles) -> Doubles:
    """Return the inverse in the space where there is variance at all, 0 elsewhere.

    It is taken of the correlations, so that the units of the columns do not matter.
    """
    spread = np.sqrt(covariance.diagonal())
    varies = spread > _CONSTANT * size
    inverse = np.zeros_like(covariance)
    scale = spread[varies]
    if not len(scale):
        return inverse
    values, vectors = np.linalg.eigh(covariance[np.ix_(varies, varies)] / scale / scale[:, None])
    kept = values > _DEPENDENT * values[-1]
    root = vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]
    inverse[np.ix_(varies, varies)] = root @ root.T
    return inverse

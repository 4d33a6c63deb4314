"""Gaussian naive Bayes: a softmax whose logits come from means and variances."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from luce.errors import ParameterError
from luce.estimators.class_moments import ClassMoments, class_moments
from luce.estimators.generative import log_priors, one_row_for_two, softmax_regression
from luce.estimators.labelled_rows import LabelledRows
from luce.estimators.naive_bayes import NaiveBayes
from luce.estimators.options import check_flag, check_number
from luce.estimators.softmax_regression import SoftmaxRegression

Doubles = NDArray[np.float64]


class GaussianNaiveBayes(NaiveBayes):
    r"""Gaussian naive Bayes: within a class the features are independent and normal.

    .. math:: \log P(j \mid x) = \log \pi_j
              - \tfrac12 \sum_c \Big( \log(2 \pi \sigma_{jc}^2)
              + \frac{(x_c - \mu_{jc})^2}{\sigma_{jc}^2} \Big) + \text{const}

    That is the softmax of functions quadratic in x, and of linear ones if the classes share
    their variances; `to_softmax` gives it. Equal to scikit-learn's ``GaussianNB`` with the same
    options, which has no shared variance.

    Parameters
    ----------
    priors : array_like of shape (n_classes,), optional
        Probabilities of the classes; by default their shares of the weight.
    var_smoothing : float, default=1e-9
        Share of the largest variance of all columns that is added to each variance.
    shared_variance : bool, default=False
        Whether a column has one variance within every class: then the logits are linear.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    theta_, var_ : arrays of shape (n_classes, n_features)
        Mean and variance of each column in each class, the smoothing included.
    class_count_ : array of shape (n_classes,)
        The weight of each class.
    class_log_prior_ : array of shape (n_classes,)
        Logarithms of the priors.
    epsilon_ : float
        What was added to each variance.
    centre_ : array of shape (n_features,)
        About which `softmax_features` are taken: in each column the mean of the class that
        varies least.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The moments of several calls of `partial_fit` are merged by the formulas of Chan, Golub and
    LeVeque, and the smoothing is taken from all rows seen so far: so the rows may come in any
    pieces. (scikit-learn takes it from the newest piece.)

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from luce import GaussianNaiveBayes
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GaussianNaiveBayes().fit(X, y)
    >>> model.score(X, y)
    0.96
    >>> twin = model.to_softmax()
    >>> bool((twin.predict(model.softmax_features(X)) == model.predict(X)).all())
    True
    """

    _SPARSE = False

    def __init__(
        self,
        *,
        priors: ArrayLike | None = None,
        var_smoothing: float = 1e-9,
        shared_variance: bool = False,
    ) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.shared_variance = shared_variance

    def predict_joint_log_proba(self, X: ArrayLike) -> Doubles:
        """Return ``log P(x, j)`` for each row and class, shape (n_rows, n_classes)."""
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, reset=False)
        joint = np.empty((len(table), len(self.classes_)))
        for j, (mean, variance) in enumerate(zip(self.theta_, self.var_, strict=True)):
            # Not expanded: x^2 - 2 x mu + mu^2 would cancel where a class varies little.
            apart = (table - mean) / np.sqrt(variance)
            joint[:, j] = -0.5 * np.einsum("nc,nc->n", apart, apart)
        constant = self.class_log_prior_ - 0.5 * np.log(2 * np.pi * self.var_).sum(axis=1)
        return np.asarray(joint + constant)

    def decision_function(self, X: ArrayLike) -> Doubles:
        """Return ``log P(x, j)``, shape (n_rows, n_classes); two classes: the log-odds, (n_rows,).

        For two classes it is the difference of the second and the first.
        """
        return self._logits(X)

    def _logits(self, X: ArrayLike) -> Doubles:
        joint = self.predict_joint_log_proba(X)
        return np.asarray(joint[:, 1] - joint[:, 0]) if joint.shape[1] == 2 else joint

    def softmax_features(self, X: ArrayLike) -> Doubles:
        """Return the columns that the model of `to_softmax` takes.

        With a shared variance X itself; else (n_rows, 2 n_features): first
        ``x - centre_``, then its squares.
        """
        check_is_fitted(self)
        table: Doubles = validate_data(self, X, dtype=np.float64, reset=False)
        if self.shared_variance:
            return table
        apart = table - self.centre_
        return np.hstack([apart, apart * apart])

    def to_softmax(self) -> SoftmaxRegression:
        r"""Return the `SoftmaxRegression` with the same probabilities on `softmax_features`.

        With :math:`u = x - c` and :math:`m_j = \mu_j - c` the squares are multiplied out:

        .. math:: -\frac{(u_c - m_{jc})^2}{2 \sigma_{jc}^2} = - \frac{1}{2 \sigma_{jc}^2} u_c^2
                  + \frac{m_{jc}}{\sigma_{jc}^2} u_c - \frac{m_{jc}^2}{2 \sigma_{jc}^2}

        If the variance is shared, the square is the same for all classes and drops out.

        Returns
        -------
        SoftmaxRegression
            Fitted; equal up to the rounding of the terms above, of which the largest counts.
        """
        check_is_fitted(self)
        apart = self.theta_ - self.centre_
        weight = 1 / self.var_
        constant = self.class_log_prior_ - 0.5 * (np.log(self.var_) + apart**2 * weight).sum(axis=1)
        if self.shared_variance:
            coef = one_row_for_two(apart * weight)
            intercept = one_row_for_two(constant) - coef @ self.centre_
            names = getattr(self, "feature_names_in_", None)
            return softmax_regression(self.classes_, coef, intercept, names)
        coef = np.hstack([apart * weight, -0.5 * weight])
        if len(coef) == 2:
            coef, constant = one_row_for_two(coef), one_row_for_two(constant)
        # Else the mean of the classes is not taken off: one that varies little would bring its
        # large numbers into the logits of all.
        return softmax_regression(self.classes_, coef, constant, None)

    def _check_options(self) -> None:
        check_number(
            "var_smoothing", self.var_smoothing, "0 or more", lambda share: 0 <= share < np.inf
        )
        check_flag("shared_variance", self.shared_variance)

    def _learn(self, rows: LabelledRows, *, first: bool) -> None:
        new = class_moments(rows.table, rows.labels, rows.weights, len(rows.classes))
        self._describe(new if first else self._moments.merged(new))

    def _describe(self, moments: ClassMoments) -> None:
        """Set what is predicted from; the moments stay, without any smoothing, for more rows."""
        self._moments = moments
        whole = moments.total()
        largest = float(whole.square.max())
        # Columns that never vary tell nothing; any positive variance says so.
        self.epsilon_ = self.var_smoothing * largest if largest > 0 else 1.0
        variance = moments.square
        if self.shared_variance:
            variance = np.broadcast_to(moments.within(), variance.shape)
        self.class_count_, self.theta_ = moments.weight, moments.mean
        self.var_ = variance + self.epsilon_
        # About the mean of the class that varies least: there the products with 1 / var_ are
        # largest, and would cancel.
        least = np.where(moments.weight[:, None] > 0, self.var_, np.inf).argmin(axis=0)
        self.centre_ = moments.mean[least, np.arange(len(least))]
        self._check_variances()
        self.class_log_prior_ = log_priors(self.priors, moments.weight, "priors")

    def _check_variances(self) -> None:
        wrong = np.argwhere(~(self.var_ > 0))
        if len(wrong):
            j, column = wrong[0]
            label = self.classes_.tolist()[j]
            raise ParameterError(
                f"each column must vary within each class, got the variance 0 in column {column} of"
                f" class {label!r}. Pass a larger var_smoothing, or drop the column."
            )

"""Standard errors, tests and intervals for the coefficients of a softmax regression."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.errors import DataError, ParameterError
from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.inference_result import Inference
from luce.estimators.inference_rows import Fitted, read
from luce.estimators.softmax_regression import SoftmaxRegression
from luce.solvers.likelihood import DependentColumnError, Maximum

Doubles = NDArray[np.float64]

COVARIANCES = ("nonrobust", "HC0", "cluster")


def inference(
    model: SoftmaxRegression,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    cov_type: str = "nonrobust",
    groups: ArrayLike | None = None,
    reference: Any = None,
) -> Inference:
    r"""Return standard errors, p-values, intervals and tests for a fitted softmax regression.

    The optimum is found again, by Newton's method from the model's coefficients, until rounding is
    all that is left; `X` is read in blocks, so memory does not grow with the rows. Standardised
    columns and a softmax that cannot overflow make it work in any units.

    Parameters
    ----------
    model : SoftmaxRegression
        Fitted; without a penalty (``C=np.inf``) for errors and p-values in the usual sense.
    X : array of shape (n_rows, n_features)
        The rows that the model was fitted to.
    y : array of shape (n_rows,)
        Their labels.
    sample_weight : array of shape (n_rows,), optional
        As in `fit`. For "nonrobust" a weight counts how often the row was seen; for "HC0" and
        "cluster" it is a sampling weight.
    cov_type : {"nonrobust", "HC0", "cluster"}, default="nonrobust"
        Inverse information :math:`H^{-1}`; or :math:`H^{-1} S H^{-1}` with S the sum of squares of
        the scores of the rows, right also where the model is not (White 1982); or with those of
        groups of rows, which may depend on each other.
    groups : array of shape (n_rows,), optional
        The group of each row, for "cluster".
    reference : a label, optional
        The class that the others are compared with; default: the first.

    Returns
    -------
    Inference

    Raises
    ------
    DataError
        The maximum does not exist (separated classes) or is not unique (dependent columns), or
        the rows are not those of the fit.
    ParameterError
        An option does not fit, or the model has smoothed labels, an L1 penalty, or class weights
        with "nonrobust".

    Notes
    -----
    A penalised fit (finite C) gives the inverse Hessian of what it has minimised: the covariance of
    the normal approximation to the posterior, whose prior is the penalty. With "HC0" the ends are
    the variance of the shrunken estimate (le Cessie & van Houwelingen 1992, Applied Statistics 41),
    without its bias. Neither interval covers at its nominal rate; the summary says so.

    Cost: about five passes of ``n (kd)^2`` operations, and ``(kd)^2`` numbers of memory.

    Source: H. White (1982), Maximum likelihood estimation of misspecified models, Econometrica 50.

    Examples
    --------
    >>> import numpy as np
    >>> import luce
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> X = X[:, [0, 9]]  # alcohol, colour intensity
    >>> model = luce.SoftmaxRegression(C=np.inf).fit(X, y)
    >>> result = luce.inference(model, X, y)
    >>> result.params.round(2)  # constant, alcohol, colour; a column a class but the first
    array([[66.3 , 37.92],
           [-4.65, -3.22],
           [-1.3 ,  0.84]])
    >>> result.pvalues.round(4)
    array([[0.    , 0.    ],
           [0.    , 0.    ],
           [0.0029, 0.    ]])
    """
    _check(model, cov_type, groups)
    with one_blas_thread():  # the solvers share out the rows
        fitted = read(model, X, y, sample_weight, reference)
        try:
            top = fitted.likelihood.maximise(fitted.start)
        except DependentColumnError as error:
            d = len(fitted.names)
            at = error.column + 1 if fitted.has_constant else error.column
            raise DependentColumnError(error.column, fitted.names[at % d]) from None
        covariance = _covariance(fitted, top, cov_type, groups)
    return Inference(fitted, top, covariance, cov_type)


def _check(model: SoftmaxRegression, cov_type: str, groups: ArrayLike | None) -> None:
    if cov_type not in COVARIANCES:
        raise ParameterError(
            f"cov_type must be one of {', '.join(COVARIANCES)}, got {cov_type!r}. Pass one of"
            " these names."
        )
    if (cov_type == "cluster") != (groups is not None):
        given = "none" if groups is None else "some"
        raise ParameterError(
            f"groups must be given for cov_type='cluster' and for no other, got {given} for"
            f" {cov_type!r}. Pass both, or neither."
        )
    if model.class_weight is not None and cov_type == "nonrobust":
        raise ParameterError(
            "cov_type must be 'HC0' or 'cluster' for a model with class_weight, got 'nonrobust':"
            " weights that no row was seen with are no likelihood. Pass cov_type='HC0', or fit"
            " without class_weight."
        )


def _covariance(fitted: Fitted, top: Maximum, cov_type: str, groups: ArrayLike | None) -> Doubles:
    if cov_type == "nonrobust":
        return top.factor.inverse()
    codes, correction = None, 1.0
    n = fitted.rows
    if groups is not None:
        names, codes = np.unique(np.asarray(groups), return_inverse=True)
        if codes.shape != (n,) or len(names) < 2:
            raise DataError(
                f"groups must name the group of each of the {n} rows, two groups at least, got"
                f" {len(names)} groups in an array of shape {codes.shape}. Pass one value a row."
            )
        correction = len(names) / (len(names) - 1) * (n - 1) / (n - top.beta.size)
    scores = fitted.likelihood.scores(top.beta, codes)
    half = top.factor.solve(scores)
    return np.asarray(correction * top.factor.solve(half.T))

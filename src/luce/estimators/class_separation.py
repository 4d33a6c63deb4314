"""Whether the classes can be separated, so that there is no optimum without a penalty."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_X_y

from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.classes import classes_of
from luce.estimators.options import MINIBATCH, check_flag
from luce.estimators.standardised import units
from luce.solvers import Labels, LinearSoftmax, Result, minimise, separating_direction

Doubles = NDArray[np.float64]

_RIDGE = 1e-6  # of the fit that the programs begin with
_POSITIVE = 1e-9  # of row and direction: smaller margins are rounding
_LARGEST = 200_000_000  # elements, above which a fit does not look for separation
_NAMED = 3  # features, and pairs of classes, in a message


class SeparationWarning(ConvergenceWarning):  # type: ignore[misc]  # untyped base
    """Without a penalty there is no optimum, because the classes can be separated."""


class Separation(NamedTuple):
    """What `separation` finds."""

    kind: str  #: "none", "quasi-complete" or "complete"
    classes: NDArray[Any]  #: (k,) the labels, sorted
    coef: Doubles  #: (k, d) a direction that separates, in the units of the features; or zeros
    intercept: Doubles  #: (k,) the intercepts of that direction
    features: NDArray[np.intp]  #: the features that it uses, the one with most effect first
    pairs: list[tuple[Any, Any]]  #: classes of which it tells some rows from each other


def separation(X: ArrayLike, y: ArrayLike, *, fit_intercept: bool = True) -> Separation:
    r"""Tell exactly whether a linear model can separate the classes.

    The likelihood of softmax regression has a maximum unless there are coefficients W with

    .. math:: (w_{y_i} - w_j)^T x_i + b_{y_i} - b_j \ge 0 \quad \text{for all rows i and classes }
              j \ne y_i, \qquad \text{not all of them } 0 .

    If all can be positive the separation is complete, else quasi-complete. Without a penalty
    coefficients then grow without end along that direction.

    Parameters
    ----------
    X : array_like or sparse matrix of shape (n_rows, n_features)
        Finite features, in any units.
    y : array_like of shape (n_rows,)
        Labels of at least two classes.
    fit_intercept : bool, default=True
        Whether the model has an intercept.

    Returns
    -------
    Separation
        A tuple (kind, classes, coef, intercept, features, pairs).

    Raises
    ------
    ParameterError
        If `fit_intercept` is not a bool.
    LabelError
        If y holds fewer than two classes.
    ValueError
        If X is not a finite matrix.
    ConvergenceError
        If rounding keeps the linear programs from an answer.

    Notes
    -----
    Decided by linear programs on as few rows as settle it; a large table that a fit with hardly
    any penalty gets right in every row needs none. Margins below 1e-9 of the sizes of row and
    direction count as 0. Described in ``docs/separation.md``.

    Source: A. Albert, J. Anderson (1984), On the existence of maximum likelihood estimates in
    logistic regression models, Biometrika 71; K. Konis (2007), Linear programming algorithms for
    detecting separated data in binary logistic regression models, thesis, Oxford.

    Examples
    --------
    >>> from luce.estimators import separation
    >>> hours, passed = [[1], [2], [3], [4], [5], [6]], [0, 0, 0, 1, 1, 1]
    >>> found = separation(hours, passed)
    >>> found.kind, found.features, found.pairs
    ('complete', array([0]), [(0, 1)])
    >>> separation(hours, [0, 0, 1, 0, 1, 1]).kind
    'none'
    """
    check_flag("fit_intercept", fit_intercept)
    table, target = check_X_y(X, y, accept_sparse="csr", dtype=np.float64)
    classes, labels = classes_of(target)
    with one_blas_thread():
        return _separation(table, labels, classes, bool(fit_intercept), None)


def separation_message(model: Any, X: Any, targets: Any, result: Result) -> str | None:
    """Return what a fit without a penalty has to say of separated classes; None if nothing.

    `model` has its coefficients already. Asked only where nothing is penalised and the minimum is
    not proven to be there: at a proven gap of a positive loss there is one.
    """
    plain = isinstance(targets, Labels) and targets.smoothing == 0
    proven = result.converged and result.value > result.gap
    exact = model.solver not in MINIBATCH and not result.interrupted
    if np.inf > model.C or proven or not exact or not plain or X.size > _LARGEST:
        return None
    coef, intercept = model.coef_.astype(np.float64), model.intercept_.astype(np.float64)
    if len(coef) == 1:
        coef, intercept = np.vstack([0 * coef, coef]), np.append(0.0, intercept)
    names = getattr(model, "classes_", np.arange(targets.classes))
    found = _separation(X, targets.labels, names, model.fit_intercept, (coef, intercept))
    return None if found.kind == "none" else _words(model, found)


def _separation(
    X: Any,
    labels: NDArray[np.int64],
    classes: NDArray[Any],
    fit_intercept: bool,
    fitted: tuple[Doubles, Doubles] | None,
) -> Separation:
    k, (n, d) = len(classes), X.shape
    weights = np.full(n, 1 / n)
    measured = units(X, weights, intercept=fit_intercept, strength=1.0)
    if sparse.issparse(X):  # centring would fill it
        measured = measured._replace(centre=np.zeros(d))
        rows = sparse.csr_array(X.astype(np.float64) @ sparse.diags_array(1 / measured.scale))
        if fit_intercept:
            rows = sparse.hstack([rows, np.ones((n, 1))]).tocsr()
    else:
        rows = measured.rows(X, np.float64)
    guess = measured.from_raw(*fitted) if fitted else _nearly_free(measured, X, labels, k)
    found = separating_direction(rows, labels, k, guess=guess)
    if found is None:
        return Separation("none", classes, np.zeros((k, d)), np.zeros(k), np.empty(0, np.intp), [])
    W = np.where(np.abs(found.W) > _POSITIVE * np.abs(found.W).max(), found.W, 0.0)
    coef, intercept = measured.to_raw(W)
    z = np.asarray(rows @ W.T)
    margins = z[np.arange(n), labels][:, None] - z
    told = np.zeros((k, k), bool)
    for j in range(k):
        told[j] = (margins[labels == j] > _POSITIVE * np.abs(W).max()).any(axis=0)
    names = classes.tolist()
    pairs = [(names[a], names[b]) for a, b in np.argwhere(np.triu(told | told.T))]
    effect = np.abs(W[:, :d]).max(axis=0)
    features = np.argsort(-effect, kind="stable")[: np.count_nonzero(effect)]
    kind = "complete" if found.complete else "quasi-complete"
    return Separation(kind, classes, coef, intercept, features, pairs)


def _nearly_free(measured: Any, X: Any, labels: NDArray[np.int64], k: int) -> Doubles:
    """Return the parameters of a fit with hardly any penalty."""
    design = measured.design(X, np.float64)
    d = design.shape[1]
    penalty = np.full(d, _RIDGE)
    penalty[d - measured.intercept :] = 0
    n = len(labels)
    f = LinearSoftmax(design, Labels(labels, k), np.full(n, 1 / n), penalty, measured.intercept)
    theta: Doubles = minimise(f, np.zeros(f.shape), tol=0.1, max_iter=100).theta
    return theta


def _words(model: Any, found: Separation) -> str:
    names = getattr(model, "feature_names_in_", None)
    columns = [f"column {c}" if names is None else repr(names[c]) for c in found.features]
    pairs = [f"{a!r} from {b!r}" for a, b in found.pairs]
    extent = "completely" if found.kind == "complete" else "in part (quasi-completely)"
    return (
        f"without a penalty (C={model.C:g}) the classes must overlap, got classes that can be"
        f" separated {extent}: {_few(columns)} can tell {_few(pairs)}. So there is no optimum,"
        " coefficients grow without end, and those kept are where the iteration stopped. Pass a"
        " finite C (C=1.0 is a ridge with an optimum), or leave out what gives the class away;"
        " luce.estimators.separation(X, y) returns the direction."
    )


def _few(words: list[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")

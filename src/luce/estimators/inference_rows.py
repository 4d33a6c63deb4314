"""A fitted model and its rows, read as the likelihood whose maximum the model is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from luce.errors import DataError, LabelError, ParameterError
from luce.estimators.linear_classifier import DTYPES
from luce.estimators.problem import square_penalty
from luce.estimators.row_targets import holds_distributions, row_targets
from luce.estimators.softmax_regression import SoftmaxRegression
from luce.estimators.standardised import Units, units
from luce.solvers.likelihood import Likelihood, Part

Doubles = NDArray[np.float64]

_BLOCK_BYTES = 1 << 24
_LEAST_ROWS = 256
_SAME = 1e-5  # relative difference of two values of one objective, also with float32 coefficients


@dataclass(frozen=True)
class Fitted:
    """What inference needs to know about a model and the rows it was fitted to.

    Attributes
    ----------
    likelihood : of the standardised columns
    start : (k - 1, d) the model's coefficients there
    to_raw : (d, d) turns the parameters of a class into constant and coefficients
    names : of the d columns, the constant first
    classes : the labels
    target : name of y
    totals : (k,) weight of each class
    penalised : whether C is finite
    C : the inverse strength of the penalty
    rows : how many
    weighted : whether class weights changed what a row counts
    """

    likelihood: Likelihood
    start: Doubles
    to_raw: Doubles
    names: tuple[str, ...]
    classes: NDArray[Any]
    target: str
    totals: Doubles
    penalised: bool
    C: float
    weighted: bool
    rows: int

    @property
    def has_constant(self) -> bool:
        """Whether the first column is the constant."""
        return self.names[0] == "const"


def read(
    model: SoftmaxRegression,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    reference: Any,
) -> Fitted:
    """Return the likelihood of a fitted model; see `luce.inference` for the arguments."""
    check_is_fitted(model)
    _check_options(model)
    if holds_distributions(y):
        raise LabelError(
            f"y must be labels, one a row, got an array of shape {np.shape(y)}: inference is for"
            " classes that were observed. Pass the label of each row."
        )
    table, target = validate_data(model, X, y, accept_sparse="csr", dtype=list(DTYPES), reset=False)
    given = _check_sample_weight(sample_weight, table, dtype=np.float64, ensure_non_negative=True)
    classes, targets, weights = row_targets(target, given, model.class_weight, 0.0)
    _check_classes(model.classes_, classes)
    k, labels = len(classes), targets.labels
    base = _reference(classes, reference)
    strength = square_penalty(model.C, 1.0, k)
    measured = units(table, weights / weights.sum(), intercept=model.fit_intercept, strength=1.0)
    penalty = measured.penalty * strength
    likelihood = Likelihood(_parts(table, labels, weights, measured, k), k, penalty, base)
    start = _start(model, measured, likelihood)
    _check_rows(model, likelihood.value(start) / weights.sum())
    return Fitted(
        likelihood=likelihood,
        start=start,
        to_raw=_to_raw(measured),
        names=_names(model),
        classes=model.classes_,
        target=str(getattr(y, "name", None) or "y"),
        totals=np.bincount(labels, weights, minlength=k).astype(np.float64),
        penalised=bool(np.isfinite(model.C)),
        C=float(model.C),
        weighted=model.class_weight is not None,
        rows=len(labels),
    )


def _check_options(model: SoftmaxRegression) -> None:
    if model.label_smoothing != 0:
        raise ParameterError(
            f"label_smoothing must be 0 for inference, got {model.label_smoothing}: smoothed labels"
            " have no likelihood. Fit without it."
        )
    if model.correct_prior and model.class_weight is not None:
        raise ParameterError(
            "correct_prior must be False for inference with class_weight, got True: the intercepts"
            " were moved after the fit. Fit without it."
        )
    if model.l1_ratio != 0:
        raise ParameterError(
            f"l1_ratio must be 0 for inference, got {model.l1_ratio}: a coefficient that a penalty"
            " may set to 0 has no standard error. Fit with l1_ratio=0."
        )


def _check_classes(known: NDArray[Any], found: NDArray[Any]) -> None:
    if not np.array_equal(known, found):
        differ = sorted(set(known.tolist()) ^ set(found.tolist()), key=str)
        raise LabelError(
            f"y must hold the classes of the model, got {differ[0]!r} on one side only (classes at"
            f" fault: {len(differ)}). Pass the rows that the model was fitted to."
        )


def _reference(classes: NDArray[Any], reference: Any) -> int:
    if reference is None:
        return 0
    at = np.flatnonzero(classes == reference)
    if len(at) != 1:
        raise ParameterError(
            f"reference must be a class of the model, got {reference!r}. Pass one of"
            f" {', '.join(map(repr, classes[:10].tolist()))}{', ...' if len(classes) > 10 else ''}."
        )
    return int(at[0])


def _parts(X: Any, labels: NDArray[np.int64], weights: Doubles, measured: Units, k: int) -> Any:
    step = max(_LEAST_ROWS, _BLOCK_BYTES // (8 * max(k, X.shape[1] + 1)))

    def parts() -> Iterator[Part]:
        for start in range(0, len(labels), step):
            rows = slice(start, start + step)
            block = X[rows].toarray() if sparse.issparse(X) else X[rows]
            part: Doubles = measured.rows(block, np.float64).astype(np.float64, copy=False)
            yield Part(part, labels[rows], weights[rows])

    return parts


def _start(model: SoftmaxRegression, measured: Units, likelihood: Likelihood) -> Doubles:
    coef, intercept = model.coef_.astype(np.float64), model.intercept_.astype(np.float64)
    if len(coef) == 1:
        coef, intercept = np.vstack([0 * coef, coef]), np.append(0, intercept)
    theta = measured.from_raw(coef, intercept)
    return np.asarray(theta[likelihood.others] - theta[likelihood.reference])


def _to_raw(measured: Units) -> Doubles:
    """Return the matrix of `Units.to_raw`, with the constant in front."""
    plain = np.diag(1 / measured.scale)
    if not measured.intercept:
        return plain
    constant = np.append(-measured.centre / measured.scale, 1.0)
    return np.vstack([constant, np.column_stack([plain, np.zeros(len(plain))])])


def _names(model: SoftmaxRegression) -> tuple[str, ...]:
    given = getattr(model, "feature_names_in_", None)
    names = [f"x{c + 1}" for c in range(model.n_features_in_)] if given is None else given
    return (("const",) if model.fit_intercept else ()) + tuple(map(str, names))


def _check_rows(model: SoftmaxRegression, value: float) -> None:
    """Refuse rows whose objective is not the one that the model has reported."""
    told = getattr(model, "objective_", np.nan)  # a model from a file, or a stream, has none
    if np.isfinite(told) and not abs(value - told) <= _SAME * abs(told) + 1e-12:
        raise DataError(
            f"X, y and sample_weight must be those that the model was fitted to (objective"
            f" {told:.6g}), but with these it has the objective {value:.6g}. Pass the same rows."
        )

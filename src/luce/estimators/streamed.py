"""Learning from a stream: one pass to survey it, a few for the optimum, one for the proof."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from luce.errors import ParameterError
from luce.estimators.problem import square_penalty
from luce.estimators.standardised import Units, surveyed_units
from luce.solvers import (
    Journal,
    LinearSoftmax,
    Result,
    RowBlock,
    RowStream,
    StreamedSoftmax,
    Survey,
    sampled_newton,
    survey,
)
from luce.solvers.row_stream import labels_as_codes

Doubles = NDArray[np.float64]

_FLOAT32_TOL = 1e-5  # a gap that float32 can still see
_ONLY = {"solver": "auto", "l1_ratio": 0.0, "penalty_groups": None, "correct_prior": False}


class StreamFit(NamedTuple):
    """What was learnt from a stream."""

    classes: NDArray[Any]
    rows: int
    measured: Units
    result: Result
    dtype: np.dtype[Any]
    passes: int


def check_stream_options(model: Any, y: Any, sample_weight: Any) -> None:
    """Raise a ParameterError for what a stream cannot have."""
    if y is not None or sample_weight is not None:
        name = "sample_weight" if y is None else "y"
        raise ParameterError(
            f"{name} must be left out where X is a stream, which brings the label of each row,"
            f" got {type(y if y is not None else sample_weight).__name__}. Pass fit(stream)."
        )
    for name, only in _ONLY.items():
        given = getattr(model, name)
        if given != only:
            raise ParameterError(
                f"{name} must be {only!r} where X is a stream, got {given!r}. Leave it out."
            )


def fit_stream(model: Any, stream: RowStream, journal: Journal) -> StreamFit:
    """Minimise the function of `SoftmaxRegression` over a stream."""
    counted = _Counted(stream)
    found = survey(counted)
    of_class = _class_weights(model.class_weight, found)
    total = float(of_class @ found.counts)
    if not 0 < total < np.inf:
        raise ParameterError(
            f"class_weight must give a class of the stream a weight, got a total of {total}."
            " Give at least one class a positive weight."
        )
    k = len(found.classes)
    strength = square_penalty(model.C, total, k)
    measured = surveyed_units(found, intercept=model.fit_intercept, strength=strength)
    single = found.dtype.itemsize < 8 and model.tol >= _FLOAT32_TOL
    objective = StreamedSoftmax(
        stream=counted,
        class_labels=found.classes,
        class_weights=of_class / total,
        class_totals=of_class * found.counts / total,
        centre=measured.centre,
        scale=measured.scale,
        penalty=measured.penalty,
        intercept=model.fit_intercept,
        smoothing=model.label_smoothing,
        dtype=np.dtype(np.float32 if single else np.float64),
    )
    result = sampled_newton(
        objective,
        _sample(objective, found),
        _standardised_gram(found, measured),
        complete=len(found.sample) == found.rows,
        tol=model.tol,
        max_iter=model.max_iter,
        journal=journal,
    )
    return StreamFit(found.classes, found.rows, measured, result, found.dtype, counted.passes)


class _Counted(RowStream):
    """A stream that knows how often it was read."""

    def __init__(self, stream: RowStream) -> None:
        self._stream = stream
        self.passes = 0

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return self._stream.feature_names

    def blocks(self) -> Iterator[RowBlock]:
        self.passes += 1
        yield from self._stream.blocks()


def _class_weights(given: Any, found: Survey) -> Doubles:
    if given is None:
        return np.ones(len(found.classes))
    if isinstance(given, str):  # "balanced"
        balanced: Doubles = found.rows / (len(found.classes) * found.counts)
        return balanced
    weights: Doubles = compute_class_weight(given, classes=found.classes, y=found.classes)
    return weights


def _sample(objective: StreamedSoftmax, found: Survey) -> LinearSoftmax:
    """Return the function of the sample, whose weights stand for those of all rows."""
    codes = labels_as_codes(found.sample_labels, found.classes, 1)
    weights = found.sample_weights * objective.class_weights[codes]
    used = np.flatnonzero(weights)
    rows = objective.of_rows(found.sample[used], codes[used], weights[used])
    return rows.in_double()


def _standardised_gram(found: Survey, measured: Units) -> Doubles:
    """Return the mean of x x^T over all rows, in the units of the solver."""
    shift = found.mean - measured.centre
    scale = measured.scale
    with np.errstate(invalid="ignore", over="ignore"):
        if found.products.ndim == 1:
            gram = (found.products + shift**2) / scale**2
            last = np.ones(1)
            full = np.append(gram, last) if measured.intercept else gram
        else:
            gram = (found.products + np.outer(shift, shift)) / scale[:, None] / scale
            full = np.pad(gram, (0, 1)) if measured.intercept else gram
            if measured.intercept:
                full[-1, -1] = 1.0
    diagonal = full if full.ndim == 1 else full.diagonal()
    return np.nan_to_num(full) if np.isfinite(diagonal).all() else np.eye(len(diagonal))

"""What all calibrations of given logits have in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from luce import _checks, functions
from luce.errors import DataError, ParameterError, ShapeError

Doubles = NDArray[np.float64]


class Calibrator(BaseEstimator, ABC):  # type: ignore[misc]  # untyped base
    """Learns, on rows that the classifier has not seen, what its logits are worth.

    Logits enter through ``log_softmax``: a number added to all logits of a row changes nothing,
    and logarithms of probabilities serve as well as logits. One column of logits is taken for
    the log-odds of the second of two classes.
    """

    _STATE: ClassVar[tuple[str, ...]]  # the arrays that prediction needs

    def fit(self, logits: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from logits and what was true.

        Parameters
        ----------
        logits : array_like of shape (n_rows, n_classes), or (n_rows,) for two classes
            Finite logits of rows that the classifier was not trained on.
        y : array_like of shape (n_rows,)
            The true classes, as numbers ``0..n_classes-1`` of columns. A class may be missing.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, not negative. All weights times a constant are as before.

        Returns
        -------
        Calibrator
            Itself.

        Raises
        ------
        ShapeError
            If the arrays do not fit each other, or there is no row.
        DataError
            If a logit is not finite.
        LabelError
            If a label is no column of the logits.
        ParameterError
            If an option or a weight has an impossible value.
        """
        log_p = as_log_probabilities(logits)
        n, k = log_p.shape
        labels = _checks.as_labels(y, (n,), k)
        weights = row_shares(sample_weight, n)
        if not weights.all():
            used = weights > 0
            log_p, labels, weights = log_p[used], labels[used], weights[used]
        self._fit(log_p, labels, weights)
        self.n_classes_ = k
        return self

    def decision_function(self, logits: ArrayLike) -> Doubles:
        """Return calibrated logits, shape (n_rows, n_classes); -inf for a probability of 0."""
        check_is_fitted(self, "n_classes_")
        log_p = as_log_probabilities(logits)
        if log_p.shape[1] != self.n_classes_:
            raise ShapeError(
                f"logits must have {self.n_classes_} columns, as those of the fit had, got"
                f" {log_p.shape[1]}. Pass the logits of the same classifier."
            )
        return self._calibrated(log_p)

    def predict_proba(self, logits: ArrayLike) -> Doubles:
        """Return calibrated probabilities, shape (n_rows, n_classes); each row sums to 1."""
        return np.asarray(functions.softmax(self.decision_function(logits)))

    def predict_log_proba(self, logits: ArrayLike) -> Doubles:
        """Return the logarithm of `predict_proba`."""
        return np.asarray(functions.log_softmax(self.decision_function(logits)))

    def to_arrays(self) -> dict[str, Doubles]:
        """Return what was learnt, by name, as `from_arrays` takes it."""
        check_is_fitted(self, "n_classes_")
        return {name: np.atleast_1d(np.float64(getattr(self, name + "_"))) for name in self._STATE}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Doubles], classes: int) -> Self:
        """Return a fitted calibration of `classes` classes from the arrays of `to_arrays`."""
        self = cls()
        if set(arrays) != set(cls._STATE):
            raise ParameterError(
                f"arrays must be {', '.join(cls._STATE)}, got {', '.join(sorted(arrays))}."
                " Pass those of to_arrays."
            )
        self._restore({name: np.asarray(arrays[name], np.float64) for name in arrays}, classes)
        self.n_classes_ = classes
        return self

    @abstractmethod
    def _fit(self, log_p: Doubles, labels: NDArray[np.int64], weights: Doubles) -> None:
        """Learn from logarithms of probabilities; weights are positive and sum to 1."""

    @abstractmethod
    def _calibrated(self, log_p: Doubles) -> Doubles:
        """Return calibrated logits."""

    @abstractmethod
    def _restore(self, arrays: dict[str, Doubles], classes: int) -> None:
        """Check arrays that were read, and set what prediction needs."""


def as_log_probabilities(logits: ArrayLike) -> Doubles:
    """Return the logarithms of the probabilities that finite logits stand for, (n, k)."""
    z = _checks.as_doubles(logits, "logits")
    if z.ndim == 1 or (z.ndim == 2 and z.shape[1] == 1):
        z = z.reshape(-1, 1) * [[0.0, 1.0]]
    if z.ndim != 2 or 0 in z.shape:
        raise ShapeError(
            f"logits must have the shape (rows, classes) with a row at least, got {z.shape}."
            " Pass the result of decision_function."
        )
    wrong = ~np.isfinite(z)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise DataError(
            f"logits must be finite, got {z[row, column]} at row {row}, class {column} (entries"
            f" at fault: {wrong.sum()}). Of a probability of 0 pass the logarithm of the smallest"
            " one that the classifier states."
        )
    return np.asarray(functions.log_softmax(z))


def row_shares(given: ArrayLike | None, n: int) -> Doubles:
    """Return weights with sum 1, none negative."""
    if given is None:
        return np.full(n, 1.0 / n)
    s = _checks.as_doubles(given, "sample_weight")
    if s.shape != (n,):
        raise ShapeError(
            f"sample_weight must hold one number for each of the {n} rows, got shape {s.shape}."
            " Pass one weight a row."
        )
    if not (s >= 0).all() or not 0 < s.sum() < np.inf:
        raise ParameterError(
            "sample_weight must be finite, not negative and not all zero, got"
            f" {float(s.min()):g}..{float(s.max()):g}. Drop the rows that do not count."
        )
    shares: Doubles = s / s.sum()
    return shares


def check_positive(name: str, value: Any) -> None:
    """Raise a ParameterError unless an option is a positive finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ParameterError(f"{name} must be a positive number, got {value!r}. Pass {name}=1.0.")
    if not 0 < float(value) < np.inf:
        raise ParameterError(f"{name} must be a positive number, got {value!r}. Pass {name}=1.0.")

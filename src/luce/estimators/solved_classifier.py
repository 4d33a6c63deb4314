"""A linear classifier whose coefficients a solver has found: what it then tells about itself."""

import warnings
from abc import ABC
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from luce.estimators.callback_support import CallbackSupport
from luce.estimators.class_separation import SeparationWarning
from luce.estimators.linear_classifier import LinearClassifier
from luce.estimators.problem import coefficients
from luce.estimators.shortfall import shortfall
from luce.estimators.standardised import Units
from luce.solvers import Result

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
Entry = dict[str, Any]


class SolvedClassifier(CallbackSupport, LinearClassifier, ABC):
    """Sets the fitted attributes from a solver's result, warns, and tells callbacks of progress."""

    callbacks: Collection[Callable[[Entry], object]] | None
    verbose: int
    _shift: Doubles | float  # what a correction for class weights has taken off the logits

    def _set_coefficients(self, measured: Units, theta: Doubles, dtype: np.dtype[Any]) -> None:
        coef, intercept = coefficients(measured, theta, self._shift)
        kept = np.float32 if dtype == np.float32 else np.float64
        self.coef_ = coef.astype(kept)
        self.intercept_ = intercept.astype(kept)

    def _as_weighted(self) -> tuple[Floats, Floats]:
        """Return the coefficients as the solver found them, before the correction."""
        return self.coef_, self.intercept_ + _of_rows(self._shift, len(self.coef_))

    def _describe(self, result: Result) -> None:
        self.n_iter_ = np.array([result.n_iter], dtype=np.int32)
        self.gap_ = result.gap
        self.objective_ = result.value
        self.lower_bound_ = result.lower_bound
        self.history_ = result.history
        self.converged_ = result.converged
        self.interrupted_ = result.interrupted

    def _warn(self, result: Result, separated: str | None) -> None:
        if separated is not None:
            warnings.warn(separated, SeparationWarning, stacklevel=4)
        elif not (result.converged or result.interrupted):
            warnings.warn(shortfall(self, result), ConvergenceWarning, stacklevel=4)

    def _tell(self, entry: Entry) -> None:
        for callback in self.callbacks or ():
            callback(entry)
        if self.verbose:
            print(" ".join(f"{name}={_short(value)}" for name, value in entry.items()))
        self._iterated(entry)


def _of_rows(shift: Doubles | float, rows: int) -> Doubles | float:
    """Return what belongs to the rows of coefficients: for two classes, the difference."""
    return shift[1:] - shift[:1] if rows == 1 and isinstance(shift, np.ndarray) else shift


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)

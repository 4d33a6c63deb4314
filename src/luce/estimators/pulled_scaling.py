"""What vector and matrix scaling share: a pull towards the temperature, and a proven optimum."""

import warnings
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from luce.estimators.calibrator import Calibrator, Doubles, check_positive
from luce.estimators.temperature_scaling import TemperatureScaling, spread
from luce.solvers import Result


class PulledScaling(Calibrator, ABC):
    """A linear map of the logarithms that is drawn towards the fitted temperature."""

    C: float
    tol: float
    max_iter: int

    def _fit(self, log_p: Doubles, labels: NDArray[np.int64], weights: Doubles) -> None:
        for name in ("C", "tol", "max_iter"):
            check_positive(name, getattr(self, name))
        start = TemperatureScaling()
        start._fit(log_p, labels, weights)
        sigma = spread(log_p, weights) or 1.0
        result = self._learn(start, log_p, labels, weights, sigma)
        self.temperature_ = start.temperature_
        self.objective_, self.gap_ = result.value, result.gap
        self.converged_, self.n_iter_ = result.converged, result.n_iter
        if not (result.converged or result.interrupted):
            warnings.warn(
                f"the proven gap of the calibration must reach tol={self.tol:g}, got"
                f" {result.gap:.2g}. It can be used; a smaller C or a larger max_iter would end"
                " with a proof.",
                ConvergenceWarning,
                stacklevel=4,
            )

    @abstractmethod
    def _learn(
        self,
        start: TemperatureScaling,
        log_p: Doubles,
        labels: NDArray[np.int64],
        weights: Doubles,
        sigma: float,
    ) -> Result:
        """Minimise around the temperature, in logarithms of the spread `sigma`; set the map."""

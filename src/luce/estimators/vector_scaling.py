"""Vector scaling: a factor and a shift for each class."""

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.calibrator import Doubles
from luce.estimators.pulled_scaling import PulledScaling
from luce.estimators.temperature_scaling import TemperatureScaling
from luce.solvers import ClassScaling, Result


class VectorScaling(PulledScaling):
    r"""Calibrated probabilities ``softmax(w * log p + b)``: a factor and a shift for each class.

    Minimises, around the fitted temperature T,

    .. math:: C \sum_i s_i \, CE(y_i, \mathrm{softmax}(w \circ \log p_i + b))
        + \tfrac12 \sum_j (\sigma^2 (w_j - 1/T)^2 + b_j^2)

    where the s have the mean 1 and :math:`\sigma` is the spread of the logits. With a small C it
    is temperature scaling; the more rows there are, the more of what is special in a class it
    learns. A class without rows keeps nearly what the temperature gives it.

    Parameters
    ----------
    C : float, default=0.1
        Inverse strength of the pull towards the temperature.
    tol : float, default=1e-6
        Proven bound on the relative distance from the optimum at which to stop.
    max_iter : int, default=100
        At most this many Newton steps; five are usual.

    Attributes
    ----------
    scale_ : array of shape (n_classes,)
        w, which multiplies the logarithms of the probabilities.
    shift_ : array of shape (n_classes,)
        b.
    temperature_ : float
        T.
    objective_, gap_ : float
        The function, divided by ``C * n``, and the proven bound on its relative distance.
    converged_ : bool
        Whether ``gap_ <= tol``.
    n_iter_ : int
        Newton steps.
    n_classes_ : int
        Columns of the logits.

    Notes
    -----
    Source: C. Guo et al. (2017), On calibration of modern neural networks, ICML, section 4.2.
    Their logits carry an arbitrary number added to each row; logarithms of probabilities do not.

    Examples
    --------
    >>> import numpy as np
    >>> from luce import VectorScaling
    >>> rng = np.random.default_rng(0)
    >>> honest = rng.normal(size=(4000, 3))
    >>> y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)  # drawn from its softmax
    >>> scaling = VectorScaling().fit(honest + [0, 0, 2], y)  # class 2 is stated too often
    >>> (scaling.shift_[2] - scaling.shift_[:2]).round()
    array([-2., -2.])
    """

    _STATE = ("scale", "shift")

    def __init__(self, *, C: float = 0.1, tol: float = 1e-6, max_iter: int = 100) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter

    def _learn(
        self,
        start: TemperatureScaling,
        log_p: Doubles,
        labels: NDArray[np.int64],
        weights: Doubles,
        sigma: float,
    ) -> Result:
        result = ClassScaling(
            start._calibrated(log_p),
            log_p / sigma,
            labels,
            weights,
            penalty=1.0 / (self.C * len(labels)),
        ).minimise(tol=self.tol, max_iter=int(self.max_iter))
        self.scale_ = start.inverse_temperature_ + result.theta[:, 0] / sigma
        self.shift_ = result.theta[:, 1]
        return result

    def _calibrated(self, log_p: Doubles) -> Doubles:
        return self.scale_ * log_p + self.shift_

    def _restore(self, arrays: dict[str, Doubles], classes: int) -> None:
        scale, shift = arrays["scale"], arrays["shift"]
        if not scale.shape == shift.shape == (classes,):
            raise ParameterError(
                f"scale and shift must have the shape ({classes},), got {scale.shape} and"
                f" {shift.shape}. Fit the calibration again."
            )
        self.scale_, self.shift_ = scale, shift

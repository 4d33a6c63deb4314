"""Temperature scaling: one number that makes a classifier as sure as it is right."""

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.calibrator import Calibrator, Doubles
from luce.solvers import inverse_temperature, is_separated

_NOTHING = 1e-6  # what is left of logits that are worse than none


class TemperatureScaling(Calibrator):
    r"""Calibrated probabilities ``softmax(z / T)``, with the temperature of the least log loss.

    .. math:: T = \arg\min_T \sum_i s_i \, CE(y_i, \mathrm{softmax}(z_i / T))

    One number is learnt, so a few hundred rows are enough, and no answer changes: the most
    probable class stays so. Above 1 the temperature takes sureness away, below 1 it adds some.

    Attributes
    ----------
    temperature_ : float
        T. Where the logits are worse than none, a million times their spread: the probabilities
        are equal to six digits, and the order of the classes is kept.
    inverse_temperature_ : float
        1 / T.
    separated_ : bool
        Whether every label had the largest logit of its row. Then the loss falls for ever as T
        goes to 0, which would state certainty; instead each target keeps a doubt of 1 / (n + 2),
        as in Platt's method.
    objective_ : float
        The mean loss (that with the doubt, if `separated_`).
    lower_bound_, gap_ : float
        Proven: no temperature has a mean loss below ``lower_bound_``; ``gap_`` is the relative
        distance, about 1e-12.
    n_iter_ : int
        Passes over the rows, about eight.
    n_classes_ : int
        Columns of the logits.

    Notes
    -----
    Source: C. Guo et al. (2017), On calibration of modern neural networks, ICML; for the doubt:
    J. Platt (1999), Probabilistic outputs for support vector machines, section 2.2, and Laplace's
    rule of succession.

    Examples
    --------
    >>> import numpy as np
    >>> from luce import TemperatureScaling
    >>> rng = np.random.default_rng(0)
    >>> honest = rng.normal(size=(4000, 5))
    >>> y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)  # drawn from its softmax
    >>> scaling = TemperatureScaling().fit(3 * honest, y)  # three times too sure
    >>> round(scaling.temperature_, 1)
    3.0
    """

    _STATE = ("inverse_temperature",)

    def _fit(self, log_p: Doubles, labels: NDArray[np.int64], weights: Doubles) -> None:
        rows = 1.0 / float(weights @ weights)  # as many equal ones as the weights are worth
        self.separated_ = is_separated(log_p, labels)
        doubt = 1.0 / (rows + 2.0) if self.separated_ else 0.0
        found = inverse_temperature(log_p, labels, weights, smoothing=doubt)
        self._set(found.inverse or _NOTHING / (spread(log_p, weights) or 1.0))
        self.objective_, self.lower_bound_ = found.value, found.lower_bound
        self.gap_ = (found.value - found.lower_bound) / found.lower_bound
        self.n_iter_ = found.n_iter

    def _calibrated(self, log_p: Doubles) -> Doubles:
        return self.inverse_temperature_ * log_p

    def _restore(self, arrays: dict[str, Doubles], classes: int) -> None:
        value = arrays["inverse_temperature"]
        if value.shape != (1,) or not 0 < value[0] < np.inf:
            raise ParameterError(
                f"inverse_temperature must be one positive number, got {value!r}. Fit it again."
            )
        self._set(float(value[0]))

    def _set(self, inverse: float) -> None:
        self.inverse_temperature_ = inverse
        self.temperature_ = 1.0 / inverse


def spread(log_p: Doubles, weights: Doubles) -> float:
    """Return the root mean square of the logarithms about the mean of their rows."""
    return float(np.sqrt(weights @ np.var(log_p, axis=1)))

"""Where the profile of the likelihood along one combination of the parameters has fallen enough."""

import numpy as np

from luce.errors import ConvergenceError
from luce.solvers.likelihood import Likelihood, Maximum
from luce.solvers.linear_softmax import Doubles
from luce.solvers.scaled_cholesky import ScaledCholesky

_STEPS = 60
_LEFT = 1e-9  # of the log-likelihood, both across the profile and along it
_TOO_FAR = 3.0  # times the drop that is asked for


def profile_bound(
    likelihood: Likelihood, top: Maximum, direction: Doubles, drop: float, side: int
) -> float:
    r"""Return the end of the set of :math:`a^T \beta` whose profile likelihood is high enough.

    The profile of :math:`t` is the largest log-likelihood among the parameters with
    :math:`a^T \beta = t`; returned is the t above (`side` 1) or below (-1) the maximum where it
    lies `drop` below the maximum.

    Parameters
    ----------
    likelihood : Likelihood
        The function.
    top : Maximum
        Its maximum.
    direction : (m,) array
        a.
    drop : float
        Half the quantile of the chi-square distribution with one degree of freedom.
    side : {1, -1}
        Which end.

    Returns
    -------
    float

    Raises
    ------
    ConvergenceError
        The end was not found in 60 steps.

    Notes
    -----
    Each step solves the quadratic model at the present point under the constraint
    :math:`a^T \beta = t`; the model's fall below its start predicts the profile there, and the next
    t comes from Newton's method for the signed root of the deviance, which is nearly straight.

    Source: D. Venzon, S. Moolgavkar (1988), A method for computing profile-likelihood-based
    confidence intervals, Applied Statistics 37(1), in a variant with a linear constraint.
    """
    across = top.factor.solve(direction)
    variance = float(direction @ across)
    aim = np.sqrt(2 * drop)
    start = top.beta.ravel()
    step = side * aim / np.sqrt(variance) * across  # along the profile of the quadratic model
    for _ in range(_STEPS):
        beta = start + step
        here = likelihood.quadratic(beta.reshape(top.beta.shape))
        factor = ScaledCholesky(here.hessian)
        fall = here.value - top.here.value
        if factor.dependent is not None or not fall <= (1 + _TOO_FAR) * drop:
            step = step / 2
            continue
        newton, across = factor.solve(here.gradient), factor.solve(direction)
        variance = float(direction @ across)
        slope = float(direction @ newton) / variance  # of the profile, per unit of t
        left = float(here.gradient @ newton) - slope**2 * variance  # twice what may be gained
        deviation = np.sqrt(max(2 * fall - left, 0.0))
        t = float(direction @ beta)
        if abs(deviation**2 / 2 - drop) + left <= _LEFT * max(1.0, drop):
            return t + float(drop - deviation**2 / 2) / slope
        ahead = (aim - deviation) * deviation / slope if slope * side > 0 else 0.0
        start, step = beta, slope * across - newton + ahead / variance * across
    raise ConvergenceError(
        f"the end of a profile interval must be found in {_STEPS} steps, and was not. The"
        " likelihood is nearly flat there: use conf_int, or a penalty (a finite C)."
    )

"""The part of the penalty that makes coefficients zero, in the units of the solver."""

from typing import Any

import numpy as np

from luce.estimators.standardised import Units
from luce.solvers import GroupLasso, Lasso, Penalty

_LARGEST_WEIGHT = 1e100  # the coefficients are 0 from here on; more might overflow


def kinked_penalty(model: Any, measured: Units, strength: float) -> Penalty | None:
    """Return the L1 or group penalty of standardised columns, or None where there is none.

    Parameters
    ----------
    model : estimator with the options `l1_ratio` and `penalty_groups`
        Whose penalty it is.
    measured : Units
        Centre and scale of the columns.
    strength : float
        Of the whole penalty on the coefficients of the columns as they came, beside a loss whose
        weights sum to 1.

    Returns
    -------
    Penalty or None

    Notes
    -----
    A coefficient w of a column with the scale sigma is w sigma there, so its weight is divided by
    sigma: the optimum is that of the columns as they came.
    """
    share = float(model.l1_ratio) * strength
    if share == 0:
        return None
    scale = np.where(measured.scale == np.inf, 1.0, measured.scale)  # a column that is left out
    with np.errstate(over="ignore"):
        weight = np.minimum(share / scale, _LARGEST_WEIGHT)
    if measured.intercept:
        weight = np.append(weight, 0.0)
    return Lasso(weight) if model.penalty_groups is None else GroupLasso(weight)

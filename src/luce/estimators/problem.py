"""Between the user's terms and the solvers': what `C` comes to, and what theta stands for."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.standardised import Units, units
from luce.solvers import LinearSoftmax, Targets

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

CERTAIN = 1e-14  # a mean loss that leaves no doubt about any row
_LARGE = 2_000_000  # elements; smaller float32 data are computed in float64
_SMALLEST_C = 1e-200  # times the rows; below it the coefficients are 0 in any case


class Problem(NamedTuple):
    """The function to be minimised, and the units of its columns."""

    objective: LinearSoftmax
    measured: Units


def penalty_share(C: float, total: float) -> float:
    """Return the strength of the penalty beside the mean loss of rows of this total weight."""
    return 1 / max(float(C) * float(total), _SMALLEST_C)


def square_penalty(C: float, total: float, classes: int) -> float:
    """Return the strength of the squares of theta in that penalty.

    With two classes theta = (-w, w) / 2 up to a shift, so |theta|^2 is |w|^2 / 2.
    """
    return (2 if classes == 2 else 1) * penalty_share(C, total)


def standardised_problem(
    X: Any, targets: Targets, weights: Doubles, *, intercept: bool, strength: float
) -> Problem:
    """Return the mean loss of the rows with the penalty `strength`, in standardised columns."""
    weights = weights / weights.sum()
    measured = units(X, weights, intercept=intercept, strength=strength)
    large = X.dtype != np.float64 and X.size >= _LARGE  # of a sparse table, what is stored
    objective = LinearSoftmax(
        design=measured.design(X, np.float32 if large else np.float64),
        targets=targets,
        weights=weights,
        penalty=measured.penalty,
        intercept=intercept,
    )
    return Problem(objective, measured)


def coefficients(measured: Units, theta: Doubles, shift: Doubles | float) -> tuple[Any, Any]:
    """Return coefficients and intercepts in the user's units; for two classes, one row.

    `shift` is taken off the logits of the classes.
    """
    coef, intercept = measured.to_raw(theta)
    intercept = intercept - shift
    if len(theta) == 2:
        return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return coef, intercept


def parameters(measured: Units, coef: Floats, intercept: Floats) -> Doubles:
    """Return the theta that coefficients stand for."""
    wide, high = coef.astype(np.float64), intercept.astype(np.float64)
    if len(wide) == 1:
        wide, high = np.vstack([-wide / 2, wide / 2]), np.append(-high / 2, high / 2)
    return measured.from_raw(wide, high)


def check_total(weights: Doubles) -> None:
    """Refuse weights that leave no row, or that overflow."""
    if not 0 < weights.sum() < np.inf:
        raise ParameterError(
            f"sample_weight must have a positive finite sum, got {weights.sum()} over"
            f" {len(weights)} rows. Give at least one row a weight, or leave it out."
        )

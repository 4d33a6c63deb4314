"""What a model says that has not reached its tolerance."""

from typing import Any

import numpy as np

from luce.solvers import Result


def shortfall(model: Any, result: Result) -> str:
    """Say how far the proof has come, and what would complete it."""
    met = f"after {result.n_iter} iterations (max_iter={model.max_iter})"
    if result.gap < np.inf:
        return (
            f"the proven gap must reach tol={model.tol:g}, got {result.gap:.2g} {met}. The"
            f" model can be used: its objective, {result.value:.6g}, is at most"
            f" {result.gap:.2g} above the optimum, as a share of it. A smaller C or a larger"
            " tol would end with a proof."
        )
    return (
        f"the gap must be proven to reach tol={model.tol:g}, got no proof {met}; the objective"
        f" is {result.value:.6g}. With hardly any penalty (C={model.C:g}) classes that can be"
        " separated have no optimum. Pass a smaller C, or solver='newton'."
    )

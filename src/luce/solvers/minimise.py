"""The choice of a method by the size of the problem."""

import numpy as np

from luce.solvers.lbfgs import lbfgs
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.newton import newton
from luce.solvers.newton_cg import newton_cg
from luce.solvers.path_newton_cg import excess, path_newton_cg
from luce.solvers.penalties import Penalty
from luce.solvers.proximal_newton import proximal_newton
from luce.solvers.result import Journal, Result
from luce.solvers.whitening import matrices_pay

_FIRST = 60  # iterations of L-BFGS, after which Newton-CG takes over
_EXCESS = 4.0  # of the first step, from which on a path of penalties is the shorter way
_LARGEST_LOGITS = 1 << 26  # numbers
_SMALL = 300  # parameters
_CHEAP_HESSIAN = 4e9  # operations: a tenth of a second
_LARGEST_HESSIAN = 3000  # parameters: 72 MB
_DEAREST_HESSIAN = 1e12  # operations: half a minute


def minimise(
    objective: LinearSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    solver: str = "auto",
    penalty: Penalty | None = None,
    journal: Journal | None = None,
) -> Result:
    """Minimise with the method that suits the size, until the gap is proven.

    Parameters
    ----------
    objective : LinearSoftmax
        The function.
    start : (k, d) array
        Where to begin.
    tol : float
        Stop when the proven bound on (f - f*) / f* is at most this.
    max_iter : int
        At most this many iterations, of all methods together.
    solver : {"auto", "newton", "newton-cg", "lbfgs"}
        "auto" takes Newton's method where a Hessian costs next to nothing; else L-BFGS and, if
        that has proven nothing after 60 iterations, Newton-CG from there; and if that ends without
        a proof and the Hessian fits, Newton's method. Where there are too many columns for
        matrices, classes that the penalty lets come apart, and no pass that reads the rows once,
        Newton-CG along a path of penalties is first. See ``docs/solvers.md``.
    penalty : Penalty, optional
        One that makes coefficients zero, to be added; proximal Newton's method then does all.
    journal : Journal, optional
        Where the history is written.

    Returns
    -------
    Result
    """
    journal = journal or Journal()
    if penalty is not None:
        return proximal_newton(
            objective, penalty, start, tol=tol, max_iter=max_iter, journal=journal
        )
    size = objective.classes * objective.design.shape[1]
    cheap = size <= _SMALL and len(objective) * size**2 <= _CHEAP_HESSIAN
    if solver == "newton" or (solver == "auto" and cheap):
        return newton(objective.in_double(), start, tol=tol, max_iter=max_iter, journal=journal)
    if solver == "newton-cg":
        return newton_cg(objective.in_double(), start, tol=tol, max_iter=max_iter, journal=journal)
    if solver == "lbfgs":
        return lbfgs(objective, start, tol=tol, max_iter=max_iter, journal=journal)
    quick = objective.fused  # sixty of its passes cost less than a few steps along the path
    if start.any() or quick or not _wide(objective) or not excess(objective) > _EXCESS:
        return _one_after_another(objective, start, tol, max_iter, journal)
    result = path_newton_cg(
        objective.in_double(), start, tol=tol, max_iter=max_iter, journal=journal
    )
    if result.converged or result.interrupted or result.n_iter >= max_iter:
        return result
    return _one_after_another(objective, result.theta, tol, max_iter, journal)


def _wide(objective: LinearSoftmax) -> bool:
    """Return whether rows are sparse, with too many columns for a matrix, but room for logits."""
    sparse = objective.design.density < 1
    return sparse and not (_too_large_for_products(objective) or matrices_pay(objective))


def _one_after_another(
    objective: LinearSoftmax, start: Doubles, tol: float, max_iter: int, journal: Journal
) -> Result:
    """L-BFGS first; where it is slow, Newton-CG from there; where duality fails, Newton's proof."""
    first = max_iter - len(journal.entries)
    if not _too_large_for_products(objective):
        first = min(first, _FIRST)
    result = lbfgs(
        objective, start, tol=tol, max_iter=first, journal=journal, stop_when_stalled=True
    )
    size = objective.classes * objective.design.shape[1]
    fits = size <= _LARGEST_HESSIAN and len(objective) * size**2 <= _DEAREST_HESSIAN
    dual = np.count_nonzero(objective.penalty == 0) <= objective.intercept  # else it proves nothing
    slow = path_newton_cg if _wide(objective) else newton_cg
    for method, possible in ((slow, dual and first < max_iter), (newton, fits)):
        left = max_iter - result.n_iter
        if result.converged or result.interrupted or left <= 0:
            break
        if possible:
            wide = objective.in_double()
            result = method(wide, result.theta, tol=tol, max_iter=left, journal=journal)
    if not (result.converged or result.interrupted) and result.n_iter < max_iter and not fits:
        left = max_iter - result.n_iter
        result = lbfgs(objective, result.theta, tol=tol, max_iter=left, journal=journal)
    return result


def _too_large_for_products(objective: LinearSoftmax) -> bool:
    """Return whether Newton-CG's arrays of logits, some five, would not fit."""
    return len(objective) * objective.classes > _LARGEST_LOGITS

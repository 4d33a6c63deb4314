"""The choice of a method by the size of the problem."""

from luce.solvers.lbfgs import lbfgs
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.newton import newton
from luce.solvers.penalties import Penalty
from luce.solvers.proximal_newton import proximal_newton
from luce.solvers.result import Journal, Result

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
        At most this many iterations, of both methods together.
    solver : {"auto", "newton", "lbfgs"}
        "auto" takes Newton's method where a Hessian costs next to nothing; else L-BFGS and,
        if that ends without a proof and the Hessian fits, Newton's method from there.
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
    fits = size <= _LARGEST_HESSIAN and len(objective) * size**2 <= _DEAREST_HESSIAN
    newton_follows = solver == "auto" and fits
    result = lbfgs(
        objective,
        start,
        tol=tol,
        max_iter=max_iter,
        journal=journal,
        stop_when_stalled=newton_follows,
    )
    left = max_iter - result.n_iter
    if not newton_follows or result.converged or result.interrupted or left <= 0:
        return result
    return newton(objective.in_double(), result.theta, tol=tol, max_iter=left, journal=journal)

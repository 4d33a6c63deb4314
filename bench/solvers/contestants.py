"""Who takes part, and how each is asked to go on until a target is reached.

A contestant yields trials: fits from zero of growing effort, each timed whole. Where a solver
lets itself be watched, the first trial stops at the very iteration that reaches the target; else
effort grows by a factor of 1.5, or the tolerance falls by 10, from fit to fit (as benchopt does).
What is not installed or does not apply says so.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
from problem import Problem, value
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

UNLIMITED = 10**9
_SHORT = 0.5  # seconds; a fit is repeated for so long, and the least time counts
_ROUNDS = 5
_LONG = 2.0  # seconds; the clock of a watched fit is right from here on
_TRIAL = 3  # iterations
_SUBSTANTIAL = 0.1  # seconds an iteration, from where on two threads are never slower
Report = Callable[[float, float], None]  # seconds so far, value so far


class Trial(NamedTuple):
    """One fit."""

    seconds: float
    value: float
    effort: str
    warned: bool = False
    stated: float | None = None  # the gap that the solver itself states
    iterations: int = 0


class Contestant:
    """A solver; subclasses say how it is called."""

    name: str
    package: str
    defaults_first = False  # whether the first trial is the fit with the defaults
    grace = 0.0  # seconds that a run may take beside the fit: programs that start and read files

    def absent(self) -> str:
        """Say why it cannot take part at all, or ''."""
        try:
            version(self.package)
        except PackageNotFoundError:
            return f"{self.package} is not installed"
        return ""

    def excluded(self, problem: Problem) -> str:
        """Say why a problem is not for it, or ''."""
        return ""

    def default(self, problem: Problem) -> Trial:
        """Fit with the default settings, C apart."""
        raise NotImplementedError

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        """Fit with growing effort."""
        raise NotImplementedError

    def repeated(self, problem: Problem, trial: Trial) -> Iterator[Trial]:
        """Repeat the fit that sufficed, where that may be timed better."""
        return iter(())


class Reached(BaseException):
    """Ends a fit of scikit-learn from inside; not an Exception, which it would catch."""


def timed(fit: Callable[[], Any]) -> tuple[Any, float, bool]:
    """Return the fitted model, the seconds, and whether it warned that it did not converge."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        model = fit()
        seconds = time.perf_counter() - start
    return model, seconds, bool([w for w in caught if _about_convergence(w)])


def _about_convergence(warning: Any) -> bool:
    told = issubclass(warning.category, (ConvergenceWarning, RuntimeWarning))
    return told or "onverge" in str(warning.message) or "singular" in str(warning.message)


def fastest(fit: Callable[[], Any]) -> tuple[Any, float, bool]:
    """Return the same of the fastest of a few rounds; of one round if that takes long."""
    best = timed(fit)
    end = time.perf_counter() + _SHORT - best[1]
    for _ in range(_ROUNDS - 1):
        if time.perf_counter() + best[1] > end:
            break
        best = min(best, timed(fit), key=lambda found: found[1])
    return best


class Luce(Contestant):
    """luce: stopped from outside when the target is reached, as the others are."""

    package = "luce"

    def __init__(self, solver: str = "auto") -> None:
        self.solver = solver
        self.name = "luce" if solver == "auto" else f"luce {solver}"

    def absent(self) -> str:
        return ""  # it is imported, from wherever it is

    def model(self, problem: Problem, **more: Any) -> Any:
        from luce import SoftmaxRegression

        return SoftmaxRegression(C=problem.C, solver=self.solver, **more)

    def default(self, problem: Problem) -> Trial:
        return self._trial(problem, "defaults")

    def proof(self, problem: Problem, gap: float) -> Trial:
        """Fit until it has proven the gap by itself."""
        return self._trial(problem, "proof", tol=gap)

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        start = 0.0

        def watch(entry: dict[str, Any]) -> None:
            reached = entry.get("objective")
            if reached is None:
                return
            report(time.perf_counter() - start, reached)
            if reached <= target:
                raise KeyboardInterrupt  # the best model so far is kept

        def fit() -> Any:
            nonlocal start
            start = time.perf_counter()
            return self.model(problem, tol=1e-13, max_iter=10**6, callbacks=[watch]).fit(
                problem.X, problem.labels
            )

        model, seconds, _ = fastest(fit)
        yield Trial(seconds, value(problem, model.coef_, model.intercept_), "stopped when reached")
        for tol in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10):
            yield self._trial(problem, f"tol={tol:g}", tol=tol)

    def _trial(self, problem: Problem, effort: str, **more: Any) -> Trial:
        model, seconds, warned = fastest(
            lambda: self.model(problem, **more).fit(problem.X, problem.labels)
        )
        reached = value(problem, model.coef_, model.intercept_)
        return Trial(seconds, reached, effort, warned, float(model.gap_))


class Watch:
    """Follows a fit of scikit-learn from inside, on a clock that stands still meanwhile."""

    def __init__(self, problem: Problem, target: float, report: Report) -> None:
        self.problem, self.target, self.report = problem, target, report
        self.iterations, self.seconds, self.value = 0, 0.0, np.inf
        self._resumed = 0.0

    def start(self) -> None:
        self._resumed = time.perf_counter()

    def tick(self, parameters: Any, value_now: Callable[[], float]) -> None:
        self.seconds += time.perf_counter() - self._resumed
        self.iterations += 1
        told = value_now()
        if told <= self.target:  # in float32 what it tells may be off
            told = self._true_value(np.asarray(parameters))
        self.value = min(self.value, told)
        self.report(self.seconds, self.value)
        if self.value <= self.target:
            raise Reached
        self._resumed = time.perf_counter()

    def _true_value(self, parameters: Any) -> float:
        _, d, k = self.problem.shape
        w = parameters.reshape(1 if k == 2 else k, d + 1, order="F")
        return value(self.problem, w[:, :-1], w[:, -1])


class ScikitLearn(Contestant):
    """scikit-learn's LogisticRegression, with one BLAS thread or all, whichever is faster."""

    package = "scikit-learn"

    def __init__(self, solver: str) -> None:
        self.solver = solver
        self.name = f"scikit-learn {solver}"

    def excluded(self, problem: Problem) -> str:
        _, d, k = problem.shape
        if self.solver == "newton-cholesky" and (d * k) ** 2 * 8 > 4e9:
            return "its Hessian would take more than 4 GB"
        return ""

    def default(self, problem: Problem) -> Trial:
        with threadpool_limits(self._threads(problem), user_api="blas"):
            model, seconds, warned = fastest(lambda: self._fit(problem))
        return Trial(seconds, value(problem, model.coef_, model.intercept_), "defaults", warned)

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        if self.solver in ("sag", "saga"):
            yield from self._ladder(problem)
            return
        watch = Watch(problem, target, report)
        with (
            threadpool_limits(self._threads(problem), user_api="blas"),
            watching(watch),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            watch.start()
            try:
                model = self._fit(problem, max_iter=UNLIMITED, tol=0.0)
            except Reached:
                model = None
        effort = f"{watch.iterations} iterations"
        if model is None:
            yield Trial(watch.seconds, watch.value, effort, iterations=watch.iterations)
        else:
            reached = value(problem, model.coef_, model.intercept_)
            yield Trial(watch.seconds, reached, f"{effort}, its own end")

    def repeated(self, problem: Problem, trial: Trial) -> Iterator[Trial]:
        if trial.iterations and trial.seconds <= _LONG:
            for threads in (None, 1):
                with threadpool_limits(threads, user_api="blas"), unlimited_evaluations():
                    yield self._exactly(problem, trial.iterations)

    def _threads(self, problem: Problem) -> int | None:
        """Return 1 or None (all): on small problems the threads of BLAS cost more than they bring.

        Told by a few iterations of each; of no interest where one iteration takes long.
        """
        if timed(lambda: self._fit(problem, max_iter=1))[1] > _SUBSTANTIAL:
            return None
        seconds = {}
        for threads in (None, 1):
            with threadpool_limits(threads, user_api="blas"):
                seconds[threads] = timed(lambda: self._fit(problem, max_iter=_TRIAL))[1]
        return min(seconds, key=seconds.__getitem__)

    def _ladder(self, problem: Problem) -> Iterator[Trial]:
        iterations = 1
        while True:
            yield self._exactly(problem, iterations)
            iterations = max(iterations + 1, round(1.5 * iterations))

    def _exactly(self, problem: Problem, iterations: int) -> Trial:
        model, seconds, warned = fastest(lambda: self._fit(problem, max_iter=iterations, tol=0.0))
        reached = value(problem, model.coef_, model.intercept_)
        return Trial(seconds, reached, f"{iterations} iterations", warned)

    def _fit(self, problem: Problem, **more: Any) -> Any:
        model = LogisticRegression(C=problem.C, solver=self.solver, random_state=0, **more)
        return model.fit(problem.X, problem.labels)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Let `watch` see each iteration of lbfgs, newton-cg and newton-cholesky."""
    from scipy import optimize
    from sklearn.linear_model import _logistic
    from sklearn.linear_model._glm import _newton_solver

    minimize, newton_cg = optimize.minimize, _logistic._newton_cg
    solver = _newton_solver.NewtonSolver
    line_search = solver.line_search

    def watched_minimize(*args: Any, **options: Any) -> Any:
        def after(intermediate_result: Any) -> None:
            watch.tick(intermediate_result.x, lambda: float(intermediate_result.fun))

        options["callback"] = after
        return minimize(*args, **_unlimited(options))

    def watched_newton_cg(*, grad_hess: Any, func: Any, **more: Any) -> Any:
        first = True

        def seen(x: Any, *args: Any) -> Any:
            nonlocal first
            if not first:
                watch.tick(x, lambda: float(func(x, *args)))
            first = False
            return grad_hess(x, *args)

        return newton_cg(grad_hess=seen, func=func, **more)

    def watched_line_search(self: Any, X: Any, y: Any, sample_weight: Any) -> Any:
        result = line_search(self, X, y, sample_weight)
        watch.tick(self.coef, lambda: float(self.loss_value))
        return result

    optimize.minimize, _logistic._newton_cg = watched_minimize, watched_newton_cg
    solver.line_search = watched_line_search
    try:
        yield
    finally:
        optimize.minimize, _logistic._newton_cg = minimize, newton_cg
        solver.line_search = line_search


@contextmanager
def unlimited_evaluations() -> Iterator[None]:
    """Lift SciPy's limit of 15,000 evaluations, which `max_iter` cannot raise."""
    from scipy import optimize

    minimize = optimize.minimize
    optimize.minimize = lambda *args, **options: minimize(*args, **_unlimited(options))
    try:
        yield
    finally:
        optimize.minimize = minimize


def _unlimited(options: dict[str, Any]) -> dict[str, Any]:
    return options | {"options": {**options.get("options", {}), "maxfun": UNLIMITED, "ftol": 0.0}}

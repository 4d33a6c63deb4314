"""Many binary problems over the same rows: standardised once, each solved with its proof."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from luce import kernels
from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.labelled_rows import LabelledRows, labelled_rows
from luce.estimators.linear_classifier import DTYPES
from luce.estimators.options import check_binary_options
from luce.estimators.problem import CERTAIN, square_penalty
from luce.estimators.standardised import Units, units
from luce.solvers import Design, Journal, Labels, LinearSoftmax, Result, minimise

Doubles = NDArray[np.float64]

_SMALL = 500_000  # numbers stored; larger problems keep all threads busy by themselves


class BinaryResults(NamedTuple):
    """The coefficients of m binary problems, the log-odds of "yes", and how good they are."""

    coef: Doubles  # (m, d)
    intercept: Doubles  # (m,)
    results: list[Result]

    def describe(self, model: Any) -> None:
        """Set the fitted attributes that tell of the solver; warn where a proof is missing."""
        model.coef_, model.intercept_ = self.coef, self.intercept
        model.gaps_ = np.array([result.gap for result in self.results])
        model.gap_ = float(model.gaps_.max())
        model.n_iter_ = np.array([result.n_iter for result in self.results], dtype=np.int32)
        model.converged_ = all(result.converged for result in self.results)
        if not model.converged_:
            missed = sum(not result.converged for result in self.results)
            warnings.warn(
                f"the proven gap must reach tol={model.tol:g}, got {model.gap_:.2g} in the worst of"
                f" {missed} binary problems (of {len(self.results)}) after at most"
                f" {model.n_iter_.max()} iterations (max_iter={model.max_iter}). A smaller C or a"
                " larger tol would end with a proof.",
                ConvergenceWarning,
                stacklevel=3,
            )


@dataclass(frozen=True)
class BinaryProblems:
    """The rows of all problems, in units that suit a solver.

    The penalty of a problem over some of the rows is ``|w|^2 / 2`` beside ``C`` times its own
    loss, as if those rows were all there are.
    """

    rows: LabelledRows
    measured: Units
    design: Design

    @classmethod
    def of(
        cls, model: Any, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> "BinaryProblems":
        """Check what `fit` of a model was given, and standardise the columns over all rows."""
        check_binary_options(model)
        rows = labelled_rows(
            model,
            X,
            y,
            sample_weight,
            class_weight=model.class_weight,
            accept_sparse="csr",
            dtype=list(DTYPES),
        )
        total = float(rows.weights.sum())
        measured = units(
            rows.table,
            rows.weights / total,
            intercept=model.fit_intercept,
            strength=square_penalty(model.C, total, 2),
        )
        return cls(rows, measured, measured.design(rows.table, np.float64))

    def against_rest(self, j: int) -> LinearSoftmax:
        """Return the problem "class j, or another?"."""
        return self._problem(self.design, self.rows.labels == j, self.rows.weights)

    def of_pair(self, i: int, j: int) -> LinearSoftmax:
        """Return the problem "class j, or class i?" over the rows of these two."""
        labels = self.rows.labels
        own = np.flatnonzero((labels == i) | (labels == j))
        return self._problem(self.design.take(own), labels[own] == j, self.rows.weights[own])

    def solve(self, model: Any, problems: Sequence[Callable[[], LinearSoftmax]]) -> BinaryResults:
        """Solve each problem as the model says; small ones side by side, on all threads."""

        def solved(problem: Callable[[], LinearSoftmax]) -> Result:
            objective = problem()
            return minimise(
                objective,
                np.zeros(objective.shape),
                tol=model.tol,
                max_iter=model.max_iter,
                solver=model.solver,
                journal=Journal(negligible=CERTAIN),
            )

        threads = min(kernels.get_num_threads(), len(problems))
        with one_blas_thread():  # the threads are luce's
            if threads < 2 or self.rows.table.size > _SMALL:
                results = [solved(problem) for problem in problems]
            else:
                with ThreadPoolExecutor(threads) as pool:
                    results = list(pool.map(solved, problems))
        theta = np.array([result.theta[1] - result.theta[0] for result in results])
        coef, intercept = self.measured.to_raw(theta)
        return BinaryResults(coef, intercept, results)

    def _problem(self, design: Design, yes: NDArray[np.bool_], weights: Doubles) -> LinearSoftmax:
        own = weights.sum()
        return LinearSoftmax(
            design=design,
            targets=Labels(yes.astype(np.int64), 2),
            weights=weights / own,
            penalty=self.measured.penalty * (self.rows.weights.sum() / own),
            intercept=self.measured.intercept,
        )

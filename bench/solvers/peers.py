"""Other packages: each takes part where it is installed and minimises this function."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from contestants import Contestant, Luce, Report, ScikitLearn, Trial, fastest, timed
from problem import Problem, value


class Cyanure(Contestant):
    """Cyanure: incremental and quasi-Newton solvers with a duality gap; its tolerance falls."""

    name, package = "cyanure", "cyanure"

    def default(self, problem: Problem) -> Trial:
        return self._trial(problem, "defaults")

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        for solver in ("auto", "catalyst-miso", "catalyst-svrg"):
            before = np.inf
            for power in (3, 5, 6, 7, 8, 10, 12):
                trial = self._trial(problem, f"{solver}, tol=1e-{power}", solver=solver,
                                    tol=10.0**-power, max_iter=10**6)  # fmt: skip
                yield trial
                if power > 6 and not trial.value < before:
                    break  # it ends by itself: its gap is lost in rounding
                before = trial.value

    def _trial(self, problem: Problem, effort: str, **more: Any) -> Trial:
        from cyanure.estimators import Classifier

        n, d, k = problem.shape
        strength = 1 / (problem.C * n)  # 0 without a penalty
        X = np.asfortranarray(problem.X) if isinstance(problem.X, np.ndarray) else problem.X
        y = 2.0 * problem.labels - 1 if k == 2 else problem.labels
        model, seconds, warned = fastest(
            lambda: Classifier(
                loss="logistic", penalty="l2", lambda_1=strength, fit_intercept=True,
                verbose=False, **more
            ).fit(X, y)
        )  # fmt: skip
        coef, shift = np.asarray(model.get_weights()[0]), np.asarray(model.get_weights()[1])
        coef = coef.reshape(d, -1).T if coef.shape[0] == d else coef
        return Trial(seconds, value(problem, coef, shift.ravel()), effort, warned)


class Intelex(ScikitLearn):
    """scikit-learn-intelex: L-BFGS over oneDAL's loss, dense rows only."""

    package = "scikit-learn-intelex"

    def __init__(self) -> None:
        super().__init__("lbfgs")
        self.name = "scikit-learn-intelex"

    def excluded(self, problem: Problem) -> str:
        return "sparse rows fall back to scikit-learn" if problem.sparse else ""

    def _fit(self, problem: Problem, **more: Any) -> Any:
        from sklearnex.linear_model import LogisticRegression

        return LogisticRegression(C=problem.C, **more).fit(problem.X, problem.labels)


class Statsmodels(Contestant):
    """statsmodels: maximum likelihood without a penalty."""

    name, package = "statsmodels", "statsmodels"

    def excluded(self, problem: Problem) -> str:
        if problem.penalised:
            return "it has no L2 penalty"
        return "it takes dense rows" if problem.sparse else ""

    def default(self, problem: Problem) -> Trial:
        return self._trial(problem, "defaults")

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        for method in ("newton", "bfgs", "lbfgs"):
            for iterations in (10, 35, 200, 2000):
                yield self._trial(
                    problem, f"{method}, {iterations}", method=method, maxiter=iterations
                )

    def _trial(self, problem: Problem, effort: str, **more: Any) -> Trial:
        from statsmodels.api import Logit, MNLogit, add_constant

        _, d, k = problem.shape
        X = add_constant(np.asarray(problem.X, dtype=float), has_constant="add")
        family = Logit if k == 2 else MNLogit
        found, seconds, warned = timed(
            lambda: family(problem.labels, X).fit(disp=0, skip_hessian=True, **more)
        )
        weights = np.asarray(found.params).reshape(d + 1, -1).T
        if k > 2:
            weights = np.vstack([np.zeros(d + 1), weights])
        told = not found.mle_retvals.get("converged", True)
        return Trial(seconds, value(problem, weights[:, 1:], weights[:, 0]), effort, warned or told)


class VowpalWabbit(Contestant):
    """Vowpal Wabbit: its L-BFGS on the logistic loss, two classes only; reads its own text."""

    name, package, grace = "vowpalwabbit", "vowpalwabbit", 5.0

    def excluded(self, problem: Problem) -> str:
        return "" if problem.shape[2] == 2 else "it has no softmax: many classes are one-vs-all"

    def default(self, problem: Problem) -> Trial:
        return self._trial(problem, "defaults", 20)

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        passes = 10
        while passes < 100_000:
            yield self._trial(problem, f"{passes} passes", passes)
            passes *= 2

    def _trial(self, problem: Problem, effort: str, passes: int) -> Trial:
        from vowpalwabbit import pyvw

        _, d, _ = problem.shape
        bits = max(18, int(np.ceil(np.log2(d + 2))) + 1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "rows.vw")
            _write_vw(problem, path)
            options = (
                f"--quiet --bfgs --loss_function logistic -b {bits} -d {path} -k -c"
                f" --cache_file {path}.cache --passes {passes} --l2 {1 / problem.C}"
                f" --no_bias_regularization --mem 15 --termination 0 --predict_only_model"
                f" --readable_model {path}.txt"
            )

            def run() -> Any:
                workspace = pyvw.Workspace(options)
                workspace.finish()
                return workspace

            _, seconds, warned = timed(run)
            coef, shift = _read_vw(Path(f"{path}.txt"), d)
        return Trial(seconds, value(problem, coef, shift), effort, warned)


def _write_vw(problem: Problem, path: Path) -> None:
    """Write rows as VW reads them; a number as a name is its own hash."""
    with path.open("w") as file:
        for i, label in enumerate(2 * problem.labels - 1):
            row = problem.X[i]
            if problem.sparse:
                cells = zip(row.indices, row.data, strict=True)
            else:
                cells = ((c, row[c]) for c in np.flatnonzero(row))
            file.write(f"{label} | {' '.join(f'{c}:{v:.17g}' for c, v in cells)}\n")


def _read_vw(path: Path, d: int) -> tuple[Any, Any]:
    weights = np.zeros(d)
    shift = 0.0
    for line in path.read_text().splitlines():
        cell = line.split(":")
        if len(cell) == 2 and cell[0].isdigit():
            if int(cell[0]) < d:
                weights[int(cell[0])] = float(cell[1])
            else:
                shift = float(cell[1])
    return weights[None], np.array([shift])


class Glmnet(Contestant):
    """glmnet, through R: ridge at one penalty, reached along its path; the threshold falls."""

    name, package, grace, defaults_first = "glmnet", "r-cran-glmnet", 10.0, True

    def absent(self) -> str:
        if shutil.which("Rscript") is None:
            return "Rscript is not installed"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        found = subprocess.run(["Rscript", "-e", "library(glmnet)"], check=False, **quiet)
        return "the R package glmnet is not installed" if found.returncode else ""

    def excluded(self, problem: Problem) -> str:
        if not problem.penalised:
            return "it is asked for a penalised fit"
        if np.bincount(problem.labels).min() < 2:
            return "it refuses classes of one row"
        return "the text exchange with R would take too long" if problem.X.size > 4e7 else ""

    def default(self, problem: Problem) -> Trial:
        return next(self._run(problem, "1e-7"))

    def trials(self, problem: Problem, target: float, report: Report) -> Iterator[Trial]:
        yield from self._run(problem, "1e-7, 1e-9, 1e-11, 1e-13")

    def _run(self, problem: Problem, thresholds: str) -> Iterator[Trial]:
        n, d, k = problem.shape
        with tempfile.TemporaryDirectory() as folder:
            full = problem.X.toarray() if problem.sparse else problem.X
            np.asfortranarray(full, dtype=np.float64).T.tofile(Path(folder, "X"))
            problem.labels.astype(np.int32).tofile(Path(folder, "y"))
            strength, rare = 1 / (problem.C * n), str(problem.sparse).upper()
            program = _R.format(folder=folder, n=n, d=d, k=k, strength=strength,
                                thresholds=thresholds, sparse=rare)  # fmt: skip
            told = subprocess.Popen(
                ["Rscript", "-e", program], stdout=subprocess.PIPE, text=True,
                stderr=subprocess.DEVNULL, env={**os.environ, "OPENBLAS_NUM_THREADS": "2"},
            )  # fmt: skip
            assert told.stdout is not None
            for line in told.stdout:
                word, threshold, seconds, warned = line.split()
                if word != "fit":
                    continue
                weights = np.fromfile(Path(folder, f"w{threshold}")).reshape(-1, d + 1)
                reached = value(problem, weights[:, 1:], weights[:, 0])
                yield Trial(float(seconds), reached, f"thresh={threshold}", warned == "TRUE")


_R = """
library(glmnet)
X <- matrix(readBin("{folder}/X", "double", {n} * {d}), {n}, {d})
if ({sparse}) X <- Matrix::Matrix(X, sparse = TRUE)
y <- readBin("{folder}/y", "integer", {n})
for (thresh in c({thresholds})) {{
  warned <- FALSE
  start <- Sys.time()
  path <- {strength} * 10 ^ seq(3, 0, by = -0.25)
  fit <- withCallingHandlers(
    glmnet(X, y, family = if ({k} == 2) "binomial" else "multinomial", alpha = 0, lambda = path,
           standardize = FALSE, thresh = thresh, maxit = 1e7),
    warning = function(w) {{ warned <<- TRUE; invokeRestart("muffleWarning") }})
  seconds <- as.numeric(difftime(Sys.time(), start, units = "secs"))
  w <- coef(fit, s = min(fit$lambda))
  w <- if ({k} == 2) as.numeric(w) else unlist(lapply(w, as.numeric))
  writeBin(w, paste0("{folder}/w", format(thresh)))
  cat("fit", format(thresh), seconds, warned, "\\n")
  flush(stdout())
}}
"""


def everybody() -> list[Contestant]:
    """Return all contestants, installed or not; scikit-learn's best guess first."""
    from luce.estimators.options import MINIBATCH, SOLVERS

    named = [Luce(solver) for solver in SOLVERS if solver not in MINIBATCH]
    sklearn = ("newton-cholesky", "lbfgs", "newton-cg", "sag", "saga")
    others = [Intelex(), Cyanure(), Glmnet(), VowpalWabbit(), Statsmodels()]
    return [*named, *(ScikitLearn(solver) for solver in sklearn), *others]

"""Logistic regression in four ways, and the generative twins, on the same tables and splits.

    LUCE_DATA=... python bench/classifiers.py [NAME ...]

Each set is split in halves, each class in the same proportion; one trains, the other judges, and
then the other way round. At most 1200 rows a set, raw units, default options. The second table
gives what scikit-learn's wrappers take for the same binary problems. Ends with exit code 1 if a
demand is missed. A few minutes.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from section import Demand, show_figures, show_table, verdict
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from threadpoolctl import threadpool_limits

from luce import (
    GaussianNaiveBayes,
    LinearDiscriminantAnalysis,
    OneVsOne,
    OneVsRest,
    SoftmaxRegression,
    metrics,
)

TABLES = (
    "optdigits", "pendigits", "segmentation", "shuttle", "vehicle", "vowel",
    "wine_quality_white", "yeast",
)  # fmt: skip
SETS = ("digits", *TABLES)
ROWS = 1200
SMALLEST_CLASS = 10
MODELS: dict[str, Any] = {
    "softmax": SoftmaxRegression(),
    "one-vs-rest, normalised": OneVsRest(),
    "one-vs-rest, likelihood": OneVsRest(coupling="likelihood"),
    "one-vs-rest, softmax": OneVsRest(coupling="softmax"),
    "one-vs-one, Wu-Lin-Weng": OneVsOne(),
    "one-vs-one, Hastie-Tibshirani": OneVsOne(coupling="hastie-tibshirani"),
    "softmax, C = 0.01": SoftmaxRegression(C=0.01),
    "one-vs-rest, normalised, C = 0.01": OneVsRest(C=0.01),
    "one-vs-one, Wu-Lin-Weng, C = 0.01": OneVsOne(C=0.01),
    "linear discriminant": LinearDiscriminantAnalysis(shrinkage="auto"),
    "naive Bayes, shared variance": GaussianNaiveBayes(shared_variance=True),
    "naive Bayes": GaussianNaiveBayes(),
}
Doubles = NDArray[np.float64]


class Data(NamedTuple):
    """A table in raw units, its rows in a random order."""

    X: Doubles  # (n, d)
    labels: NDArray[np.intp]  # 0..k-1


class Merit(NamedTuple):
    """What a model is worth on rows that it has not seen; means over both halves."""

    accuracy: float
    log_loss: float
    calibration_error: float
    seconds: float
    parameters: int


def read(name: str) -> Data:
    """Read a set; classes of fewer than ten rows are left out, for both halves must hold some."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
    else:
        path = Path(os.environ["LUCE_DATA"], "tabular", f"{name}.csv.gz")
        frame = pl.read_csv(path, infer_schema_length=None)
        X, y = frame.drop("target").to_numpy().astype(np.float64), frame["target"].to_numpy()
    rows = np.random.default_rng(0).permutation(len(X))[:ROWS]
    X, y = X[rows], y[rows]
    values, counts = np.unique(y, return_counts=True)
    kept = np.isin(y, values[counts >= SMALLEST_CLASS])
    return Data(np.ascontiguousarray(X[kept]), np.unique(y[kept], return_inverse=True)[1])


def halves(data: Data) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    return list(folds.split(*data))


def parameters(model: Any) -> int:
    if isinstance(model, GaussianNaiveBayes):
        shared = model.theta_.shape[1] if model.shared_variance else model.var_.size
        return int(model.theta_.size + shared + len(model.classes_))
    return int(model.coef_.size + model.intercept_.size)


def judged(data: Data) -> dict[str, Merit]:
    """Judge every model; couplings share the fit, for they only matter afterwards."""
    found: dict[str, list[tuple[float, ...]]] = {title: [] for title in MODELS}
    for train, test in halves(data):
        fits: dict[str, tuple[Any, float]] = {}
        for title, model in MODELS.items():
            options = {k: v for k, v in model.get_params().items() if k != "coupling"}
            same = f"{type(model).__name__} {options}"
            if same not in fits:
                start = time.perf_counter()
                one = clone(model).fit(data.X[train], data.labels[train])
                fits[same] = one, time.perf_counter() - start
            one, seconds = fits[same]
            one.set_params(**model.get_params())
            p, y = one.predict_proba(data.X[test]), data.labels[test]
            # The logarithm of a probability that is 0 to the last bit is taken from the model.
            surprise = -one.predict_log_proba(data.X[test])[np.arange(len(y)), y].mean()
            error = metrics.calibration_error(y, p).value
            right = float((p.argmax(axis=1) == y).mean())
            found[title].append((right, float(surprise), error, seconds, parameters(one)))
    return {
        title: Merit(*(np.mean(column).item() for column in zip(*halves_of, strict=True)))
        for title, halves_of in found.items()
    }


class Race(NamedTuple):
    """A wrapper of scikit-learn beside luce, on one set."""

    row: dict[str, str]
    ours: float
    theirs: float
    gap: float
    unfinished: int
    problems: int


def fitted(model: Any, data: Data) -> tuple[Any, float, int]:
    """Return the model, its seconds (the better of two fits), and how often it warned."""
    seconds = []
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            start = time.perf_counter()
            model = clone(model).fit(*data)
            seconds.append(time.perf_counter() - start)
    return model, min(seconds), sum(issubclass(w.category, ConvergenceWarning) for w in told)


def raced(name: str, data: Data, ours: Any, wrapper: Callable[[Any], Any]) -> Race:
    model, seconds, warned = fitted(ours, data)
    if warned:
        raise RuntimeError(f"luce warned that it has not converged on {name}")
    with threadpool_limits(1, user_api="blas"):  # on tables of this size more threads are slower
        rival, rival_seconds, unfinished = fitted(wrapper(LogisticRegression()), data)
    problems, kind = len(rival.estimators_), type(ours).__name__
    is_pair = isinstance(model, OneVsOne)
    scores = (model.pair_decision_function if is_pair else model.decision_function)(data.X)
    answers = np.column_stack([one.predict(data.X) for one in rival.estimators_])
    same = ((scores > 0) == (answers > 0)).mean()
    row = {
        "set": name,
        "method": kind,
        "problems": str(problems),
        "luce, s": f"{seconds:.2f}",
        "worst gap": f"{model.gap_:.1e}",
        "scikit-learn, s": f"{rival_seconds:.2f}",
        "its unfinished problems": str(unfinished),
        "same answers": f"{same:.1%}",
    }
    return Race(row, seconds, rival_seconds, float(model.gap_), unfinished, problems)


def show_merits(merits: dict[str, dict[str, Merit]]) -> None:
    """Print the means over the sets, then the log losses set by set."""
    names = list(merits)
    show_table([summary(name, [of[name] for of in merits.values()]) for name in MODELS])
    print(
        f"\nMeans over {len(names)} sets (of log losses, the median), rows that the model has not"
    )
    print("seen. Seconds: one fit a set, in all; couplings share the fit. Parameters: relative to")
    print("softmax, geometric mean. Log loss, set by set:\n")
    show_table(
        [
            {"method": model} | {name: short(merits[name][model].log_loss) for name in names}
            for model in MODELS
        ]
    )


def short(loss: float) -> str:
    return f"{loss:.3f}" if loss < 100 else f"{loss:.1e}"


def summary(model: str, of_sets: Sequence[Merit]) -> dict[str, str]:
    base = _PARAMETERS
    share = np.exp(np.mean([np.log(m.parameters / b) for m, b in zip(of_sets, base, strict=True)]))
    return {
        "method": model,
        "accuracy": f"{np.mean([m.accuracy for m in of_sets]):.3f}",
        "log loss": f"{np.median([m.log_loss for m in of_sets]):.3f}",
        "calibration error": f"{np.mean([m.calibration_error for m in of_sets]):.3f}",
        "seconds": f"{sum(m.seconds for m in of_sets):.2f}",
        "parameters": f"{share:.2f}",
    }


_PARAMETERS: list[int] = []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="NAME", help=f"{', '.join(SETS)}; default: all")
    options = parser.parse_args()
    names = options.sets or SETS
    if unknown := set(names) - set(SETS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    if "LUCE_DATA" not in os.environ and set(names) - {"digits"}:
        parser.error("LUCE_DATA must name the folder that holds tabular/*.csv.gz")
    merits, races = {}, []
    for name in names:
        data = read(name)
        merits[name] = judged(data)
        _PARAMETERS.append(merits[name]["softmax"].parameters)
        if len(np.unique(data.labels)) <= 10:
            races.append(raced(name, data, OneVsRest(), OneVsRestClassifier))
            races.append(raced(name, data, OneVsOne(), OneVsOneClassifier))
        print(name, *(f"{m.log_loss:.3f}" for m in merits[name].values()), file=sys.stderr)
    show_merits(merits)
    print(
        "\nThe binary problems of one-vs-rest and one-vs-one, raw units, default options, all rows,"
    )
    print(
        "sets of at most ten classes; the better of two fits. Unfinished: scikit-learn warned after"
    )
    print("its 100 iterations. Same answers: of the binary problems, on all rows.\n")
    show_table([race.row for race in races])
    return judge(merits, races)


def judge(merits: dict[str, dict[str, Merit]], races: Sequence[Race]) -> int:
    worst = max(race.gap for race in races)
    rows = [
        max(m.log_loss for m in of.values() if np.isfinite(m.log_loss)) for of in merits.values()
    ]
    code = verdict(
        [
            Demand(
                "each binary problem ends with a proven gap of at most 1e-4, and no warning",
                f"{sum(race.problems for race in races)} problems, worst {worst:.1e}",
                worst <= 1e-4,
            ),
            Demand(
                "log losses are finite numbers",
                f"largest {max(rows):.1f}",
                all(np.isfinite(m.log_loss) for of in merits.values() for m in of.values()),
            ),
        ]
    )
    means = {
        title: np.median([of[title].log_loss for of in merits.values()]).item() for title in MODELS
    }
    show_figures(
        sets=str(len(merits)),
        softmax=f"{means['softmax']:.3f}",
        normalised=f"{means['one-vs-rest, normalised']:.3f}",
        odds=f"{means['one-vs-rest, softmax']:.3f}",
        pairs=f"{means['one-vs-one, Wu-Lin-Weng']:.3f}",
        unfinished=str(sum(race.unfinished for race in races)),
        problems=str(sum(race.problems for race in races)),
        seconds=f"{sum(race.ours for race in races):.1f}",
        rival_seconds=f"{sum(race.theirs for race in races):.1f}",
    )
    return code


if __name__ == "__main__":
    sys.exit(main())

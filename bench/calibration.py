"""Honest probabilities: calibration error before and after, coverage of sets, time beside peers.

    LUCE_DATA=... python bench/calibration.py

Calibration: the default classifiers of luce on 20 Newsgroups (by date) and Fashion-MNIST, before
and after each of its calibrations, on the standard test rows, which have no part in anything else.
The choice of a calibration, which `--calibrate` without a value makes, against temperature: two
classifiers on ten real tables, learnt from one half of the rows, judged on the other.
Coverage: split conformal sets on five real tables, averaged over drawn splits. Time: the
calibration alone beside scikit-learn's, on the same logits and labels, both on the same threads.
Ends with exit code 1 if a demand is missed. About five minutes on two cores.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from section import Demand, show_figures, show_table, verdict
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from luce import (
    ConformalSets,
    GaussianNaiveBayes,
    IsotonicCalibration,
    SoftmaxRegression,
    TemperatureScaling,
    TextFeatures,
    data,
    softmax,
)
from luce.estimators.calibration_choice import AUTO, CALIBRATORS, fitted_calibrator, name_of
from luce.estimators.cross_fitting import out_of_fold_logits
from luce.estimators.held_out import logits_of
from luce.metrics import (
    auroc,
    calibration_error,
    classwise_calibration_error,
    confidence,
    log_loss,
    squared_calibration_error,
)
from luce.tasks.calibration import held_out_logits

FOLDER = Path(os.environ.get("LUCE_DATA", "../shared/data"))
TABLES = ("vehicle", "segmentation", "optdigits", "pendigits", "letter")
CHOICES = (*TABLES, "adult", "connect_4", "nursery", "vowel", "wine_quality_white")
ERRORS = 2  # standard errors of a difference that is called notable
SPLITS = 50
ROUNDS = 5
ALPHA = 0.1


class Stated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose features are its probabilities, for scikit-learn to calibrate."""

    def fit(self, X: Any, y: Any) -> "Stated":
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:
        return X

    def predict(self, X: Any) -> Any:
        return X.argmax(axis=1)


def texts(name: str) -> tuple[list[str], Any]:
    """Texts and labels of a file without a header: the class, then one or two columns of text."""
    table = pl.read_csv(FOLDER / f"{name}.csv.gz", has_header=False)
    words = table.select(pl.concat_str(table.columns[1:], separator="\n", ignore_nulls=True))
    return words.to_series().to_list(), table.to_series(0).to_numpy()


def newsgroups() -> tuple[Any, ...]:
    (train, y), (test, y_test) = (texts(f"newsgroups20/{part}") for part in ("train", "test"))
    features = TextFeatures()
    return features.fit_transform(train), y, features.transform(test), y_test


def fashion() -> tuple[Any, ...]:
    parts = [data.load("fashion-mnist", split=split) for split in ("train", "test")]
    X = [part.features.reshape(len(part), -1).astype(np.float32) / 255 for part in parts]
    return X[0], parts[0].target, X[1], parts[1].target


def before_and_after(name: str, rows: tuple[Any, ...]) -> tuple[list[dict[str, str]], list[float]]:
    """Fit the default classifier, calibrate it as ``luce train --calibrate`` does, and compare."""
    X, y, X_test, y_test = rows
    model = SoftmaxRegression().fit(X, y)
    held_out = held_out_logits(model, X, y)
    truth, z = np.searchsorted(model.classes_, y_test), model.decision_function(X_test)
    stated = {"none": model.predict_proba(X_test)}
    for kind in (AUTO, *CALIBRATORS):
        fitted = fitted_calibrator(kind, held_out.logits, held_out.codes)
        title = f"{kind}: {name_of(fitted)}" if kind == AUTO else kind
        stated[title] = fitted.predict_proba(z)
    before = calibration_error(truth, stated["none"]).value
    lines, quotients = [], []
    for kind, p in stated.items():
        error = calibration_error(truth, p)
        quotients.append(before / error.value)
        lines.append(
            {
                "set": name if kind == "none" else "",
                "calibration": kind,
                "accuracy": f"{(p.argmax(axis=1) == truth).mean():.3f}",
                "calibration error": percent(error.value),
                "95 % interval": f"{percent(error.low)} – {percent(error.high)}",
                "before / after": f"{quotients[-1]:.1f}",
                "without its bias": percent(
                    np.sign(square := squared_calibration_error(truth, p)) * abs(square) ** 0.5
                ),
                "classwise": percent(classwise_calibration_error(truth, p).mean),
                "log loss": f"{log_loss(truth, p).value:.3f}",
            }
        )
    return lines, quotients[1:]


def choices() -> tuple[list[dict[str, str]], list[float]]:
    """Compare what is chosen with temperature, by the log loss of rows that nothing has seen."""
    lines, worse = [], []
    for name in CHOICES:
        X, y = table(name)
        half = min(len(y) // 2, 10_000)
        for model in (SoftmaxRegression(), GaussianNaiveBayes()):
            model.fit(X[:half], y[:half])
            truth = y[half : 2 * half]
            seen = np.isin(truth, model.classes_)
            z = logits_of(model, X[half : 2 * half])[seen]
            truth = np.searchsorted(model.classes_, truth[seen])
            labels = np.searchsorted(model.classes_, y[:half])
            held_out = out_of_fold_logits(model, X[:half], labels, None, model.classes_, 5)
            found = [
                fitted_calibrator(kind, held_out.logits, labels[held_out.rows])
                for kind in ("temperature", AUTO)
            ]
            own = np.arange(len(truth)), truth
            losses = [-fitted.predict_log_proba(z)[own] for fitted in found]
            more = losses[1] - losses[0]
            error = float(more.std() / len(more) ** 0.5)
            worse.append(float(more.mean() - ERRORS * error))
            lines.append(
                {
                    "set": name,
                    "classifier": type(model).__name__,
                    "rows": f"{half:,}",
                    "chosen": name_of(found[1]),
                    "log loss, temperature": f"{losses[0].mean():.4f}",
                    "chosen ": f"{losses[1].mean():.4f}",
                    "difference": f"{more.mean():+.4f}",
                    "its standard error": f"{error:.4f}",
                }
            )
    return lines, worse


def table(name: str) -> tuple[Any, Any]:
    """The rows of a table, shuffled, and their classes as numbers."""
    found = data.load(FOLDER / f"tabular/{name}.csv.gz", target="target")
    X = data.learn_encoding(found).apply(found.features).X
    y = np.unique(np.asarray(found.target), return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def table_logits(name: str) -> tuple[Any, Any]:
    """Probabilities and labels of rows that a default classifier has not seen."""
    X, y = table(name)
    kept = min(len(y) // 3, 3000)
    model = SoftmaxRegression().fit(X[:kept], y[:kept])
    return model.predict_proba(X[kept:]), y[kept:]


def coverage(p: Any, y: Any, method: str) -> tuple[float, float]:
    """Mean coverage and size over splits of the rows into halves."""
    shares, sizes = [], []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(y))
        fit, test = order[::2], order[1::2]
        sets = ConformalSets(method=method, alpha=ALPHA, random_state=seed).fit(p[fit], y[fit])
        found = sets.predict_set(p[test])
        shares.append(found[np.arange(len(test)), y[test]].mean())
        sizes.append(found.sum(axis=1).mean())
    return float(np.mean(shares)), float(np.mean(sizes))


def out_of_scope() -> list[dict[str, str]]:
    """Tell CLINC150's questions within its 150 intents from those outside, by each score."""
    (train, y), (test, _), (foreign, _) = (
        texts(f"clinc150/{part}") for part in ("train", "test", "oos_test")
    )
    features = TextFeatures()
    model = SoftmaxRegression().fit(features.fit_transform(train), y)
    inside, outside = (model.decision_function(features.transform(t)) for t in (test, foreign))
    lines = []
    for score in ("max_probability", "margin", "entropy", "max_logit", "energy"):
        area = auroc(confidence(inside, score), confidence(outside, score))
        interval = f"{area.low:.3f} – {area.high:.3f}"
        lines.append({"score": score, "AUROC": f"{area.value:.3f}", "95 % interval": interval})
    return lines


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def speed() -> tuple[list[dict[str, str]], float]:
    """Time both calibrations of the same probabilities in turns; the least of the rounds counts."""
    rng = np.random.default_rng(0)
    lines, slowest = [], np.inf
    for method, ours in (
        ("temperature", TemperatureScaling()),
        ("isotonic", IsotonicCalibration(prior_rows=0.0)),
    ):
        for n, k in ((10_000, 10), (10_000, 100)):
            z = 2 * rng.normal(size=(n, k))
            y = (z / 2 + rng.gumbel(size=z.shape)).argmax(axis=1)
            p = softmax(z)
            theirs = CalibratedClassifierCV(FrozenEstimator(Stated().fit(p, y)), method=method)
            pairs = [
                (
                    seconds(lambda ours=ours, p=p, y=y: ours.fit(np.log(p), y)),
                    seconds(lambda theirs=theirs, p=p, y=y: theirs.fit(p, y)),
                )
                for _ in range(ROUNDS)
            ]
            fast, slow = (min(times) for times in zip(*pairs, strict=True))
            apart = np.abs(ours.predict_proba(np.log(p)) - theirs.predict_proba(p)).max()
            if method == "temperature":
                slowest = min(slowest, slow / fast)
            lines.append(
                {
                    "method": method,
                    "rows x classes": f"{n:,} x {k}",
                    "luce": f"{1000 * fast:.1f} ms",
                    "scikit-learn": f"{1000 * slow:.1f} ms",
                    "ratio": f"{slow / fast:.1f}",
                    "largest difference of a probability": f"{apart:.1g}",
                }
            )
    return lines, slowest


def show_errors() -> dict[str, list[float]]:
    """Print both test sets; return by what each calibration divides the error of each."""
    found = [
        before_and_after("20 Newsgroups", newsgroups()),
        before_and_after("Fashion-MNIST", fashion()),
    ]
    print("Test rows of the default classifier, without and with `--calibrate`:\n")
    show_table([line for lines, _ in found for line in lines])
    print(
        '\n"Without its bias" is the root of the debiased mean square; below 0 %, chance explains'
        " all of it."
    )
    quotients = zip(*(q for _, q in found), strict=True)
    return {kind: list(q) for kind, q in zip((AUTO, *CALIBRATORS), quotients, strict=True)}


def show_choices() -> list[float]:
    print("\nWhat `--calibrate` chooses, beside temperature; halves of the rows:\n")
    lines, worse = choices()
    show_table(lines)
    return worse


def show_coverage() -> float:
    """Print coverage and sizes of sets; return the largest distance of a coverage from 90 %."""
    lines, gaps = [], []
    for name in TABLES:
        p, y = table_logits(name)
        line = {"set": name, "rows": f"{len(y):,}"}
        for method in ("lac", "aps", "raps"):
            share, size = coverage(p, y, method)
            gaps.append(abs(share - (1 - ALPHA)))
            line |= {f"{method}: coverage": percent(share), f"{method}: classes": f"{size:.2f}"}
        lines.append(line)
    print(f"\nSets that are to hold the truth in 90 % of cases, mean of {SPLITS} splits:\n")
    show_table(lines)
    return max(gaps)


def show_speed() -> float:
    print("\nTime of the calibration alone, on given logits:\n")
    lines, slowest = speed()
    show_table(lines)
    return slowest


def main() -> int:
    warnings.simplefilter("error", category=UserWarning)
    by_kind = show_errors()
    default = by_kind[AUTO]
    worse, gap = show_choices(), show_coverage()
    print("\nCLINC150, questions in scope against questions out of scope:\n")
    show_table(out_of_scope())
    slowest = show_speed()
    show_figures(
        newsgroups=f"{default[0]:.1f}",
        fashion=f"{default[1]:.1f}",
        fashion_temperature=f"{by_kind['temperature'][1]:.1f}",
        coverage=f"{100 * gap:.2f}",
    )
    return verdict(
        [
            Demand(
                "the calibration error is at least halved on both sets by `--calibrate`",
                f"divided by {default[0]:.1f} and {default[1]:.1f}",
                min(default) >= 2,
            ),
            Demand(
                f"the choice is nowhere worse than temperature by {ERRORS} standard errors",
                f"on {sum(excess > 0 for excess in worse)} of {len(worse)}",
                max(worse) <= 0,
            ),
            Demand(
                "the coverage is within 1 % of 90 %",
                f"at most {100 * gap:.2f} % off",
                gap <= 0.01,
            ),
            Demand(
                "the temperature is found in less time than by scikit-learn",
                f"at least {slowest:.1f} times as fast",
                slowest > 1,
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

"""Search for the options of a training within a span of time, by cross-validated log loss."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators import SoftmaxRegressionCV
from luce.tasks.durations import parse_duration
from luce.tasks.options import TrainOptions
from luce.tasks.preparation import Prepared

FOLDS = 5
_COARSE = tuple(10.0**power for power in range(-4, 5))
_STEP = 10**0.25  # of C in the last round
_SMOOTHING = 0.05
_ALIKE = 1e-3  # of the loss: less is no reason for options that nobody asked for

Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class Trial:
    """Options that were tried, and what they are worth on rows that a model has not seen."""

    C: float
    class_weight: str | None
    label_smoothing: float
    log_loss: float
    standard_error: float

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``tuning.json``."""
        return dict(vars(self))


@dataclass(frozen=True)
class Tuned:
    """What a search came to.

    Attributes
    ----------
    options : the options given, with the best of what was tried
    trials : everything tried, in order
    best : the number of the best trial; None if there was no time for one
    budget, seconds : the time that was allowed, and taken
    complete : whether the search came to its end
    """

    options: TrainOptions
    trials: tuple[Trial, ...]
    best: int | None
    budget: float
    seconds: float
    complete: bool

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``tuning.json``."""
        return {
            "budget": self.budget,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "folds": FOLDS,
            "best": self.best,
            "trials": [trial.to_json() for trial in self.trials],
        }


def tune(prepared: Prepared, on_trial: Callable[[Trial], object] | None = None) -> Tuned:
    """Try values of C, class weights and label smoothing until the time is over.

    First the options as they are, then C from 1e-4 to 1e4, balanced class weights with corrected
    probabilities, smoothed labels, and at last values of C beside the best. The search stops
    before a value that would take longer than what is left, judged by the one before; the first
    is always finished. Ctrl-C ends it, too. In either case the best so far is taken. The rows of
    each fold depend on the seed alone, so the same trials give the same figures.

    Raises
    ------
    ParameterError
        The solver goes by minibatch: its models are no minima that could be compared.
    """
    options = prepared.options
    assert options.tune is not None, "the caller has seen to it"
    if options.solver in ("sgd", "adam"):
        raise ParameterError(
            f"--tune needs a solver that reaches the optimum, got {options.solver!r}. Leave"
            " --solver out, or give auto, newton or lbfgs."
        )
    search = _Search(prepared, parse_duration(options.tune, "tune"), on_trial)
    complete = search.run()
    best = search.best()
    found = {} if best is None else _chosen(search.trials[best])
    return Tuned(
        replace(options, tune=None, **found),
        tuple(search.trials),
        best,
        search.budget,
        search.elapsed(),
        complete,
    )


def _chosen(trial: Trial) -> dict[str, Any]:
    return {name: getattr(trial, name) for name in ("C", "class_weight", "label_smoothing")}


class _Round(NamedTuple):
    """Values of C to be tried with the same other options."""

    Cs: tuple[float, ...]
    class_weight: str | None
    label_smoothing: float


class _OutOfTime(KeyboardInterrupt):
    """Ends a path as Ctrl-C does."""


class _Search:
    def __init__(
        self, prepared: Prepared, budget: float, on_trial: Callable[[Trial], object] | None
    ) -> None:
        self.budget = budget
        self.trials: list[Trial] = []
        self._prepared, self._on_trial = prepared, on_trial
        self._started = time.perf_counter()
        self._last = 0.0  # seconds that the newest value took
        assert prepared.labels is not None, "`prepare_stream` has refused it"
        self._splits = stratified_folds(prepared.labels, FOLDS, prepared.options.seed)

    def run(self) -> bool:
        """Try round after round; return whether all were tried."""
        try:
            for planned in self._rounds():
                todo = tuple(c for c in planned.Cs if not self._tried(planned, c))
                if todo and not self._try(planned._replace(Cs=todo)):
                    return False
        except KeyboardInterrupt:
            return False
        return True

    def best(self) -> int | None:
        """Return the number of the first trial that is as good as any, to a thousandth."""
        losses = [trial.log_loss for trial in self.trials]
        near = [loss <= (1 + _ALIKE) * min(losses) for loss in losses]
        return near.index(True) if near else None

    def elapsed(self) -> float:
        """Return the seconds since the search began."""
        return time.perf_counter() - self._started

    def _rounds(self) -> Iterator[_Round]:
        """Each round knows what the ones before have found."""
        given = self._prepared.options
        assert given.C is not None, "prepared options are resolved"
        as_given = _Round((given.C,), given.class_weight, given.label_smoothing)
        yield as_given
        yield as_given._replace(Cs=_COARSE)
        around = self._around(10.0)
        yield as_given._replace(Cs=around, class_weight="corrected")
        best = self._best_round()
        yield best._replace(Cs=around, label_smoothing=_SMOOTHING)
        yield self._best_round()._replace(Cs=self._around(_STEP))
        yield self._best_round()._replace(Cs=self._around(_STEP**2))

    def _around(self, factor: float) -> tuple[float, ...]:
        best = self.best()
        assert best is not None, "a round that ends has trials"
        c = self.trials[best].C
        return tuple(float(f"{value:.3g}") for value in (c / factor, c, c * factor))

    def _best_round(self) -> _Round:
        best = self.best()
        assert best is not None, "a round that ends has trials"
        trial = self.trials[best]
        return _Round((), trial.class_weight, trial.label_smoothing)

    def _tried(self, planned: _Round, c: float) -> bool:
        return any(
            math.isclose(trial.C, c, rel_tol=1e-2) and _same(trial, planned)
            for trial in self.trials
        )

    def _try(self, planned: _Round) -> bool:
        """Follow one path; return whether it came to its end."""
        if self.trials and not self._has_time():
            return False
        options = replace(
            self._prepared.options,
            class_weight=planned.class_weight,
            label_smoothing=planned.label_smoothing,
        ).estimator_arguments()
        since = time.perf_counter()

        def listen(entry: dict[str, Any]) -> None:
            nonlocal since
            now = time.perf_counter()
            self._last, since = now - since, now
            trial = Trial(
                entry["C"],
                planned.class_weight,
                planned.label_smoothing,
                -entry["score"],
                entry["standard_error"],
            )
            self.trials.append(trial)
            if self._on_trial is not None:
                self._on_trial(trial)
            if entry["C"] < max(planned.Cs) and not self._has_time():
                raise _OutOfTime

        names = ("class_weight", "label_smoothing", "max_iter", "correct_prior")
        model = SoftmaxRegressionCV(
            Cs=planned.Cs,
            cv=self._splits,
            refit=False,
            callbacks=[listen],
            **{name: options[name] for name in names if name in options},
        )
        features: Any = self._prepared.features  # `prepare_stream` refuses to tune on a stream
        labels: Any = self._prepared.labels
        model.fit(features, labels)
        return not model.interrupted_

    def _has_time(self) -> bool:
        return self.elapsed() + self._last <= self.budget


def _same(trial: Trial, planned: _Round) -> bool:
    return (
        trial.class_weight == planned.class_weight
        and trial.label_smoothing == planned.label_smoothing
    )


def stratified_folds(labels: NDArray[Any], count: int, seed: int) -> Splits:
    """Deal the rows of each class in turn, so that no class needs as many rows as there are folds.

    A class with a single row is missing where that row is left out; no more folds than rows.
    """
    n = len(labels)
    shuffled = np.random.default_rng(seed).permutation(n)
    _, codes = np.unique(labels, return_inverse=True)
    dealt = shuffled[np.argsort(codes[shuffled], kind="stable")]
    fold = np.empty(n, dtype=np.intp)
    fold[dealt] = np.arange(n) % min(count, n)
    return [
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number))
        for number in range(min(count, n))
    ]

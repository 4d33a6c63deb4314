"""A search for options within a span of time: what it has tried, and the rows that it holds out."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.tasks.durations import parse_duration
from luce.tasks.options import TrainOptions
from luce.tasks.preparation import Prepared, with_ngrams

FOLDS = 5
_ALIKE = 1e-3  # of the loss: less is no reason for options that nobody asked for

Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class Trial:
    """Options that were tried, and what they are worth on rows that a model has not seen.

    Attributes
    ----------
    options : the fields of `TrainOptions` that the search sets
    log_loss, standard_error : the mean of the rows held out, and how far it may be off
    """

    options: Mapping[str, Any]
    log_loss: float
    standard_error: float

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``tuning.json``."""
        return {
            **self.options,
            "log_loss": _in_json(self.log_loss),
            "standard_error": _in_json(self.standard_error),
        }


@dataclass(frozen=True)
class Tuned:
    """What a search came to.

    Attributes
    ----------
    options : the options given, with the best of what was tried
    trials : everything tried, in order
    best : the number of the best trial; None if there was no time for one or no finite loss
    folds : how many parts of the rows were held out, one after the other
    budget, seconds : the time that was allowed, and taken
    complete : whether the search came to its end
    """

    options: TrainOptions
    trials: tuple[Trial, ...]
    best: int | None
    folds: int
    budget: float
    seconds: float
    complete: bool

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``tuning.json``."""
        return {
            "budget": self.budget,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "folds": self.folds,
            "best": self.best,
            "trials": [trial.to_json() for trial in self.trials],
        }


class Search(ABC):
    """A search that has begun.

    Parameters
    ----------
    prepared : the training, whose options tell how long to search
    on_trial : called with each trial
    splits : rows to learn from and rows held out
    """

    def __init__(
        self, prepared: Prepared, on_trial: Callable[[Trial], object] | None, splits: Splits
    ) -> None:
        assert prepared.options.tune is not None, "the caller has seen to it"
        self.budget = parse_duration(prepared.options.tune, "tune")
        self.trials: list[Trial] = []
        self.given, self.splits = prepared, splits
        self._newest = prepared  # texts that are read otherwise
        self._on_trial, self._started = on_trial, time.perf_counter()

    @abstractmethod
    def run(self) -> bool:
        """Make trial after trial; return whether all were made."""

    def elapsed(self) -> float:
        """Return the seconds since the search began."""
        return time.perf_counter() - self._started

    def add(self, trial: Trial) -> None:
        """Keep a trial, and tell of it."""
        self.trials.append(trial)
        if self._on_trial is not None:
            self._on_trial(trial)

    def best(self) -> Trial:
        """Return the best trial so far; the first, that of the options given, where none is."""
        return self.trials[best_of(self.trials) or 0]

    def reading(self, ngrams: str | None) -> Prepared:
        """Return the training on texts that are read so; the given and the newest are at hand."""
        for known in (self.given, self._newest):
            if known.options.ngrams == ngrams:
                return known
        assert ngrams is not None, "a search gives texts n-grams, and nothing else"
        self._newest = with_ngrams(self.given, ngrams)
        return self._newest

    def result(self) -> tuple[Prepared, Tuned]:
        """Search; return the training with the best of what was tried, and what was tried."""
        complete = self.run()
        best = best_of(self.trials)
        found = {} if best is None else self.trials[best].options
        options = replace(self.given.options, tune=None, **found)
        tuned = Tuned(
            options,
            tuple(self.trials),
            best,
            len(self.splits),
            self.budget,
            self.elapsed(),
            complete,
        )
        return replace(self.reading(options.ngrams), options=options), tuned


def best_of(trials: Sequence[Trial]) -> int | None:
    """Return the number of the first trial that is as good as any, to a thousandth.

    Losses that are not finite say nothing; None if there are no others.
    """
    finite = [trial.log_loss for trial in trials if math.isfinite(trial.log_loss)]
    if not finite:
        return None
    return [trial.log_loss <= (1 + _ALIKE) * min(finite) for trial in trials].index(True)


def _in_json(number: float) -> float | None:
    return number if math.isfinite(number) else None


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

"""What a search for options has tried, and the rows that it holds out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.tasks.options import TrainOptions

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
            "log_loss": self.log_loss,
            "standard_error": self.standard_error,
        }


@dataclass(frozen=True)
class Tuned:
    """What a search came to.

    Attributes
    ----------
    options : the options given, with the best of what was tried
    trials : everything tried, in order
    best : the number of the best trial; None if there was no time for one
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


def best_of(trials: Sequence[Trial]) -> int | None:
    """Return the number of the first trial that is as good as any, to a thousandth."""
    losses = [trial.log_loss for trial in trials]
    near = [loss <= (1 + _ALIKE) * min(losses) for loss in losses]
    return near.index(True) if near else None


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

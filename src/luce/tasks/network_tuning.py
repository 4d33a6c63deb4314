"""Search for the options of a network within a span of time, by its log loss on rows held out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from luce.errors import ConvergenceError
from luce.tasks.durations import parse_duration
from luce.tasks.model_kinds import KINDS
from luce.tasks.options import TrainOptions, hidden_units
from luce.tasks.preparation import Prepared
from luce.tasks.trials import FOLDS, Splits, Trial, Tuned, best_of, stratified_folds

_FEW = 2_000  # rows, below which one fold says too little
_HIDDEN = ("64", "256", "512", "256,128")
_DROPOUT = (0.0, 0.1, 0.2, 0.35, 0.5)
_WEIGHT_DECAY = (0.0, 1e-3, 1e-2, 1e-1)
_WIDE, _NARROW = 10**0.5, 10**0.25  # factors of the learning rate


def tune_network(prepared: Prepared, on_trial: Callable[[Trial], object] | None = None) -> Tuned:
    """Try learning rates, hidden layers, dropout and weight decay until the time is over.

    First the options as they are; then one after the other is varied, from the best that the ones
    before have found, and at last the learning rate and the decay in finer steps. All trials hold
    out the same rows: a fifth, of fewer than 2,000 rows each fifth in turn. The first trial is
    always finished; another that the time runs out on does not count. Ctrl-C ends the search, too.
    In either case the best so far is taken.

    Raises
    ------
    ConvergenceError
        The loss of the options as they are became infinite or NaN; others are passed over.
    """
    options = prepared.options
    assert options.tune is not None, "the caller has seen to it"
    search = _Search(prepared, parse_duration(options.tune, "tune"), on_trial)
    complete = search.run()
    best = best_of(search.trials)
    found = {} if best is None else search.trials[best].options
    return Tuned(
        replace(options, tune=None, **found),
        tuple(search.trials),
        best,
        len(search.splits),
        search.budget,
        search.elapsed(),
        complete,
    )


class _Interrupted(Exception):
    """A training did not come to its end."""


class _Search:
    def __init__(
        self, prepared: Prepared, budget: float, on_trial: Callable[[Trial], object] | None
    ) -> None:
        self.budget = budget
        self.trials: list[Trial] = []
        self._prepared, self._on_trial = prepared, on_trial
        self._started = time.perf_counter()
        assert prepared.labels is not None, "`check_model` has refused a stream"
        splits = stratified_folds(prepared.labels, FOLDS, prepared.options.seed)
        self.splits: Splits = splits if prepared.rows < _FEW else splits[:1]

    def run(self) -> bool:
        """Make trial after trial; return whether all were made."""
        try:
            for wanted in self._candidates():
                if self.trials and self._is_over():
                    return False
                if all(trial.options != wanted for trial in self.trials):
                    self._try(wanted)
        except (KeyboardInterrupt, _Interrupted):
            return False
        return True

    def elapsed(self) -> float:
        """Return the seconds since the search began."""
        return time.perf_counter() - self._started

    def _candidates(self) -> Iterator[dict[str, Any]]:
        """Each knows what the ones before have found."""
        yield self._as_given()
        yield from self._rates(_WIDE, _WIDE**2)
        for name, values in (
            ("hidden", _HIDDEN),
            ("dropout", _DROPOUT),
            ("weight_decay", _WEIGHT_DECAY),
        ):
            start = self._best()
            for value in values:
                yield {**start, name: value}
        yield from self._rates(_NARROW)
        start = self._best()
        for factor in (1 / _WIDE, _WIDE):
            yield {**start, "weight_decay": _rounded(start["weight_decay"] * factor)}

    def _rates(self, *factors: float) -> Iterator[dict[str, Any]]:
        """Up and down from the best rate; no farther where a step did not help."""
        start = self._best()
        for sign in (1, -1):
            for factor in factors:
                rate = _rounded(start["learning_rate"] * factor**sign)
                yield {**start, "learning_rate": rate}
                if self._best()["learning_rate"] != rate:
                    break

    def _as_given(self) -> dict[str, Any]:
        """The options of the training, with what would be chosen for it."""
        from luce.nn.perceptron import usual_dropout
        from luce.nn.training.plan import OPTIMIZERS

        given = self._prepared.options
        usual_rate = OPTIMIZERS["sgd" if given.solver == "sgd" else "adamw"]
        dropout = usual_dropout(self._prepared.rows) if given.dropout is None else given.dropout
        return {
            "learning_rate": usual_rate if given.learning_rate is None else given.learning_rate,
            "hidden": ",".join(map(str, hidden_units(given.hidden))),
            "dropout": dropout,
            "weight_decay": given.weight_decay,
        }

    def _best(self) -> dict[str, Any]:
        best = best_of(self.trials)
        assert best is not None, "the first trial is always finished"
        return dict(self.trials[best].options)

    def _try(self, wanted: dict[str, Any]) -> None:
        options = replace(self._prepared.options, tune=None, **wanted)
        try:
            losses = np.concatenate([self._losses(options, *split) for split in self.splits])
        except ConvergenceError:
            if self.trials:
                return  # the rate was too high: nothing to be compared
            raise
        error = float(losses.std(ddof=min(1, len(losses) - 1)) / len(losses) ** 0.5)
        trial = Trial(wanted, float(losses.mean()), error)
        self.trials.append(trial)
        if self._on_trial is not None:
            self._on_trial(trial)

    def _losses(self, options: TrainOptions, seen: Any, held_out: Any) -> Any:
        """Return the loss of each row held out whose class is known; `seen` rows are learnt."""
        prepared = replace(self._prepared, options=options)
        features: Any = prepared.features
        labels: Any = prepared.labels
        network = KINDS["mlp"].unfitted(prepared, [self._watch])
        network.fit(features[seen], labels[seen])
        if network.interrupted_:
            raise _Interrupted
        known = held_out[np.isin(labels[held_out], network.classes_)]
        log_p = network.predict_log_proba(features[known]).astype(np.float64)
        return -log_p[np.arange(len(known)), np.searchsorted(network.classes_, labels[known])]

    def _watch(self, entry: dict[str, Any]) -> None:
        """Called after each epoch: ends a training as Ctrl-C does."""
        if self.trials and self._is_over():
            raise KeyboardInterrupt

    def _is_over(self) -> bool:
        return self.elapsed() >= self.budget


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")

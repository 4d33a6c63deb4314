"""Search for the options of a network within a span of time, by its log loss on rows held out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, final

import numpy as np

from luce.errors import ConvergenceError
from luce.tasks.model_kinds import KINDS
from luce.tasks.options import TrainOptions, hidden_units
from luce.tasks.preparation import Prepared
from luce.tasks.trials import FOLDS, Search, Trial, Tuned, stratified_folds

_FEW = 2_000  # rows, below which one fold says too little
_HIDDEN = ("64", "256", "512", "256,128")
_DROPOUT = (0.0, 0.1, 0.2, 0.35, 0.5)
_WEIGHT_DECAY = (0.0, 1e-3, 1e-2, 1e-1)
_WIDE, _NARROW = 10**0.5, 10**0.25  # factors of the learning rate


def tune_network(
    prepared: Prepared, on_trial: Callable[[Trial], object] | None = None
) -> tuple[Prepared, Tuned]:
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
    assert prepared.labels is not None, "`check_model` has refused a stream"
    splits = stratified_folds(prepared.labels, FOLDS, prepared.options.seed)
    few = prepared.rows < _FEW
    return _Search(prepared, on_trial, splits if few else splits[:1]).result()


class _Interrupted(Exception):
    """A training did not come to its end."""


@final
class _Search(Search):
    def run(self) -> bool:
        try:
            for wanted in self._candidates():
                if self.trials and self._is_over():
                    return False
                if all(trial.options != wanted for trial in self.trials):
                    self._try(wanted)
        except (KeyboardInterrupt, _Interrupted):
            return False
        return True

    def _candidates(self) -> Iterator[dict[str, Any]]:
        """Each knows what the ones before have found."""
        yield self._as_given()
        yield from self._rates(_WIDE, _WIDE**2)
        for name, values in (
            ("hidden", _HIDDEN),
            ("dropout", _DROPOUT),
            ("weight_decay", _WEIGHT_DECAY),
        ):
            start = self.best().options
            for value in values:
                yield {**start, name: value}
        yield from self._rates(_NARROW)
        start = self.best().options
        for factor in (1 / _WIDE, _WIDE):
            yield {**start, "weight_decay": _rounded(start["weight_decay"] * factor)}

    def _rates(self, *factors: float) -> Iterator[dict[str, Any]]:
        """Up and down from the best rate; no farther where a step did not help."""
        start = self.best().options
        for sign in (1, -1):
            for factor in factors:
                rate = _rounded(start["learning_rate"] * factor**sign)
                yield {**start, "learning_rate": rate}
                if self.best().options["learning_rate"] != rate:
                    break

    def _as_given(self) -> dict[str, Any]:
        """The options of the training, with what would be chosen for it."""
        from luce.nn.perceptron import usual_dropout
        from luce.nn.training.plan import OPTIMIZERS

        given = self.given.options
        usual_rate = OPTIMIZERS["sgd" if given.solver == "sgd" else "adamw"]
        dropout = usual_dropout(self.given.rows) if given.dropout is None else given.dropout
        return {
            "learning_rate": usual_rate if given.learning_rate is None else given.learning_rate,
            "hidden": ",".join(map(str, hidden_units(given.hidden))),
            "dropout": dropout,
            "weight_decay": given.weight_decay,
        }

    def _try(self, wanted: dict[str, Any]) -> None:
        options = replace(self.given.options, tune=None, **wanted)
        try:
            losses = np.concatenate([self._losses(options, *split) for split in self.splits])
            _require_finite(losses, wanted)
        except ConvergenceError:
            if self.trials:
                return  # the rate was too high: nothing to be compared
            raise
        error = float(losses.std(ddof=min(1, len(losses) - 1)) / len(losses) ** 0.5)
        self.add(Trial(wanted, float(losses.mean()), error))

    def _losses(self, options: TrainOptions, seen: Any, held_out: Any) -> Any:
        """Return the loss of each row held out whose class is known; `seen` rows are learnt."""
        prepared = replace(self.given, options=options)
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


def _require_finite(losses: Any, tried: dict[str, Any]) -> None:
    """Weights may be finite and what they make of rows held out not."""
    if not np.isfinite(mean := losses.mean()):
        given = ", ".join(f"{name} {value}" for name, value in tried.items())
        raise ConvergenceError(
            f"the loss on rows held out must be finite, got {mean} with {given}. Pass a smaller"
            " learning_rate, or look for cells that are far from all others."
        )


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")

"""Search for the options of a training within a span of time, by cross-validated log loss."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, final

from luce.errors import ParameterError
from luce.estimators import SoftmaxRegressionCV
from luce.tasks.network_tuning import tune_network
from luce.tasks.preparation import Prepared
from luce.tasks.trials import FOLDS, Search, Trial, Tuned, stratified_folds

_COARSE = tuple(10.0**power for power in range(-4, 5))
_STEP = 10**0.25  # of C in the last round
_SMOOTHING = 0.05
_NGRAMS = ("words", "pairs", "both")  # letters alone lose to both, at nearly their price


def tune(
    prepared: Prepared, on_trial: Callable[[Trial], object] | None = None
) -> tuple[Prepared, Tuned]:
    """Search for the options of a training, as `tune_linear` or `tune_network` does.

    Returned are the training with the best of what was tried, and what was tried.

    Raises
    ------
    ParameterError
        The solver of a linear model goes by minibatch.
    """
    search = tune_network if prepared.options.model == "mlp" else tune_linear
    return search(prepared, on_trial)


def tune_linear(
    prepared: Prepared, on_trial: Callable[[Trial], object] | None = None
) -> tuple[Prepared, Tuned]:
    """Try values of C, class weights and label smoothing until the time is over.

    First the options as they are, for texts other n-grams, then C from 1e-4 to 1e4, balanced class
    weights with corrected probabilities, smoothed labels, and at last values of C beside the best.
    The search stops before a value that would take longer than what is left, judged by the one
    before; the first is always finished. Ctrl-C ends it, too. In either case the best so far is
    taken. The rows of each fold depend on the seed alone, so the same trials give the same figures.

    Raises
    ------
    ParameterError
        The solver goes by minibatch: its models are no minima that could be compared.
    """
    options = prepared.options
    if options.solver in ("sgd", "adam"):
        raise ParameterError(
            f"--tune needs a solver that reaches the optimum, got {options.solver!r}. Leave"
            " --solver out, or give auto, newton or lbfgs."
        )
    assert prepared.labels is not None, "`prepare_stream` has refused it"
    splits = stratified_folds(prepared.labels, FOLDS, options.seed)
    return _Search(prepared, on_trial, splits).result()


class _Round(NamedTuple):
    """Values of C to be tried with the same other options."""

    Cs: tuple[float, ...]
    class_weight: str | None
    label_smoothing: float
    ngrams: str | None  # of texts


class _OutOfTime(KeyboardInterrupt):
    """Ends a path as Ctrl-C does."""


@final
class _Search(Search):
    _last = 0.0  # seconds that the newest value took

    def run(self) -> bool:
        try:
            for planned in self._rounds():
                todo = tuple(c for c in planned.Cs if not self._tried(planned, c))
                if todo and not self._try(planned._replace(Cs=todo)):
                    return False
        except KeyboardInterrupt:
            return False
        return True

    def _rounds(self) -> Iterator[_Round]:
        """Each round knows what the ones before have found."""
        given = self.given.options
        assert given.C is not None, "prepared options are resolved"
        as_given = _Round((given.C,), given.class_weight, given.label_smoothing, given.ngrams)
        yield as_given
        if given.ngrams is not None:
            for ngrams in _NGRAMS:
                yield as_given._replace(ngrams=ngrams)
            as_given = as_given._replace(ngrams=self._best_round().ngrams)
        yield as_given._replace(Cs=_COARSE)
        around = self._around(10.0)
        yield as_given._replace(Cs=around, class_weight="corrected")
        best = self._best_round()
        yield best._replace(Cs=around, label_smoothing=_SMOOTHING)
        yield self._best_round()._replace(Cs=self._around(_STEP))
        yield self._best_round()._replace(Cs=self._around(_STEP**2))

    def _around(self, factor: float) -> tuple[float, ...]:
        c = self.best().options["C"]
        return tuple(float(f"{value:.3g}") for value in (c / factor, c, c * factor))

    def _best_round(self) -> _Round:
        best = self.best().options
        return _Round((), best["class_weight"], best["label_smoothing"], best.get("ngrams"))

    def _tried(self, planned: _Round, c: float) -> bool:
        return any(
            math.isclose(trial.options["C"], c, rel_tol=1e-2) and _same(trial, planned)
            for trial in self.trials
        )

    def _try(self, planned: _Round) -> bool:
        """Follow one path; return whether it came to its end."""
        if self.trials and not self._has_time():
            return False
        since = time.perf_counter()
        prepared = self.reading(planned.ngrams)
        options = replace(
            prepared.options,
            class_weight=planned.class_weight,
            label_smoothing=planned.label_smoothing,
        ).estimator_arguments()

        def listen(entry: dict[str, Any]) -> None:
            nonlocal since
            now = time.perf_counter()
            self._last, since = now - since, now
            tried = {
                "C": entry["C"],
                "class_weight": planned.class_weight,
                "label_smoothing": planned.label_smoothing,
                **({} if planned.ngrams is None else {"ngrams": planned.ngrams}),
            }
            self.add(Trial(tried, -entry["score"], entry["standard_error"]))
            if entry["C"] < max(planned.Cs) and not self._has_time():
                raise _OutOfTime

        names = ("class_weight", "label_smoothing", "max_iter", "correct_prior")
        model = SoftmaxRegressionCV(
            Cs=planned.Cs,
            cv=self.splits,
            refit=False,
            callbacks=[listen],
            **{name: options[name] for name in names if name in options},
        )
        features: Any = prepared.features  # `prepare_stream` refuses to tune on a stream
        labels: Any = prepared.labels
        model.fit(features, labels)
        return not model.interrupted_

    def _has_time(self) -> bool:
        return self.elapsed() + self._last <= self.budget


def _same(trial: Trial, planned: _Round) -> bool:
    names = ("class_weight", "label_smoothing", "ngrams")
    return all(trial.options.get(name) == getattr(planned, name) for name in names)

"""The training loop."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from math import inf, isfinite
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from luce._checks import as_whole
from luce.errors import ConvergenceError
from luce.nn.loss_sum import added_means
from luce.nn.training.checkpoint import Checkpoint
from luce.nn.training.interruption import Interruption
from luce.nn.training.objective import Loss, Measured, Objective, ObjectiveOfMeans, as_objective
from luce.nn.training.optimizers import optimizer_tensors, restore_optimizer, set_rate
from luce.nn.training.plan import Plan
from luce.nn.training.randomness import seeded
from luce.nn.training.rows import Batch, Rows, Source, as_rows
from luce.nn.training.state import Entry, State, Sums, no_sums

Keeper = Callable[[Checkpoint], object]


@dataclass(frozen=True)
class Fitted:
    """What a training came to; the model itself was changed in place.

    Attributes
    ----------
    history : list of dict
        An entry an epoch: epoch, train_loss, train_accuracy, valid_loss, valid_accuracy,
        learning_rate, seconds. The training figures are those of the steps as they went, with
        dropout; None stands for what was not measured.
    best_epoch : int
        The epoch whose parameters the model has: the one with the lowest held-out loss, without
        held-out rows the last one.
    interrupted : bool
        Whether Ctrl-C ended the training.
    steps : int
        Steps of the optimizer.
    """

    history: list[Entry]
    best_epoch: int
    interrupted: bool
    steps: int


def fit(
    model: nn.Module,
    loss: Objective | Loss,
    train: Source,
    *,
    valid: Source | None = None,
    plan: Plan | None = None,
    callbacks: Collection[Callable[[Entry], object]] = (),
    on_checkpoint: Keeper | None = None,
    checkpoint_every: int | None = None,
    resume: Checkpoint | None = None,
) -> Fitted:
    """Train a model of torch by minibatches.

    The model is left in eval mode, with the parameters of its best epoch. Ctrl-C, too, ends with
    the best model so far. The same seed gives the same bits on the same machine with the same
    number of threads, and so does a training that stops at any step and goes on from its
    checkpoint. The random numbers of the caller stay as they were.

    Parameters
    ----------
    model : nn.Module
        On whatever device; the rows are brought there. It is changed in place.
    loss : callable or Objective
        Called as ``loss(model(inputs), target)``; it returns the mean over the rows, or a pair:
        a sum, and what it is to be divided by. An `Objective` may do anything else.
    train : tuple of arrays, torch data set, or Rows
        Inputs, targets and what else the loss takes, one row each along the first axis.
    valid : tuple of arrays, torch data set, or Rows, optional
        Held-out rows, measured after each epoch.
    plan : Plan, optional
        Epochs, batches, optimizer, schedule, seed and all other options.
    callbacks : collection of callables, optional
        Each is called with the entry of the history after each epoch.
    on_checkpoint : callable, optional
        Called with a `Checkpoint` after each epoch, or every so many steps, and at Ctrl-C.
        ``luce.tasks.save_checkpoint`` writes it to a file.
    checkpoint_every : int, optional
        Steps between two checkpoints; without it one after each epoch.
    resume : Checkpoint, optional
        Where to go on. Model, rows and plan must be those of the training that was stopped.

    Returns
    -------
    Fitted
        History, best epoch, whether it was interrupted.

    Raises
    ------
    ConvergenceError
        If the loss becomes infinite or NaN; the model then has the parameters of the best epoch
        before, if there is one.
    ParameterError
        If an option is impossible, or a checkpoint does not fit.
    ShapeError
        If the arrays do not have the same number of rows.

    Notes
    -----
    Memory: one copy of the parameters (of the best epoch) besides what the optimizer keeps, and
    one more with ``ema``. A step costs what the same lines of torch cost.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import Plan, fit
    >>> _ = torch.manual_seed(0)
    >>> X = torch.randn(256, 4)
    >>> y = (X[:, 0] > X[:, 1]).long()
    >>> model = torch.nn.Linear(4, 2)
    >>> plan = Plan(epochs=20, batch_size=32, learning_rate=0.05)
    >>> done = fit(model, torch.nn.functional.cross_entropy, (X, y), plan=plan)
    >>> len(done.history), done.history[-1]["train_accuracy"] > 0.9
    (20, True)
    """
    if checkpoint_every is not None:
        as_whole(checkpoint_every, "checkpoint_every", least=1)
    rows = as_rows(train)
    state = State(model, plan or Plan(), len(rows))
    with seeded(state.plan.seed, state.device), Interruption() as interruption:
        if resume is not None:
            state.restore(resume)
        keeper = None if on_checkpoint is None else _Keeper(on_checkpoint, checkpoint_every)
        training = _Training(
            state, as_objective(loss), rows, None if valid is None else as_rows(valid)
        )
        interrupted = False
        try:
            training.run(callbacks, keeper, interruption)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            training.take_best()
    model.eval()
    return Fitted(state.history, state.best_epoch, interrupted, state.step)


def advance(
    model: nn.Module,
    loss: Objective | Loss,
    train: Source,
    plan: Plan,
    moments: Mapping[str, Tensor] | None,
) -> tuple[Fitted, dict[str, Tensor]]:
    """Train without held-out rows, with an optimizer that remembers the rows before.

    Returns what `fit` does, and what the optimizer is to be given the next time.
    """
    rows = as_rows(train)
    state = State(model, plan, len(rows))
    if moments is not None:
        restore_optimizer(state.optimizer, state.parameters, moments)
    with seeded(plan.seed, state.device), Interruption() as interruption:
        _Training(state, as_objective(loss), rows, None).run((), None, interruption)
    model.eval()
    done = Fitted(state.history, state.best_epoch, False, state.step)
    return done, optimizer_tensors(state.optimizer, state.parameters)


@dataclass(frozen=True)
class _Keeper:
    """Calls for a checkpoint when it is due."""

    call: Keeper
    every: int | None

    def after_step(self, state: State) -> None:
        if self.every is not None and state.step % self.every == 0:
            self.call(state.capture())

    def after_epoch(self, state: State) -> None:
        if self.every is None:
            self.call(state.capture())


class _Training:
    """The loop over a state."""

    def __init__(
        self, state: State, objective: Objective, rows: Rows, held_out: Rows | None
    ) -> None:
        self._state, self._objective = state, objective
        self._rows, self._held_out = rows, held_out
        self._since = time.perf_counter() - state.seconds

    def run(
        self,
        callbacks: Collection[Callable[[Entry], object]],
        keeper: _Keeper | None,
        interruption: Interruption,
    ) -> None:
        state = self._state
        while state.epoch < state.plan.epochs and not self._is_patience_lost():
            state.begin_epoch()
            while state.position < state.steps_per_epoch:
                self._step()
                if keeper is not None:
                    keeper.after_step(state)
                    if interruption.requested:
                        keeper.call(state.capture())
                interruption.check()
            entry = self._close_epoch()
            if keeper is not None:
                keeper.after_epoch(state)
            for callback in callbacks:
                callback(entry)

    def take_best(self) -> None:
        """Give the model the parameters of the best epoch; without one, those of the last step."""
        state = self._state
        if state.best:
            state.model.load_state_dict(state.best)

    def _is_patience_lost(self) -> bool:
        state = self._state
        patience = state.plan.patience
        return self._held_out is not None and patience is not None and state.wait >= patience

    def _step(self) -> None:
        """One step of the optimizer on the mean over the rows of all its batches.

        Where none of them counts the mean is 0 / 0: nothing is learnt, and the step passes.
        """
        state = self._state
        rate = state.rate_of(state.step)
        set_rate(state.optimizer, rate)
        state.model.train()
        state.optimizer.zero_grad(set_to_none=True)
        rows = state.next_rows()
        batches, weights = self._batches(rows)
        mass = 0.0
        for batch in batches:
            measured = self._measure(batch)
            _check_finite(measured, state.epoch + 1, rate)
            if weight := float(measured.weight.detach().sum()):
                _to_minimise(measured, len(rows), weights).backward()
            mass += weight
            _add(state.sums, measured)
        gradients = [p.grad for p in state.parameters.values() if p.grad is not None]
        if len(rows) > 1 and weights is None and mass:
            torch._foreach_div_(gradients, mass)
        self._clip(gradients)
        if mass:
            state.optimizer.step()
        state.step += 1
        state.position += 1
        if state.average is not None:
            state.average.update(state.step)

    def _batches(self, rows: list[NDArray[np.int64]]) -> tuple[Iterable[Batch], Tensor | None]:
        """Return the batches of a step, and the weights of all of them if they must be known.

        That is so where several means are added; the batches then are held together.
        """
        taken = (self._take(some, self._rows) for some in rows)
        objective, model = self._objective, self._state.model
        if len(rows) == 1 or not isinstance(objective, ObjectiveOfMeans):
            return taken, None
        first = next(taken)
        weights = objective.weights(model, first)
        if weights is None:
            return chain([first], taken), None
        others = list(taken)
        for batch in others:
            more = objective.weights(model, batch)
            assert more is not None
            weights = weights + more
        return [first, *others], weights

    def _take(self, rows: NDArray[np.int64], source: Rows) -> Batch:
        device = self._state.device
        return tuple(part.to(device, non_blocking=True) for part in source.take(rows))

    def _measure(self, batch: Batch) -> Measured:
        with self._precision():
            return self._objective.measure(self._state.model, batch)

    def _precision(self) -> AbstractContextManager[Any]:
        if self._state.plan.autocast is None:
            return nullcontext()
        return torch.autocast(self._state.device.type, dtype=torch.bfloat16)

    def _clip(self, gradients: list[Tensor]) -> None:
        plan = self._state.plan
        if plan.clip_value is not None:
            torch._foreach_clamp_min_(gradients, -plan.clip_value)
            torch._foreach_clamp_max_(gradients, plan.clip_value)
        if plan.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._state.parameters.values(), plan.clip_norm)

    def _close_epoch(self) -> Entry:
        """Measure the held-out rows, write the entry, and keep the model if it is the best."""
        state = self._state
        state.epoch, state.position = state.epoch + 1, 0
        average = nullcontext() if state.average is None else state.average.in_place()
        with average:
            train, valid, judged = _figures(state.sums), _Figures(None, None), -float(state.epoch)
            if self._held_out is not None:
                valid = _figures(self._evaluate(self._held_out))
                judged = inf if valid.loss is None else valid.loss
            state.keep_best(judged)
        state.seconds = time.perf_counter() - self._since
        entry = {
            "epoch": state.epoch,
            "train_loss": train.loss,
            "train_accuracy": train.accuracy,
            "valid_loss": valid.loss,
            "valid_accuracy": valid.accuracy,
            "learning_rate": state.rate_of(state.step - 1),
            "seconds": state.seconds,
        }
        state.history.append(entry)
        return entry

    @torch.no_grad()
    def _evaluate(self, rows: Rows) -> Sums:
        state = self._state
        state.model.eval()
        sums = no_sums()
        for start in range(0, len(rows), state.plan.batch_size):
            stop = min(start + state.plan.batch_size, len(rows))
            _add(sums, self._measure(self._take(np.arange(start, stop), rows)))
        return sums


def _to_minimise(measured: Measured, batches: int, weights: Tensor | None) -> Tensor:
    """Return what the gradient is taken of: a batch's share of the loss of its step.

    Of several batches without known weights it is the sum, to be divided at the end.
    """
    if batches == 1:
        return measured.loss
    return measured.total.sum() if weights is None else added_means(measured.total, weights)


def _add(sums: Sums, measured: Measured) -> None:
    for place, part in enumerate(measured):
        if part is not None:
            found = part.detach().reshape(-1).tolist()
            before = sums[place] or [0.0] * len(found)
            sums[place] = [a + b for a, b in zip(before, found, strict=True)]


class _Figures(NamedTuple):
    loss: float | None
    accuracy: float | None


def _figures(sums: Sums) -> _Figures:
    """Loss and accuracy; None where nothing was counted, or the loss is infinite or NaN."""
    totals, weights, right, counted = sums
    means = [total / weight for total, weight in zip(totals, weights, strict=True) if weight]
    loss = sum(means) if means and isfinite(sum(means)) else None
    return _Figures(loss, sum(right) / sum(counted) if sum(counted) else None)


def _check_finite(measured: Measured, epoch: int, rate: float) -> None:
    total = float(measured.total.detach().sum())
    if not isfinite(total):
        raise ConvergenceError(
            f"the loss must stay finite, got {total} in epoch {epoch} (learning rate {rate:.3g})."
            " Pass a smaller learning_rate, or clip_norm=1."
        )

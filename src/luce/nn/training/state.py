"""A training in progress: everything that changes from step to step, in one place.

What is not here is not needed to go on: the plan, the model's code, the rows and the objective are
the caller's to bring again.
"""

import copy
from collections.abc import Mapping
from math import ceil, inf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from luce.errors import ParameterError
from luce.nn.training.averaging import MovingAverage
from luce.nn.training.checkpoint import Checkpoint, pack, unpack
from luce.nn.training.optimizers import make_optimizer, optimizer_tensors, restore_optimizer
from luce.nn.training.plan import Plan

Entry = dict[str, Any]
Sums = list[list[float]]  # losses and weights, of each mean that is added; right, and counted


def no_sums() -> Sums:
    """Return the sums of nothing."""
    return [[], [], [], []]


class State:
    """Model, optimizer, average, order of the epoch, random numbers, history and best epoch.

    Parameters
    ----------
    model : nn.Module
        The model; it is changed in place.
    plan : Plan
        The options.
    rows : int
        Number of training rows.
    """

    def __init__(self, model: nn.Module, plan: Plan, rows: int) -> None:
        self.model, self.plan, self.rows = model, plan, rows
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise ParameterError(
                f"a model to be trained must have parameters, got a {type(model).__name__} without"
                " one that requires a gradient. Unfreeze some."
            )
        self.optimizer = make_optimizer(plan, self.parameters)
        self.average = None if plan.ema is None else MovingAverage(self.parameters, plan.ema)
        self.generator = np.random.default_rng(plan.seed)
        self.order: NDArray[np.int64] = np.empty(0, np.int64)
        self.epoch = self.position = self.step = 0  # all that is done
        self.sums = no_sums()  # of this epoch
        self.seconds = 0.0
        self.history: list[Entry] = []
        self.best: dict[str, Tensor] = {}
        self.best_loss, self.best_epoch, self.wait = inf, 0, 0  # wait: epochs since

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return next(iter(self.parameters.values())).device

    @property
    def steps_per_epoch(self) -> int:
        """Steps that share out the rows as evenly as can be, so that no last batch is tiny."""
        return max(1, round(self.rows / (self.plan.batch_size * self.plan.accumulate)))

    def rate_of(self, step: int) -> float:
        """Return the learning rate of a step; the first is 0."""
        return self.plan.rate * self.plan.factor(step, self.plan.epochs * self.steps_per_epoch)

    def begin_epoch(self) -> None:
        """Draw the order of the rows, unless the epoch has begun."""
        if self.position == 0:
            self.order = self.generator.permutation(self.rows)
            self.sums = no_sums()

    def next_rows(self) -> list[NDArray[np.int64]]:
        """Return the rows of the next step, batch by batch."""
        each, rest = divmod(self.rows, self.steps_per_epoch)  # the first have one more
        start = self.position * each + min(self.position, rest)
        rows = self.order[start : start + each + (self.position < rest)]
        return np.array_split(rows, ceil(len(rows) / self.plan.batch_size))

    def keep_best(self, loss: float) -> None:
        """Keep a copy of the model as it is if it is the best so far."""
        self.wait += 1
        if loss < self.best_loss or not self.best:
            self.best = copy.deepcopy(self.model.state_dict())
            self.best_loss, self.best_epoch, self.wait = loss, self.epoch, 0

    def capture(self) -> Checkpoint:
        """Return everything as a checkpoint."""
        groups: dict[str, Mapping[str, Tensor]] = {
            "model": self.model.state_dict(),
            "best": self.best,
            "optimizer": optimizer_tensors(self.optimizer, self.parameters),
            "average": self.average.values if self.average else {},
            "order": {"rows": torch.from_numpy(self.order)},
            "random": _random_states(self.device),
        }
        tensors, dtypes = pack(groups)
        facts = {
            "plan": self.plan.to_json(),
            "rows": self.rows,
            "epoch": self.epoch,
            "position": self.position,
            "step": self.step,
            "sums": copy.deepcopy(self.sums),
            "seconds": self.seconds,
            "history": copy.deepcopy(self.history),
            "best": {
                "loss": None if self.best_loss == inf else self.best_loss,
                "epoch": self.best_epoch,
                "wait": self.wait,
            },
            "generator": self.generator.bit_generator.state,
            "dtypes": dtypes,
        }
        return Checkpoint(tensors, facts)

    def restore(self, kept: Checkpoint) -> None:
        """Take up a training where `capture` has left it.

        Raises
        ------
        ParameterError
            If the checkpoint is of another plan, other rows or another model.
        """
        facts = kept.facts
        self.plan.check_same(facts["plan"])
        if facts["rows"] != self.rows:
            raise ParameterError(
                f"a training must be resumed with its own {facts['rows']} rows, got {self.rows}."
                " Pass the same rows in the same order."
            )
        groups = {
            group: unpack(kept.tensors, facts["dtypes"], group)
            for group in ("model", "best", "optimizer", "average", "order", "random")
        }
        _check_alike(self.model.state_dict(), groups["model"])
        self.model.load_state_dict(groups["model"])
        restore_optimizer(self.optimizer, self.parameters, groups["optimizer"])
        if self.average is not None:
            self.average.restore(groups["average"])
        self.order = groups["order"]["rows"].numpy()
        self.best = groups["best"]
        self.epoch, self.position, self.step = facts["epoch"], facts["position"], facts["step"]
        self.sums, self.seconds = copy.deepcopy(facts["sums"]), facts["seconds"]
        self.history = copy.deepcopy(facts["history"])
        best = facts["best"]
        self.best_loss = inf if best["loss"] is None else best["loss"]
        self.best_epoch, self.wait = best["epoch"], best["wait"]
        self.generator.bit_generator.state = facts["generator"]
        _restore_random(groups["random"], self.device)


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """The generators of torch that dropout draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _restore_random(states: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def _check_alike(mine: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> None:
    for name in sorted(mine.keys() | kept.keys()):
        here = tuple(mine[name].shape) if name in mine else "none"
        there = tuple(kept[name].shape) if name in kept else "none"
        if here != there:
            raise ParameterError(
                f"a training must be resumed with a model like its own: {name} has the shape"
                f" {there} in the checkpoint, and {here} in this model. Build the same model."
            )

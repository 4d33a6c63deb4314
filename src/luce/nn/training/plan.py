"""How a training goes: every option of `luce.nn.fit` that is a number or a name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any

from luce._checks import as_choice, as_finite, as_positive, as_whole
from luce.errors import ParameterError
from luce.nn.training.schedules import SCHEDULES

OPTIMIZERS = {"sgd": 0.1, "adam": 1e-3, "adamw": 1e-3}  # and their usual learning rates


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that `luce.nn.fit` must know besides the model, the loss and the rows.

    Parameters
    ----------
    epochs : int, default=10
        Passes over the training rows.
    batch_size : int, default=128
        Rows that go through the model at a time.
    accumulate : int, default=1
        So many batches make one step of the optimizer, whose gradient is that of the mean over all
        their rows, whatever the size of each batch.
    optimizer : {"adamw", "adam", "sgd"}, default="adamw"
        ``torch.optim`` has all three.
    learning_rate : float, optional
        The largest rate of the schedule; without it 1e-3, for "sgd" 0.1.
    momentum : float, default=0.9
        Of "sgd".
    nesterov : bool, default=False
        Nesterov's momentum instead of the heavy ball, for "sgd".
    weight_decay : float, default=0.0
        As in ``torch.optim``, on parameters with two axes or more: biases and the scales of
        normalisations are not pulled to 0.
    schedule : {"cosine", "constant", "linear", "step", "one-cycle"}, default="cosine"
        Factor of the learning rate over the training; see `luce.nn.training.schedules`.
    warmup : float, default=0.0
        Share of all steps in which the rate rises linearly to the schedule's, from 1/w of it in the
        first of w steps; not for "one-cycle", which rises by itself.
    clip_norm : float, optional
        A longer gradient, of all parameters together, is shortened to this norm.
    clip_value : float, optional
        Each component of the gradient is held within plus and minus this value.
    patience : int, optional
        After so many epochs in a row without a lower held-out loss training stops, 1 or more; None:
        never.
    autocast : {"bfloat16"}, optional
        Mixed precision: matrix products in bfloat16, parameters and sums in float32.
    ema : float, optional
        Decay of an exponential moving average of the parameters, such as 0.999. It is the average
        that is evaluated and kept.
    seed : int, default=0
        Of the order of the rows and of dropout.

    Raises
    ------
    ParameterError
        If an option has an impossible value, or one that does not go with another.

    Examples
    --------
    >>> from luce.nn import Plan
    >>> Plan(epochs=3, optimizer="sgd", nesterov=True).rate
    0.1
    """

    epochs: int = 10
    batch_size: int = 128
    accumulate: int = 1
    optimizer: str = "adamw"
    learning_rate: float | None = None
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    patience: int | None = None
    autocast: str | None = None
    ema: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            as_whole(getattr(self, name), name, least=1)
        as_whole(self.seed, "seed", least=0)
        if self.patience is not None:
            as_whole(self.patience, "patience", least=1)
        as_choice(self.optimizer, tuple(OPTIMIZERS), "optimizer")
        as_choice(self.schedule, tuple(SCHEDULES), "schedule")
        if self.autocast is not None:
            as_choice(self.autocast, ("bfloat16",), "autocast")
        for name in ("learning_rate", "clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                as_positive(getattr(self, name), name)
        as_finite(self.weight_decay, "weight_decay", least=0)
        as_finite(self.warmup, "warmup", least=0, most=1)
        for name in ("momentum", "ema"):
            _check_share(name, getattr(self, name))
        self._check_together()

    def _check_together(self) -> None:
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ParameterError(
                "nesterov needs optimizer='sgd' and a momentum above 0, got optimizer="
                f"{self.optimizer!r} and momentum={self.momentum!r}. Change them, or leave it out."
            )
        if self.warmup and self.schedule == "one-cycle":
            raise ParameterError(
                f"warmup must be 0 with schedule='one-cycle', got {self.warmup!r}: that schedule"
                " rises by itself. Leave warmup out, or take schedule='cosine'."
            )

    @property
    def rate(self) -> float:
        """The largest learning rate: the one given, or the usual one of the optimizer."""
        return OPTIMIZERS[self.optimizer] if self.learning_rate is None else self.learning_rate

    def factor(self, step: int, steps: int) -> float:
        """Return the factor of the learning rate in a step, the first being 0, of so many."""
        factor = SCHEDULES[self.schedule](step / steps)
        return factor * min(1.0, (step + 1) / (self.warmup * steps)) if self.warmup else factor

    def to_json(self) -> dict[str, Any]:
        """Return the options as a JSON tree."""
        return asdict(self)

    def check_same(self, kept: Mapping[str, Any]) -> None:
        """Raise a ParameterError unless these are the options of the training to go on with."""
        for field in fields(self):
            if (mine := getattr(self, field.name)) != kept.get(field.name):
                raise ParameterError(
                    f"a training must be resumed with the plan that it began with, got"
                    f" {field.name}={mine!r} instead of {kept.get(field.name)!r}. Pass the same"
                    " plan, or begin anew from the model's weights."
                )


def _check_share(name: str, value: Any) -> None:
    if value is None:
        return
    if not 0 <= as_finite(value, name, least=-inf) < 1:
        raise ParameterError(f"{name} must be in [0, 1), got {value!r}. Pass one such as 0.9.")

"""How far the loss and gradients of a head that approximates are from the exact ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from typing import Any, NamedTuple

import torch
from scipy.special import stdtrit
from torch import Tensor, nn

from luce._checks import as_count, as_finite
from luce.errors import ParameterError


class AuditRow(NamedTuple):
    """One quantity: what is exact, and what the head makes of it."""

    name: str
    """"loss", "d hidden", or "d" and the name of a parameter."""
    exact: float
    """The exact loss, or the length of the exact gradient."""
    bias: float
    """Mean minus exact for the loss. For a gradient the length of that vector, in units of the
    exact gradient's."""
    low: float
    """Lower end of the confidence interval of the bias."""
    high: float
    """Upper end."""
    deviation: float
    """Standard deviation of one step; for a gradient the root of the expected squared distance
    from its mean, in units of the exact gradient's length."""


class Audit(NamedTuple):
    """What `Head.audit` has measured; printed, a table."""

    rows: tuple[AuditRow, ...]
    draws: int
    confidence: float

    def __str__(self) -> str:
        """Return the table."""
        interval = f"{100 * self.confidence:g} % interval"
        lines = [f"{'':<16}{'exact':>12}{'bias':>12}{interval:>26}{'deviation':>12}"]
        for row in self.rows:
            scale, unit = (1.0, "") if row.name == "loss" else (100.0, " %")
            sign = "+" if row.name == "loss" else ""
            bias, low, high = (
                f"{scale * x:{sign}.4g}{unit}" for x in (row.bias, row.low, row.high)
            )
            lines.append(
                f"{row.name:<16}{row.exact:>12.5g}{bias:>12}{f'{low} .. {high}':>26}"
                f"{f'{scale * row.deviation:.4g}{unit}':>12}"
            )
        return "\n".join([*lines, f"{self.draws} draws; gradients in % of the exact one's length"])


def audit(
    head: nn.Module,
    hidden: Tensor,
    target: Tensor,
    *,
    draws: int,
    confidence: float,
    seed: int,
    options: dict[str, Any],
) -> Audit:
    """Compare the loss in training mode, drawn many times, with that in eval mode."""
    draws = as_count(draws, 2**31, "draws")
    if draws < _FEWEST:
        raise ParameterError(
            f"draws must be at least {_FEWEST}, got {draws}: intervals are made from the spread."
            " Pass draws=200."
        )
    draws -= draws % _GROUPS
    confidence = as_finite(confidence, "confidence", 0.5, 0.9999)
    leaf = hidden.detach().clone().requires_grad_()
    named = [(n, p) for n, p in head.named_parameters() if p.requires_grad]
    inputs = [leaf, *(p for _, p in named)]

    def evaluated() -> list[Tensor]:
        loss = head(leaf, target, **options)
        grads = torch.autograd.grad(loss.sum(), inputs, allow_unused=True)
        dense = (
            torch.zeros_like(x) if g is None else g for x, g in zip(inputs, grads, strict=True)
        )
        return [loss.detach().sum(), *(g.to_dense() if g.is_sparse else g for g in dense)]

    with _mode_kept(head), torch.random.fork_rng(), torch.enable_grad():
        head.eval()
        exact = evaluated()
        head.train()
        gathered = [_Gathered(one, draws // _GROUPS) for one in exact]
        for draw in range(draws):
            torch.manual_seed(seed + draw)
            for one, value in zip(gathered, evaluated(), strict=True):
                one.add(value)
    names = ["loss", "d hidden", *(f"d {name}" for name, _ in named)]
    rows = [gathered[0].of_number(names[0], confidence)]
    rows += [one.of_vector(n, confidence) for n, one in zip(names[1:], gathered[1:], strict=True)]
    return Audit(tuple(rows), draws, confidence)


_GROUPS = 10  # of draws: intervals are made from what they agree on
_FEWEST = 2 * _GROUPS


class _Gathered:
    """What is kept of one quantity: two numbers of each draw, and a sum of its own size."""

    def __init__(self, exact: Tensor, group: int) -> None:
        self.exact, self.group = exact.double(), group
        self.errors: list[float] = []  # of a number
        self.squares: list[float] = []  # squared distances from the exact one
        self.products: list[float] = []  # of errors of different draws, the mean of each group
        self.sum = torch.zeros_like(self.exact)  # of the errors of a group

    def add(self, value: Tensor) -> None:
        error = value.double() - self.exact
        self.errors.append(float(error.sum()))
        self.squares.append(float(error.square().sum()))
        self.sum += error
        if len(self.squares) % self.group == 0:
            pairs = float(self.sum.square().sum()) - sum(self.squares[-self.group :])
            self.products.append(pairs / (self.group * (self.group - 1)))
            self.sum.zero_()

    def of_number(self, name: str, confidence: float) -> AuditRow:
        mean, deviation = _moments(self.errors)
        reach = _reach(deviation, len(self.errors), confidence)
        return AuditRow(name, float(self.exact), mean, mean - reach, mean + reach, deviation)

    def of_vector(self, name: str, confidence: float) -> AuditRow:
        """Errors d and d' of two draws have ``E d . d' = |E d|^2``: an estimate without bias."""
        length = float(self.exact.norm())
        square, spread = _moments(self.products)
        reach = _reach(spread, len(self.products), confidence)
        bias, low, high = (sqrt(max(x, 0.0)) for x in (square, square - reach, square + reach))
        variance = max(_moments(self.squares)[0] - max(square, 0.0), 0.0)
        unit = length if length > 0 else 1.0
        return AuditRow(name, length, bias / unit, low / unit, high / unit, sqrt(variance) / unit)


def _moments(values: list[float]) -> tuple[float, float]:
    """Return mean and standard deviation."""
    mean = sum(values) / len(values)
    return mean, sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))


def _reach(deviation: float, n: int, confidence: float) -> float:
    """Return half the length of Student's interval of a mean."""
    return float(stdtrit(n - 1, (1 + confidence) / 2)) * deviation / sqrt(n)


@contextmanager
def _mode_kept(head: nn.Module) -> Iterator[None]:
    """Leave the head as it was: its mode, and what it counts while training.

    Tables that follow from what is stored are not put back: who makes them knows of which they are.
    """
    modes = [(module, module.training) for module in head.modules()]
    stored = head.state_dict().keys()
    counted = [buffer for name, buffer in head.named_buffers() if name in stored]
    kept = [buffer.clone() for buffer in counted]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, before in zip(counted, kept, strict=True):
            buffer.copy_(before)

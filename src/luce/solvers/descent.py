"""Minibatch training, the classical way: SGD with momentum, and Adam."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, inf, isfinite, pi

import numpy as np
from numpy.typing import NDArray

from luce.errors import ConvergenceError
from luce.solvers.design import Design
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.result import Journal, Result

Schedule = Callable[[float], float]  # progress in 0..1 -> factor of the learning rate

SCHEDULES: dict[str, Schedule] = {
    "constant": lambda progress: 1.0,
    "linear": lambda progress: 1.0 - progress,
    "cosine": lambda progress: 0.5 * (1.0 + cos(pi * progress)),
}
_ADAM_RATE = 1e-2
_ADAM_BETAS = 0.9, 0.999
_ADAM_EPSILON = 1e-8


@dataclass(frozen=True)
class Training:
    """How to train in minibatches; the meaning of each field is told in `SoftmaxRegression`."""

    method: str  # "sgd" or "adam"
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float | None = None
    schedule: str = "cosine"
    clip_norm: float | None = None
    momentum: float = 0.9
    patience: int | None = 5
    seed: int | None = None


def descend(
    objective: LinearSoftmax,
    start: Doubles,
    training: Training,
    *,
    held_out: LinearSoftmax | None = None,
    journal: Journal | None = None,
) -> Result:
    """Train for some epochs; return the parameters of the best epoch.

    Parameters
    ----------
    objective : LinearSoftmax
        Of the training rows.
    start : (k, d) array
        Where to begin.
    training : Training
        Method, epochs, batch size, learning rate, ...
    held_out : LinearSoftmax, optional
        Of the held-out rows; the best epoch is the one with the lowest loss there, and training
        stops after `patience` epochs without a better one. Without it the last epoch is taken.
    journal : Journal, optional
        Where the history is written, one entry an epoch.

    Returns
    -------
    Result

    Raises
    ------
    ConvergenceError
        If the loss becomes infinite or NaN.

    Notes
    -----
    Source: D. Kingma, J. Ba (2015), Adam, ICLR, algorithm 1; R. Pascanu, T. Mikolov, Y. Bengio
    (2013), On the difficulty of training recurrent neural networks, ICML (clipping by norm).
    """
    journal = journal or Journal()
    random = np.random.default_rng(training.seed)
    rule = _rule(training, objective)
    theta, best, best_loss, wait = start.copy(), start, inf, 0
    interrupted = False
    try:
        for epoch in range(1, training.epochs + 1):
            with np.errstate(over="ignore", invalid="ignore"):  # told by the check instead
                theta = _epoch(objective, theta, rule, training, epoch, random)
                watched = _report(journal, objective, held_out, theta, epoch, rule.rate)
            _check_finite(watched, epoch, rule.rate)
            wait = 0 if watched < best_loss else wait + 1
            if watched < best_loss or held_out is None:
                best, best_loss = theta, watched
            if held_out is not None and training.patience is not None and wait >= training.patience:
                break
    except KeyboardInterrupt:
        interrupted = True
    journal.raise_lower_bound(objective.dual_value(best))
    value, _ = objective.value_gradient(best)
    return journal.result(best, value, inf, interrupted)


class _Sgd:
    """Heavy-ball momentum."""

    def __init__(self, rate: float, momentum: float) -> None:
        self.base = self.rate = rate
        self._momentum = momentum
        self._velocity: Doubles | float = 0.0

    def step(self, gradient: Doubles) -> Doubles:
        self._velocity = self._momentum * self._velocity - self.rate * gradient
        return self._velocity


class _Adam:
    """Steps of about the learning rate in each coordinate, with both biases corrected."""

    def __init__(self, rate: float) -> None:
        self.base = self.rate = rate
        self._mean: Doubles | float = 0.0
        self._square: Doubles | float = 0.0
        self._count = 0

    def step(self, gradient: Doubles) -> Doubles:
        fast, slow = _ADAM_BETAS
        self._count += 1
        self._mean = fast * self._mean + (1 - fast) * gradient
        self._square = slow * self._square + (1 - slow) * gradient * gradient
        mean = self._mean / (1 - fast**self._count)
        root = np.sqrt(self._square / (1 - slow**self._count))
        result: Doubles = -self.rate * mean / (root + _ADAM_EPSILON)
        return result


def _rule(training: Training, objective: LinearSoftmax) -> _Sgd | _Adam:
    if training.method == "adam":
        return _Adam(training.learning_rate or _ADAM_RATE)
    return _Sgd(training.learning_rate or 1 / _largest_curvature(objective), training.momentum)


def _largest_curvature(objective: LinearSoftmax) -> float:
    """Bound the largest eigenvalue of the Hessian: half that of the Gram matrix (Böhning)."""
    n = len(objective)
    design = objective.design.take(np.arange(0, n, max(1, n // 4096))).in_double()
    direction, size = np.ones((1, design.shape[1])), 0.0
    for _ in range(20):
        direction = _times_gram(design, direction) / design.shape[0]
        size = float(np.linalg.norm(direction))
        direction /= max(size, np.finfo(float).tiny)
    return max(0.5 * size + float(objective.penalty.max()), np.finfo(float).tiny)


def _times_gram(design: Design, direction: Doubles) -> Doubles:
    operand = design.operand(direction)
    total = np.zeros_like(direction)
    for pulled in design.each(lambda rows: rows.pulled(rows.logits(operand))):
        total += pulled
    return total


def _epoch(
    objective: LinearSoftmax,
    theta: Doubles,
    rule: _Sgd | _Adam,
    training: Training,
    epoch: int,
    random: np.random.Generator,
) -> Doubles:
    n = len(objective)
    order = random.permutation(n)
    batches = np.array_split(order, max(1, round(n / training.batch_size)))
    for number, batch in enumerate(batches):
        progress = (epoch - 1 + number / len(batches)) / training.epochs
        rule.rate = rule.base * SCHEDULES[training.schedule](progress)
        loss, gradient = _on_rows(objective, batch).value_gradient(theta)
        _check_finite(loss, epoch, rule.rate)
        theta = theta + rule.step(_clipped(gradient, training.clip_norm))
    return theta


def _check_finite(loss: float, epoch: int, rate: float) -> None:
    if not isfinite(loss):
        raise ConvergenceError(
            f"the loss must stay finite, got {loss} in epoch {epoch} (learning rate {rate:.3g})."
            " Pass a smaller learning_rate, or clip_norm=1."
        )


def _on_rows(objective: LinearSoftmax, rows: NDArray[np.intp]) -> LinearSoftmax:
    """Return the unbiased estimate of the objective from some of its rows."""
    return objective.sample(rows, objective.weights[rows] * (len(objective) / len(rows)))


def _clipped(gradient: Doubles, largest: float | None) -> Doubles:
    norm = float(np.linalg.norm(gradient))
    if largest is None or norm <= largest:
        return gradient
    return gradient * (largest / norm)


def _report(
    journal: Journal,
    objective: LinearSoftmax,
    held_out: LinearSoftmax | None,
    theta: Doubles,
    epoch: int,
    rate: float,
) -> float:
    """Write the entry of an epoch; return the loss that decides which epoch is best."""
    train_loss, train_accuracy = _score(objective, theta)
    valid_loss, valid_accuracy = _score(held_out, theta) if held_out else (None, None)
    journal.write(
        epoch=epoch,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        valid_loss=valid_loss,
        valid_accuracy=valid_accuracy,
        learning_rate=rate,
    )
    return train_loss if valid_loss is None else valid_loss


def _score(objective: LinearSoftmax, theta: Doubles) -> tuple[float, float]:
    """Return the weighted cross-entropy, without the penalty, and the accuracy."""
    z = objective.logits(theta)
    value, _ = replace(objective, penalty=np.zeros_like(objective.penalty)).at_logits(z, theta)
    return value, objective.accuracy(z)

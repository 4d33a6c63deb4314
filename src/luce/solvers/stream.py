"""Learning from rows that come batch by batch and are not seen again."""

from dataclasses import dataclass, replace

import numpy as np

from luce.solvers.factor import Factor, with_gauge
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.memory import Memory
from luce.solvers.whitening import Metric

LARGEST_PRECISION = 2000  # parameters with a whole matrix: 32 MB
_MOST_STEPS = 50
_ENOUGH = 1e-9  # of the loss of a batch


@dataclass
class Stream:
    r"""A Gaussian summary of the rows seen so far: where their loss is least, and how it bends.

    Each batch is added to it exactly, and the sum is summarised anew:

    .. math:: \theta_t = \arg\min_\theta \sum_{i \in t} s_i CE_i(\theta)
              + \tfrac12 |\theta - \theta_{t-1}|^2_{\Lambda_{t-1}}, \qquad
              \Lambda_t = \Lambda_{t-1} + \nabla^2 \sum_{i \in t} s_i CE_i(\theta_t) .

    :math:`\Lambda_0` is the penalty, so the first batch gives the minimum of its own objective.
    There is no learning rate. The result depends on the order of the batches, ever less: for
    rows of one distribution its distance from the minimum over all of them is a small share of the
    distance of that minimum from the truth, and both fall alike. (A stochastic Newton method with
    implicit steps, or assumed density filtering with Laplace's approximation.)

    Attributes
    ----------
    theta : (k, d) array
        The parameters.
    precision : (k d, k d) or (k, d) array
        :math:`\Lambda`; its diagonal alone above 2000 parameters, which forgets how columns depend
        on each other, and then needs more rows to come as near.
    """

    theta: Doubles
    precision: Doubles

    @classmethod
    def begin(cls, shape: tuple[int, int], penalty: Doubles) -> "Stream":
        """Return the summary of no rows: a penalty (d,) on the sum of losses."""
        k, d = shape
        diagonal = np.broadcast_to(penalty, (k, d))
        whole = k * d <= LARGEST_PRECISION
        precision = np.diag(diagonal.ravel()) if whole else diagonal.copy()
        return cls(np.zeros(shape), precision)

    def recall(self, theta: Doubles, batch: LinearSoftmax, times: float) -> None:
        """Take over parameters learned from rows that are gone, as if they had been like these."""
        self.theta = theta
        self.precision = self.precision + times * self._curvature(batch, theta)

    def learn(self, batch: LinearSoftmax) -> int:
        """Add the rows of a batch, with weights as they count and no penalty; return the steps.

        Notes
        -----
        Source: B. Bercu, A. Godichon, B. Portier (2020), An efficient stochastic Newton
        algorithm for parameter estimation in logistic regressions, SIAM J. Control Optim. 58
        (explicit steps, two classes).
        """
        batch = replace(batch, penalty=np.zeros_like(batch.penalty))
        metric = self._metric(self._curvature(batch, self.theta))
        theta, pairs = self.theta, Memory()
        value, gradient = self._value_gradient(batch, theta)
        steps = 0
        while steps < _MOST_STEPS:
            steps += 1
            direction = -pairs.times_inverse_hessian(gradient, metric)
            slope = float(np.vdot(gradient, direction))
            if not -0.5 * slope > _ENOUGH * value:
                break
            length = 1.0
            while True:
                there = theta + length * direction
                new_value, new_gradient = self._value_gradient(batch, there)
                if new_value <= value + 1e-4 * length * slope or length < 1e-10:
                    break
                length *= 0.3
            if not new_value < value:
                break
            pairs.learn(there - theta, new_gradient - gradient)
            theta, value, gradient = there, new_value, new_gradient
        self.precision = self.precision + self._curvature(batch, theta)
        self.theta = theta
        return steps

    def _value_gradient(self, batch: LinearSoftmax, theta: Doubles) -> tuple[float, Doubles]:
        value, gradient = batch.value_gradient(theta)
        away = theta - self.theta
        pull = self._times_precision(away)
        return value + 0.5 * float(np.vdot(pull, away)), gradient + pull

    def _times_precision(self, step: Doubles) -> Doubles:
        if self.precision.shape == step.shape:
            return np.asarray(self.precision * step)
        return np.asarray(self.precision @ step.ravel()).reshape(step.shape)

    def _curvature(self, batch: LinearSoftmax, theta: Doubles) -> Doubles:
        """Return the Hessian of the batch, or its diagonal."""
        p = batch.probabilities(batch.logits(theta).astype(np.float64))
        if self.precision.shape != theta.shape:
            return batch.hessian(p)
        bends = batch.weights[:, None] * p * (1 - p)
        squares = [replace(batch, weights=bend).column_squares() for bend in bends.T]
        return np.array(squares)

    def _metric(self, curvature: Doubles) -> Metric:
        total = self.precision + curvature
        return (
            _Diagonal(total) if total.shape == self.theta.shape else _Whole(total, len(self.theta))
        )


class _Diagonal:
    def __init__(self, diagonal: Doubles) -> None:
        self._diagonal = diagonal

    def solve(self, gradient: Doubles) -> Doubles:
        return gradient / self._diagonal


class _Whole:
    def __init__(self, matrix: Doubles, k: int) -> None:
        self._factor = Factor(with_gauge(matrix, k))

    def solve(self, gradient: Doubles) -> Doubles:
        return self._factor.solve(gradient.ravel()).reshape(gradient.shape)

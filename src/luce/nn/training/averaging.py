"""An exponential moving average of the parameters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    r"""A slowly moving copy of a model's parameters.

    .. math:: \bar\theta_t = d_t \bar\theta_{t-1} + (1 - d_t) \theta_t, \quad
              d_t = \min(d, (1 + t) / (10 + t))

    The growing decay keeps the starting values from weighing for long; it is that of TensorFlow's
    ``ExponentialMovingAverage(num_updates=...)``. Source: Polyak & Juditsky (1992), Acceleration of
    stochastic approximation by averaging, for averaging as such.

    Parameters
    ----------
    parameters : mapping of str to nn.Parameter
        What is averaged.
    decay : float
        ``d``, in ``[0, 1)``.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self._parameters = dict(parameters)
        self._decay = decay
        self.values = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the parameters as they are after this step (the first is 1)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, average in self.values.items():
            average.lerp_(self._parameters[name], 1 - decay)

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over averages that were kept."""
        for name, average in self.values.items():
            average.copy_(tensors[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model have the averages for as long as the block lasts."""
        own = {name: p.detach().clone() for name, p in self._parameters.items()}
        self._write(self.values)
        try:
            yield
        finally:
            self._write(own)

    @torch.no_grad()
    def _write(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])

"""What is done to logits before every softmax: a softcap, then a temperature."""

from typing import NamedTuple

import torch
from torch import Tensor

from luce.nn.eager import widened


class LogitShape(NamedTuple):
    """Softcap and temperature, applied by calling it: ``shape(logits)``.

    Parameters
    ----------
    softcap : float, optional
        ``c``: squeezes finite logits into ``(-c, c)`` as ``c tanh(z / c)``; infinite ones stay.
    temperature : float
        ``T``: divides the logits after the softcap.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import LogitShape
    >>> LogitShape(softcap=2.0, temperature=0.5)(torch.tensor([0.0, 1000.0, -torch.inf]))
    tensor([0., 4., -inf])
    """

    softcap: float | None = None
    temperature: float = 1.0

    def __call__(self, logits: Tensor) -> Tensor:
        """Return the logits that the softmax takes; 16 bits are widened to float32."""
        z = widened(logits)
        if self.softcap is not None:
            capped = self.softcap * torch.tanh(z / self.softcap)
            z = torch.where(torch.isinf(z), z.detach(), capped)  # the cap has no slope there
        return z if self.temperature == 1 else z / self.temperature

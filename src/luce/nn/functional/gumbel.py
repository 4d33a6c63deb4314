"""The Gumbel softmax of tensors: a smooth stand-in for a class drawn at random."""

import torch
from torch import Tensor

from luce._checks import as_temperature
from luce.nn.eager import widened
from luce.nn.functional.softmax import masked, softmax

_SMALLEST = 2.0**-64  # a variate of exactly 0 would be noise without bound


def gumbel_softmax(
    x: Tensor,
    dim: int = -1,
    *,
    temperature: float = 1.0,
    hard: bool = False,
    where: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Softmax of logits with Gumbel noise: a smooth stand-in for a class drawn at random.

    .. math:: y = \operatorname{softmax}\left(\frac{x + G}{T}\right), \qquad G_i = -\log E_i,
        \quad E_i \sim \operatorname{Exp}(1)

    Parameters
    ----------
    x, dim
        As in :func:`softmax`. The logits are not divided by the temperature before the noise.
    temperature : float
        Positive and finite. Towards 0 each row becomes the one-hot row of the class drawn.
    hard : bool
        Whether to return that one-hot row, with exactly 1 and 0, and the gradient of the smooth
        one ("straight-through").
    where : Tensor of bool, optional
        As in :func:`softmax`; masked classes get 0.
    generator : torch.Generator, optional
        Source of the noise, on the device of `x`; None takes torch's own.

    Returns
    -------
    Tensor
        The shape and dtype of `x`. A row whose largest logit is not finite holds NaN; classes with
        the logit ``-inf`` get 0 and are never drawn.

    Raises
    ------
    ParameterError
        If the temperature is not positive and finite.

    Notes
    -----
    Class ``i`` is the largest with probability ``softmax(x)[i]``, whatever the temperature. On the
    CPU the noise is drawn and added in float64, measured from the largest logit, as in
    :func:`luce.gumbel_softmax`; on other devices in float32.

    Under ``torch.func.vmap`` say what is random: ``vmap(..., randomness="different")``.

    Source: Jang, Gu & Poole (2017), and Maddison, Mnih & Teh (2017), both ICLR; straight-through:
    Bengio, Léonard & Courville (2013), arXiv 1308.3432.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> x = torch.tensor([2.0, 1.0, -torch.inf])
    >>> y = functional.gumbel_softmax(x, hard=True, generator=torch.Generator().manual_seed(1))
    >>> bool(y.sum() == 1), y[2].item()
    (True, 0.0)
    """
    t = as_temperature(temperature)
    z = masked(widened(x), where)
    if z.numel() == 0 or z.dim() == 0:
        return softmax(z, dim).to(x.dtype)
    gap = z - z.detach().amax(dim, keepdim=True)  # an offset of 1e20 must not swallow the noise
    if z.device.type == "cpu":
        gap = gap.double()
    noisy = with_noise(gap, generator)
    soft = softmax(noisy, dim, temperature=t).to(x.dtype)
    if not hard:
        return soft
    drawn = torch.zeros_like(soft).scatter(dim, noisy.argmax(dim, keepdim=True), 1.0)
    return drawn + (soft - soft.detach())  # exactly 0, but for the gradient and for NaN


def with_noise(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return numbers plus standard Gumbel noise: the minus logarithms of exponential variates.

    The largest along a dimension is each with its softmax probability (Yellott 1977): no
    probability is computed, and no sum of them.
    """
    waiting = torch.empty_like(x).exponential_(generator=generator).clamp(min=_SMALLEST)
    return x - waiting.log()

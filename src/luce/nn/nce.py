"""Noise-contrastive estimation: tell each row's class from drawn ones."""

from math import log
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from luce._checks import as_finite
from luce.errors import ParameterError
from luce.nn.comparison import Comparison
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.row_losses import expected_surprise, log_normaliser, of_normalisers
from luce.nn.sampled_head import SampledHead
from luce.nn.samplers import ClassSampler
from luce.nn.targets import Targets


@final
class NCE(SampledHead):
    r"""A softmax that learns from binary decisions: is a class the label, or was it drawn?

    With the logits u, the drawn classes S that all rows of the batch share, and how often the
    sampler expects to draw a class, :math:`\operatorname{E} n_j`, the loss of a row with the label
    y is, while training,

    .. math::
        L = -\log \sigma(\Delta_y) - \sum_{j \in S} \log \sigma(-\Delta_j), \qquad
        \Delta_j = u_j - c - \log \operatorname{E} n_j

    It is least where :math:`e^{u_j - c}` is the probability of class j: the model learns to be
    normalised, by the constant :math:`e^c` in every row. In eval mode the loss is the exact
    cross-entropy, and `log_prob` is normalised exactly.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    n_samples : int
        How many noise classes are drawn in each step.
    sampler : ClassSampler, optional
        The noise. None: :class:`UniformSampler`. The nearer it is to the frequencies of the
        classes, the better.
    log_normalizer : float, optional
        ``c``. None: ``log(n_classes)``, with which small weights are a normalised model; 0 for
        negative sampling.
    negative_sampling : bool
        The special case of word2vec, :math:`\Delta_j = h \cdot w_j + b_j`: no correction by the
        noise. It is the same model with :math:`b_j + \log \operatorname{E} n_j` in place of the
        bias, and evaluated as such.
    top : int
        How many of its likeliest classes are a row's own if the target is a distribution.
    bias : bool
        Whether each class has a bias.
    weight : Parameter of shape (n_classes, in_features), optional
        Weights to share, such as those of an embedding: they are used, not copied, and stay as
        they are.
    sparse : bool
        Whether gradients of weight and bias are sparse, see :class:`SampledSoftmax`.
    device, dtype
        As in ``torch.nn.Linear``.

    Notes
    -----
    Equals :class:`FullSoftmax` with the same weight and bias in eval mode. In training it follows
    another objective, whose gradient tends to that of the likelihood as more classes are drawn.

    Saves: as :class:`SampledSoftmax`, and no class waits for the others: there is no normaliser.
    Costs: a worse estimate than :class:`SampledSoftmax` from the same samples, as a rule.

    Loss options while training: softcap and temperature shape u. The data's term of a class is
    weighed by what the target gives to it, so label smoothing and distributions add data's terms,
    of classes that are not the row's own as in :class:`SampledSoftmax`; the noise is weighed by
    the sum of the target. Focal loss is the binary one, of each decision (Lin et al. 2017). The
    z-loss takes :math:`\log \hat Z - c`, with the :math:`\hat Z` of :class:`SampledSoftmax`.
    `weight`, `ignore_index`, `reduction`, `normalizer` and `empty` mean what they always do.

    Source: Gutmann & Hyvärinen (2012), JMLR 13, section 2; Mnih & Teh (2012), arXiv 1206.6426,
    who take c = 0; Mikolov et al. (2013), arXiv 1310.4546, for negative sampling.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import NCE, UnigramSampler
    >>> counts = torch.randint(1, 100, (50_000,))
    >>> head = NCE(16, 50_000, n_samples=500, sampler=UnigramSampler(counts))
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(50_000, (4, 7))
    >>> head(hidden, target).backward()
    >>> exact = head.eval()(hidden, target)
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_samples: int = 1024,
        sampler: ClassSampler | None = None,
        log_normalizer: float | None = None,
        negative_sampling: bool = False,
        top: int = 5,
        bias: bool = True,
        weight: nn.Parameter | None = None,
        sparse: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_features,
            n_classes,
            n_samples=n_samples,
            sampler=sampler,
            top=top,
            bias=bias,
            weight=weight,
            sparse=sparse,
            device=device,
            dtype=dtype,
        )
        if not isinstance(self.sampler, ClassSampler):
            raise ParameterError(
                "sampler must draw from a fixed distribution, which is the noise, got"
                f" {type(self.sampler).__name__}. Pass a UniformSampler, LogUniformSampler or"
                " UnigramSampler."
            )
        self.noise: ClassSampler = self.sampler
        self.negative_sampling = negative_sampling
        if log_normalizer is None:
            log_normalizer = 0.0 if negative_sampling else log(n_classes)
        self.log_normalizer = as_finite(log_normalizer, "log_normalizer")

    def class_bias(self) -> Tensor | None:
        if not self.negative_sampling:
            return self.bias
        log_count = self._log_count(torch.arange(self.n_classes, device=self.weight.device))
        return log_count if self.bias is None else self.bias + log_count

    def _bias_of(self, ids: Tensor) -> Tensor | None:
        own = self._own_bias_of(ids)
        if not self.negative_sampling:
            return own
        log_count = self._log_count(ids)
        return log_count if own is None else own + log_count

    def _log_count(self, ids: Tensor) -> Tensor:
        return self.noise.log_expected_count(ids, self.n_samples).to(self.weight.dtype)

    def _row_losses(
        self, own: Tensor, drawn: Tensor, among: Comparison, targets: Targets
    ) -> Tensor:
        gamma, log_weight = targets.scalars.gamma, among.log_weight()
        count_own = self.noise.log_expected_count(among.own, self.n_samples).to(own.dtype)
        gap_own = own - self.log_normalizer - count_own
        gap_drawn = drawn - self.log_normalizer - among.log_count
        t_own, t_drawn = among.shares(log_weight, targets, self.n_classes)
        losses = expected_surprise(logsigmoid(gap_own), t_own, gamma)
        if t_drawn is not None:
            losses = losses + expected_surprise(logsigmoid(gap_drawn), t_drawn, gamma)
        noise = expected_surprise(logsigmoid(-gap_drawn), torch.ones_like(gap_drawn), gamma)
        losses = losses + _mass(targets, self.n_classes) * noise
        if targets.scalars.z_loss:
            z = torch.cat([own, drawn + log_weight], dim=1)
            normaliser = log_normaliser(z, log_softmax(z)) - self.log_normalizer
            losses = losses + of_normalisers(normaliser.square(), targets)
        return losses

    def extra_repr(self) -> str:
        special = ", negative_sampling=True" if self.negative_sampling else ""
        return f"{super().extra_repr()}, log_normalizer={self.log_normalizer:g}{special}"


def _mass(targets: Targets, n_classes: int) -> Tensor:
    """Return the sum of what each row's target gives to all classes, (n,)."""
    weight, mass = targets.weight, targets.own
    if targets.q is not None:
        mass = mass * (targets.q.sum(dim=1) if weight is None else targets.q @ weight)
    if targets.spread is None:
        return mass
    return mass + targets.spread * (n_classes if weight is None else weight.sum())

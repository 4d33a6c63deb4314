"""What heads have in common that see few classes in training and all of them afterwards."""

from abc import abstractmethod
from typing import Unpack

import torch
from torch import Tensor, nn

from luce._checks import as_count
from luce.errors import ParameterError
from luce.nn.class_parameters import as_class_weight, draw_linear
from luce.nn.comparison import Comparison
from luce.nn.head import LinearHead
from luce.nn.logit_shape import LogitShape
from luce.nn.options import LossOptions
from luce.nn.sampled_loss import sampled_loss
from luce.nn.samplers import Sampler, UniformSampler
from luce.nn.targets import Targets


class SampledHead(LinearHead):
    """A linear head that is trained on samples of the classes and evaluated on all of them.

    Parameters
    ----------
    in_features, n_classes, n_samples, sampler, top, bias, weight, sparse, device, dtype
        As in :class:`SampledSoftmax`.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        n_samples: int = 1024,
        sampler: Sampler | None = None,
        top: int = 5,
        bias: bool = True,
        weight: nn.Parameter | None = None,
        sparse: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        self.n_samples = min(as_count(n_samples, 2**31, "n_samples"), self.n_classes)
        self.sampler = as_sampler(sampler, self.n_classes)
        self.top = min(as_count(top, 2**31, "top"), self.n_classes)
        self.sparse = sparse
        self.tied = weight is not None
        self.weight = as_class_weight(weight, self.n_classes, self.in_features, device, dtype)
        self.register_parameter(
            "bias",
            nn.Parameter(torch.empty(self.n_classes, device=device, dtype=dtype)) if bias else None,
        )
        self.sampler.prepare(self.n_samples)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights that are not shared, and the bias, as ``torch.nn.Linear`` does."""
        draw_linear(None if self.tied else self.weight, self.bias, self.in_features)

    def class_weights(self) -> Tensor:
        return self.weight

    @abstractmethod
    def _bias_of(self, ids: Tensor) -> Tensor | None:
        """Return the bias of some classes, those of `class_bias`."""

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        """Return the loss: while training that of the sample, else the exact one."""
        if not self.training:
            return super().forward(hidden, target, **options)
        return sampled_loss(
            self, hidden, target, options,
            sampler=self.sampler, n_samples=self.n_samples, top=self.top, of_rows=self._of_rows,
        )  # fmt: skip

    def _of_rows(self, rows: Tensor, among: Comparison, targets: Targets) -> Tensor:
        shape = LogitShape(targets.scalars.softcap, targets.scalars.temperature)
        own, drawn = self._compared(rows, among, shape)
        return self._row_losses(own, drawn, among, targets)

    @abstractmethod
    def _row_losses(
        self, own: Tensor, drawn: Tensor, among: Comparison, targets: Targets
    ) -> Tensor:
        """Return the loss of each row, given the logits of its own classes and the drawn ones."""

    def _compared(
        self, rows: Tensor, among: Comparison, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        """Return the logits of the own classes (n, m) and of the drawn ones (n, c)."""
        ids = among.every_id()
        own, drawn = among.split(nn.functional.embedding(ids, self.weight, sparse=self.sparse))
        z_own, z_drawn = (own * rows[:, None]).sum(dim=2), rows @ drawn.T
        bias = self._bias_of(ids)
        if bias is not None:
            b_own, b_drawn = among.split(bias)
            z_own, z_drawn = z_own + b_own, z_drawn + b_drawn
        return shape(z_own), shape(z_drawn)

    def _own_bias_of(self, ids: Tensor) -> Tensor | None:
        """Return what the head's own parameter holds for some classes."""
        return None if self.bias is None else self.bias.gather(0, ids, sparse_grad=self.sparse)

    def extra_repr(self) -> str:
        more = [f"bias={self.bias is not None}", f"n_samples={self.n_samples}"]
        more += ["tied"] * self.tied + ["sparse=True"] * self.sparse
        return ", ".join([super().extra_repr(), *more])


def as_sampler(sampler: Sampler | None, n_classes: int) -> Sampler:
    """Return the sampler of a head: a uniform one unless another is given."""
    if sampler is None:
        return UniformSampler(n_classes)
    if sampler.n_classes != n_classes:
        raise ParameterError(
            f"sampler must draw from the head's {n_classes} classes, got one of"
            f" {sampler.n_classes}. Make it with n_classes={n_classes}."
        )
    return sampler

"""Heads whose distribution is a weighted mean of softmaxes, computed from logarithms alone."""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from luce._checks import as_count
from luce.nn.eager import is_eager, widened
from luce.nn.functional.linear_cross_entropy import linear_cross_entropy
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.head import FactoredHead, TopK
from luce.nn.logit_shape import LogitShape

_CHUNK = 2**22  # log-probabilities of all softmaxes that are kept for backward, 16 MB of float32
_NEAR = -0.5  # log-probabilities above it come from what is left to 1; a row has one at most
_TINY = 1e-30  # probabilities above it are in the range of every dtype, and in their order


class Component(NamedTuple):
    """One softmax of a mixture: the linear layer of its logits, and the rows that go into it."""

    rows: Tensor  # (n, d)
    weight: Tensor  # (n_classes, d)
    bias: Tensor | None

    def logits_at(self, labels: Tensor) -> Tensor:
        """Return the logit of one class for each row (n,)."""
        z = (self.rows * self.weight[labels]).sum(dim=1)
        return z if self.bias is None else z + self.bias[labels]


class Mixture(FactoredHead):
    r"""A head with the distribution :math:`p = \sum_m \pi_m \operatorname{softmax}(u_m)`.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    components : int
        Number of softmaxes.

    Notes
    -----
    Softcap and temperature act on the logits of every softmax, that of the weights
    :math:`\pi` too, and the z-loss takes the squares of all their normalisers. Labels need the
    fused loss of each softmax and no logits. Where the log-probabilities of all classes are
    wanted and take more than 16 MB in all softmaxes together, they are computed in chunks of
    rows, and again in backward.
    """

    def __init__(self, in_features: int, n_classes: int, components: int) -> None:
        super().__init__(in_features, n_classes)
        self.components = components

    @abstractmethod
    def _mixing_logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of the weights of the softmaxes (n, components)."""

    @abstractmethod
    def _softmaxes(self, hidden: Tensor) -> list[Component]:
        """Return what the logits of each softmax are made of."""

    @abstractmethod
    def _all_logits(self, hidden: Tensor) -> list[Tensor]:
        """Return the logits (n, n_classes) of each softmax."""

    def _log_prob(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        most = self._most_rows()
        if len(hidden) <= most or not is_eager(hidden):
            return self._of_all(hidden, shape)
        parts: list[Tensor] = [
            checkpoint(self._of_all, part, shape, use_reentrant=False, preserve_rng_state=False)
            if torch.is_grad_enabled()
            else self._of_all(part, shape)
            for part in hidden.split(most)
        ]
        return torch.cat(parts)

    def topk(self, hidden: Tensor, k: int) -> TopK:
        """Return the `k` likeliest classes of each row, the likeliest first.

        Without gradients the classes are found by their probabilities, and only those that are
        found get a logarithm from logarithms.
        """
        k = as_count(k, self.n_classes, "k")
        if torch.is_grad_enabled() or not is_eager(hidden):
            return super().topk(hidden, k)
        parts = [self._likeliest(part, k) for part in self.rows_of(hidden).split(self._most_rows())]
        log_p, indices = (torch.cat(both) for both in zip(*parts, strict=True))
        shape = (*hidden.shape[:-1], k)
        return TopK(log_p.reshape(shape), indices.reshape(shape))

    def predict(self, hidden: Tensor) -> Tensor:
        with torch.no_grad():
            return self.topk(hidden, 1).indices[..., 0]

    def _likeliest(self, hidden: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities of the likeliest classes, (n, k), and which they are."""
        log_weights = log_softmax(widened(self._mixing_logits(hidden)))[:, :, None]  # (n, m, 1)
        each = [log_softmax(widened(u)) for u in self._all_logits(hidden)]
        p = (each[0] + log_weights[:, 0]).exp_()  # (n, k)
        for m, log_p in enumerate(each[1:], start=1):
            p += (log_p + log_weights[:, m]).exp_()
        found = p.topk(k, dim=1)
        if not (found.values[:, -1] > _TINY).all():  # their order is lost; NaN, too, comes here
            log_p, indices = self._of_all(hidden, LogitShape()).topk(k, dim=1)
            return log_p, indices
        at_found = torch.stack([log_p.gather(1, found.indices) for log_p in each], dim=1)
        log_p, order = log_of_mixture(log_weights, at_found).sort(dim=1, descending=True)
        return log_p, found.indices.gather(1, order)

    def _target_log_prob(
        self, hidden: Tensor, labels: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        mixing = shape(self._mixing_logits(hidden))
        log_weights = log_softmax(mixing)  # (n, m)
        squares = (mixing[:, 0] - log_weights[:, 0]).square()
        at_label = []
        for one in self._softmaxes(hidden):
            surprise = linear_cross_entropy(
                *one[:2], labels, one.bias, reduction="none",
                temperature=shape.temperature, softcap=shape.softcap,
            )  # fmt: skip
            at_label.append(-surprise)
            u = shape(one.logits_at(labels))  # log p = u - normaliser
            squares = squares + torch.where(torch.isinf(u), 0.0, u + surprise).square()
        return log_of_mixture(log_weights, torch.stack(at_label, dim=1)), squares

    def _most_rows(self) -> int:
        """Return how many rows have their log-probabilities in all softmaxes at a time."""
        return max(1, _CHUNK // (self.components * self.n_classes))

    def _squared_normalisers(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        """All classes share the softmaxes, and so the normalisers."""
        any_class = torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
        _, squares = self._target_log_prob(hidden, any_class, shape)
        return squares[:, None].expand(-1, self.n_classes)

    def _of_all(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        log_weights = log_softmax(shape(self._mixing_logits(hidden)))  # (n, m)
        each = [log_softmax(shape(u)) for u in self._all_logits(hidden)]
        log_p = torch.stack(each, dim=1)  # (n, m, k)
        mean = torch.logsumexp(log_weights[:, :, None] + log_p, dim=1)  # (n, k)
        best = mean.argmax(dim=1, keepdim=True)
        at_best = log_p.gather(2, best[:, None].expand(-1, self.components, 1))[:, :, 0]
        return mean.scatter(1, best, log_of_mixture(log_weights, at_best)[:, None])


def log_of_mixture(log_weights: Tensor, log_p: Tensor) -> Tensor:
    r"""Return :math:`\log \sum_m \pi_m p_m` of logarithms (n, m).

    The weights sum to 1, so that :math:`\sum_m \pi_m p_m = 1 + \sum_m \pi_m (p_m - 1)`: near 1 it
    is the ``log1p`` of a sum of numbers that are all negative, and keeps its digits. Elsewhere it
    is the logsumexp of the sums of logarithms. Nothing underflows, and a class that is impossible
    in every softmax gets ``-inf``.
    """
    log_mean = torch.logsumexp(log_weights + log_p, dim=1)
    missing = (log_weights.exp() * log_p.expm1()).sum(dim=1)
    near = log_mean > _NEAR
    return torch.where(near, torch.log1p(torch.where(near, missing, 0.0)), log_mean)

"""Heads whose distribution is a weighted mean of softmaxes, computed from logarithms alone."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from luce.nn.eager import is_eager
from luce.nn.functional.log_softmax import log_softmax_of_last
from luce.nn.head import FactoredHead
from luce.nn.logit_shape import LogitShape

_CHUNK = 2**22  # logits of all softmaxes that are kept for backward, 16 MB of float32
_NEAR = -0.5  # log-probabilities above it come from what is left to 1


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
    :math:`\pi` too, and the z-loss takes the squares of all their normalisers. Where the
    logits of all softmaxes together take more than 16 MB, they are computed in chunks of rows,
    and again in backward.
    """

    def __init__(self, in_features: int, n_classes: int, components: int) -> None:
        super().__init__(in_features, n_classes)
        self.components = components

    @abstractmethod
    def _mixing_logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of the weights of the softmaxes (n, components)."""

    @abstractmethod
    def _component_logits(self, hidden: Tensor) -> list[Tensor]:
        """Return the logits (n, n_classes) of each softmax."""

    def _log_prob(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        (log_p,) = self._in_chunks(partial(self._of_all, shape=shape), hidden)
        return log_p

    def _target_log_prob(
        self, hidden: Tensor, labels: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        log_p, squares = self._in_chunks(partial(self._of_labels, shape=shape), hidden, labels)
        return log_p, squares

    def _squared_normalisers(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        """All classes share the softmaxes, and so the normalisers."""
        any_class = torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
        _, squares = self._target_log_prob(hidden, any_class, shape)
        return squares[:, None].expand(-1, self.n_classes)

    def _of_all(self, hidden: Tensor, shape: LogitShape) -> tuple[Tensor]:
        log_weights = log_softmax_of_last(shape(self._mixing_logits(hidden)))  # (n, m)
        each = [log_softmax_of_last(shape(z)) for z in self._component_logits(hidden)]
        return (log_of_mixture(log_weights[:, :, None], torch.stack(each, dim=1)),)

    def _of_labels(
        self, hidden: Tensor, labels: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        log_weights, squares = _with_square(shape(self._mixing_logits(hidden)))
        at_label = []
        for z in self._component_logits(hidden):
            log_p, square = _with_square(shape(z))
            at_label.append(log_p.gather(1, labels[:, None])[:, 0])
            squares = squares + square
        return log_of_mixture(log_weights, torch.stack(at_label, dim=1)), squares

    def _in_chunks(
        self, work: Callable[..., tuple[Tensor, ...]], *rows: Tensor
    ) -> tuple[Tensor, ...]:
        """Return what `work` makes of the rows; of many, nothing between is kept for backward."""
        most = max(1, _CHUNK // (self.components * self.n_classes))
        if len(rows[0]) <= most or not is_eager(*rows):
            return work(*rows)
        parts = zip(*(each.split(most) for each in rows), strict=True)
        made = [
            checkpoint(work, *part, use_reentrant=False, preserve_rng_state=False)
            if torch.is_grad_enabled()
            else work(*part)
            for part in parts
        ]
        return tuple(torch.cat(each) for each in zip(*made, strict=True))


def log_of_mixture(log_weights: Tensor, log_p: Tensor) -> Tensor:
    r"""Return :math:`\log \sum_m \pi_m p_m` over dimension 1 of logarithms that broadcast.

    The weights sum to 1, so that :math:`\sum_m \pi_m p_m = 1 + \sum_m \pi_m (p_m - 1)`: near 1 it
    is the ``log1p`` of a sum of numbers that are all negative, and keeps its digits. Elsewhere it
    is the logsumexp of the sums of logarithms. Nothing underflows, and a class that is impossible
    in every softmax gets ``-inf``.
    """
    log_mean = torch.logsumexp(log_weights + log_p, dim=1)
    missing = (log_weights.exp() * log_p.expm1()).sum(dim=1)
    near = log_mean > _NEAR
    return torch.where(near, torch.log1p(torch.where(near, missing, 0.0)), log_mean)


def _with_square(u: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-softmax of rows of logits, and the square of their log-normaliser (n,)."""
    log_p = log_softmax_of_last(u)
    winner = log_p.argmax(dim=1, keepdim=True)
    return log_p, (u.gather(1, winner) - log_p.gather(1, winner))[:, 0].square()

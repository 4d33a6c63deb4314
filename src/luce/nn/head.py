"""Output layers: what every head offers, and the two families of them."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Unpack

import torch
from torch import Tensor, nn

from luce._checks import as_count
from luce.errors import ParameterError
from luce.nn.audit import Audit, audit
from luce.nn.eager import widened
from luce.nn.functional.gumbel import with_noise
from luce.nn.functional.linear_cross_entropy import linear_cross_entropy
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.hidden_rows import as_rows
from luce.nn.logit_shape import LogitShape
from luce.nn.loss_sum import LossSum
from luce.nn.options import LossOptions, checked
from luce.nn.row_losses import of_all_classes, of_labels, of_normalisers
from luce.nn.targets import Targets

_MOST_CLASSES = 2**48


class TopK(NamedTuple):
    """The likeliest classes of each row, the likeliest first."""

    log_prob: Tensor
    """(..., k): the logarithms of their probabilities."""
    indices: Tensor
    """(..., k): which classes they are."""


class Head(nn.Module, ABC):
    """An output layer: from hidden states to a distribution over classes, and its loss.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.

    Notes
    -----
    Hidden states have shape (..., in_features) with any leading dimensions, labels the shape
    (...), distributions (..., n_classes). Every loss option of :class:`LossOptions` works with
    every head.
    """

    def __init__(self, in_features: int, n_classes: int) -> None:
        super().__init__()
        self.in_features = as_count(in_features, _MOST_CLASSES, "in_features")
        self.n_classes = as_count(n_classes, _MOST_CLASSES, "n_classes")

    @abstractmethod
    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        """Return the loss of labels or distributions, with any :class:`LossOptions`."""

    @abstractmethod
    def log_prob(self, hidden: Tensor) -> Tensor:
        """Return the logarithms of all probabilities, (..., n_classes); they are normalised."""

    def summed(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> LossSum:
        """Return the sum of the rows' losses, and what their mean divides it by.

        The divisor is the number of rows that count, or the sum of their weights, 0 where no row
        does; it is the `normalizer` where one is given, and 1 for the reduction "sum".
        """
        weight, scalars = checked(**options)
        if scalars.reduction.kind == "none":
            raise ParameterError(
                "reduction must be 'mean' or 'sum' for a loss that is minimised, got 'none'."
                " Leave it out."
            )
        rows, dtype = tuple(hidden.shape[:-1]), widened(hidden).dtype
        targets = Targets.of(target, rows, self.n_classes, weight, scalars, dtype)
        added: LossOptions = {**options, "reduction": "sum", "normalizer": None}
        return LossSum(self(hidden, target, **added), targets.mass())

    def divisor(self, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        """Return what `summed` divides by, which depends on the targets alone.

        Numbers of a floating dtype with `n_classes` in their last dimension are distributions.
        """
        weight, scalars = checked(**options)
        soft = target.is_floating_point() and target.shape[-1:] == (self.n_classes,)
        rows = tuple(target.shape[:-1] if soft else target.shape)
        dtype = torch.float32 if weight is None else widened(weight).dtype
        return Targets.of(target, rows, self.n_classes, weight, scalars, dtype).mass()

    def predict(self, hidden: Tensor) -> Tensor:
        """Return the likeliest class of each row, (...)."""
        return self.log_prob(hidden).argmax(dim=-1)

    def topk(self, hidden: Tensor, k: int) -> TopK:
        """Return the `k` likeliest classes of each row, the likeliest first."""
        return TopK(*self.log_prob(hidden).topk(as_count(k, self.n_classes, "k"), dim=-1))

    def sample(self, hidden: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return a class for each row, (...), drawn with its probability."""
        return sample_from(self.log_prob(hidden), generator)

    def audit(
        self,
        hidden: Tensor,
        target: Tensor,
        *,
        draws: int = 100,
        confidence: float = 0.95,
        seed: int = 0,
        **options: Unpack[LossOptions],
    ) -> Audit:
        """Return how far the loss and gradients of training mode are from the exact ones.

        The loss and its gradients, in the hidden states and in each parameter, are computed
        `draws` times in training mode (rounded down to a multiple of 10), from the random seeds
        `seed`, `seed` + 1 and so on, and once in eval mode, where every head is exact. The report
        holds bias and spread of each, and confidence intervals of the bias; ``print`` shows it as
        a table. Heads that do not approximate have zeros. Gradients are dense here, whatever they
        are in training, and the head is left as it was.
        """
        return audit(
            self,
            hidden,
            target,
            draws=draws,
            confidence=confidence,
            seed=seed,
            options=dict(options),
        )

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, n_classes={self.n_classes}"

    def rows_of(self, hidden: Tensor) -> Tensor:
        """Return hidden states of any leading dimensions as rows (n, in_features).

        Rows of a narrower dtype than the parameters' get that one; under autocast they stay.
        """
        rows = as_rows(hidden, self.in_features)
        if torch.is_autocast_enabled(rows.device.type):
            return rows
        own = next(self.parameters(), rows)
        return rows.to(torch.promote_types(rows.dtype, own.dtype))

    def rows_and_targets(
        self, hidden: Tensor, target: Tensor, options: LossOptions
    ) -> tuple[Tensor, Targets]:
        """Return the rows (n, in_features) and their targets, both checked.

        A row that does not count is zeros: what it held, such as NaN, reaches no gradient.
        """
        weight, scalars = checked(**options)
        rows, leading = self.rows_of(hidden), tuple(hidden.shape[:-1])
        dtype = torch.float64 if rows.dtype == torch.float64 else torch.float32
        targets = Targets.of(target, leading, self.n_classes, weight, scalars, dtype)
        return targets.without_unused(rows), targets


class LinearHead(Head):
    """A head whose distribution is one softmax of ``hidden @ class_weights().T + class_bias()``.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.

    Notes
    -----
    Its loss is the fused :func:`luce.nn.functional.linear_cross_entropy`: all logits are never
    held at once.
    """

    @abstractmethod
    def class_weights(self) -> Tensor:
        """Return the weights of the classes, (n_classes, in_features)."""

    @abstractmethod
    def class_bias(self) -> Tensor | None:
        """Return the bias of the classes, (n_classes,), or None."""

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (..., n_classes), of float32 where they are computed in 16 bits."""
        rows = self.rows_of(hidden)
        z = nn.functional.linear(rows, self.class_weights(), self.class_bias())
        return widened(z).reshape(*hidden.shape[:-1], self.n_classes)

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        as_rows(hidden, self.in_features)  # checks it
        others: Any = {name: value for name, value in options.items() if name != "weight"}
        return linear_cross_entropy(
            hidden, self.class_weights(), target, self.class_bias(),
            class_weight=options.get("weight"), **others,
        )  # fmt: skip

    def log_prob(self, hidden: Tensor) -> Tensor:
        return log_softmax(self.logits(hidden))

    def predict(self, hidden: Tensor) -> Tensor:
        return self.logits(hidden).argmax(dim=-1)


class FactoredHead(Head):
    """A head whose distribution is composed of several softmaxes, or of something else.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.

    Notes
    -----
    A head gives log-probabilities of all classes and, cheaper, of one class for each row; this
    class makes of them a loss with every option. Labels without smoothing need only their own
    class, distributions and smoothing need all. Softcap and temperature are applied inside, to
    the logits of every softmax, by calling the :class:`LogitShape` that is handed over.

    The z-loss takes the squares of the log-normalisers, summed over the softmaxes that the
    label's probability is composed of; for distributions, their expectation.
    """

    @abstractmethod
    def _log_prob(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        """Return the log-probabilities of all classes (n, n_classes) for rows (n, in_features)."""

    @abstractmethod
    def _target_log_prob(
        self, hidden: Tensor, labels: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        """Return the log-probability of each row's label (n,), and squared log-normalisers (n,).

        The second is the sum of the squares over all softmaxes that the first is composed of.
        """

    def _squared_normalisers(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        """Return the sums of squared log-normalisers for all classes as labels, (n, n_classes)."""
        n, k = len(hidden), self.n_classes
        labels = torch.arange(k, device=hidden.device).repeat(n)
        _, squares = self._target_log_prob(hidden.repeat_interleave(k, dim=0), labels, shape)
        return squares.reshape(n, k)

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        rows, targets = self.rows_and_targets(hidden, target, options)
        scalars = targets.scalars
        shape = LogitShape(scalars.softcap, scalars.temperature)
        if targets.y is None:
            losses = of_all_classes(widened(self._log_prob(rows, shape)), targets)
            if scalars.z_loss:
                assert targets.q is not None
                q = targets.q
                squares = (q * self._squared_normalisers(rows, shape)).sum(dim=1) / q.sum(dim=1)
                losses = losses + of_normalisers(squares, targets)
        else:
            if targets.spread is None or scalars.z_loss:
                log_p, squares = self._target_log_prob(rows, targets.y, shape)
            if targets.spread is None:
                losses = of_labels(widened(log_p), targets)
            else:
                losses = of_all_classes(widened(self._log_prob(rows, shape)), targets)
            if scalars.z_loss:
                losses = losses + of_normalisers(squares, targets)
        return targets.reduced(losses.reshape(hidden.shape[:-1]))

    def log_prob(self, hidden: Tensor) -> Tensor:
        log_p = widened(self._log_prob(self.rows_of(hidden), LogitShape()))
        return log_p.reshape(*hidden.shape[:-1], self.n_classes)


def sample_from(log_p: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return the place of a class for each row, drawn with its probability."""
    return with_noise(log_p, generator).argmax(dim=-1)

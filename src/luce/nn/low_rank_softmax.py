"""A softmax whose class weights are a product of two thin matrices."""

from typing import Any, Unpack, final

import torch
from torch import Tensor, nn

from luce._checks import as_count
from luce.nn.full_softmax import FullSoftmax
from luce.nn.head import Head, TopK
from luce.nn.options import LossOptions


@final
class LowRankSoftmax(Head):
    r"""A softmax of logits :math:`U V h + b`, with class weights of rank ``rank``.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    rank : int
        Width of what stands between: ``V`` is (rank, in_features), ``U`` (n_classes, rank).
    bias : bool
        Whether each class has a bias.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If a size is not a positive integer.

    Notes
    -----
    Equals ``FullSoftmax`` with the weights ``dense()``, and ``FullSoftmax(rank, n_classes)`` after
    a linear layer without bias, which is what it consists of. With ``r`` for the rank it saves
    weights and multiplications by about ``in_features / r``: ``r (in_features + n_classes)`` of
    them instead of ``in_features * n_classes``. Costs rank: that of the log-probabilities of any
    number of rows is ``r + 2`` at most.

    Source: Sainath et al. (2013), ICASSP, Low-rank matrix factorization for deep neural network
    training with high-dimensional output targets.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import FullSoftmax, LowRankSoftmax
    >>> head = LowRankSoftmax(256, 10_000, rank=32)
    >>> sum(p.numel() for p in head.parameters()), 256 * 10_000 + 10_000
    (338192, 2570000)
    >>> head(torch.zeros(3, 256), torch.tensor([0, 1, 2]), z_loss=1e-4).shape
    torch.Size([])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        rank: int,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        self.rank = as_count(rank, 2**48, "rank")
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.projection = nn.Linear(self.in_features, self.rank, bias=False, **made)
        self.classes = FullSoftmax(self.rank, self.n_classes, bias=bias, **made)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.projection.reset_parameters()
        self.classes.reset_parameters()

    def dense(self) -> Tensor:
        """Return the class weights ``U V`` (n_classes, in_features)."""
        return self.classes.weight @ self.projection.weight

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        rows, _ = self.rows_and_targets(hidden, target, options)  # no NaN in V's gradient
        projected = self.projection(rows).reshape(*hidden.shape[:-1], self.rank)
        loss: Tensor = self.classes(projected, target, **options)
        return loss

    def log_prob(self, hidden: Tensor) -> Tensor:
        return self.classes.log_prob(self._projected(hidden))

    def predict(self, hidden: Tensor) -> Tensor:
        return self.classes.predict(self._projected(hidden))

    def topk(self, hidden: Tensor, k: int) -> TopK:
        return self.classes.topk(self._projected(hidden), k)

    def sample(self, hidden: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        return self.classes.sample(self._projected(hidden), generator=generator)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rank={self.rank}"

    def _projected(self, hidden: Tensor) -> Tensor:
        projected: Tensor = self.projection(self.rows_of(hidden))
        return projected.reshape(*hidden.shape[:-1], self.rank)

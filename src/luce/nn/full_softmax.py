"""The plain output layer: one softmax over all classes."""

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from luce.nn.class_parameters import as_class_weight, draw_linear
from luce.nn.head import LinearHead
from luce.nn.sharded_softmax import ShardedSoftmax


@final
class FullSoftmax(LinearHead):
    """A linear layer, its softmax and its cross-entropy, without ever holding all logits.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    bias : bool
        Whether each class has a bias.
    weight : Parameter of shape (n_classes, in_features), optional
        Weights to share, such as those of an embedding: they are used, not copied, and stay as
        they are.
    device, dtype
        As in ``torch.nn.Linear``.

    Notes
    -----
    Equals ``torch.nn.Linear(in_features, n_classes)`` followed by
    :func:`luce.nn.functional.cross_entropy`, with the same parameters.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import FullSoftmax
    >>> head = FullSoftmax(16, 1000)
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(1000, (4, 7))
    >>> loss = head(hidden, target, label_smoothing=0.1, z_loss=1e-4)
    >>> loss.backward()
    >>> head.log_prob(hidden).shape, head.topk(hidden, 5).indices.shape
    (torch.Size([4, 7, 1000]), torch.Size([4, 7, 5]))

    Tied to an embedding:

    >>> embedding = torch.nn.Embedding(1000, 16)
    >>> tied = FullSoftmax(16, 1000, bias=False, weight=embedding.weight)
    >>> tied.weight is embedding.weight
    True
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        bias: bool = True,
        weight: nn.Parameter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        self.tied = weight is not None
        self.weight = as_class_weight(weight, self.n_classes, self.in_features, device, dtype)
        self.register_parameter(
            "bias",
            nn.Parameter(torch.empty(self.n_classes, device=device, dtype=dtype)) if bias else None,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights that are not shared, and the bias, as ``torch.nn.Linear`` does."""
        draw_linear(None if self.tied else self.weight, self.bias, self.in_features)

    def class_weights(self) -> Tensor:
        return self.weight

    def class_bias(self) -> Tensor | None:
        return self.bias

    def shard(
        self, process_group: Any = None, *, splits: Sequence[int] | None = None
    ) -> ShardedSoftmax:
        """Return a head with the same parameters whose classes are split over processes.

        Parameters
        ----------
        process_group : torch.distributed.ProcessGroup, optional
            The processes that share the classes; None takes all.
        splits : sequence of int, optional
            How many classes each process holds; None splits evenly.

        Returns
        -------
        ShardedSoftmax
            With copies of this process's part of the parameters.
        """
        sharded = ShardedSoftmax(
            self.in_features, self.n_classes, bias=self.bias is not None, splits=splits,
            process_group=process_group, device=self.weight.device, dtype=self.weight.dtype,
        )  # fmt: skip
        sharded.load_state_dict(self.state_dict())
        return sharded

    def extra_repr(self) -> str:
        tied = ", tied" if self.tied else ""
        return f"{super().extra_repr()}, bias={self.bias is not None}{tied}"

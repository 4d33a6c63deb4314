"""Hidden states of any leading dimensions as rows."""

from torch import Tensor

from luce.errors import ShapeError


def as_rows(hidden: Tensor, in_features: int) -> Tensor:
    """Return hidden states (..., in_features) as rows (n, in_features), which may share memory."""
    if hidden.ndim == 0 or hidden.shape[-1] != in_features:
        raise ShapeError(
            f"hidden must have a last dimension of {in_features} (in_features), got shape"
            f" {tuple(hidden.shape)}. Pass a tensor of shape (..., {in_features})."
        )
    return hidden.reshape(-1, in_features)

"""A linear layer and the loss of its logits, of which a few rows exist at a time.

The engine under :func:`luce.losses.linear_cross_entropy` and its torch twin.
"""

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import FloatArray, as_linear_layer
from luce.losses.options import Scalars
from luce.losses.row_losses import space_of_tile, works_on_tiles, write_rows
from luce.losses.targets import Targets

WORKSPACE = 63_500_000  # bytes: "at most 64 MB" with what vectors of a number a row take
_FOR_TILES = 30_000_000  # bytes of it that options which the kernels do not know may take
_MOST_ROWS = 768  # more would gain nothing, and the copies of them would leave the cache
_PANEL, _TALL = 64, 6  # rows that the kernels work on side by side for logits, and for gradients


class Layer(NamedTuple):
    """A linear layer and its rows, as the kernels take them."""

    leading: tuple[int, ...]
    hidden: FloatArray  # (n, d), of whatever layout
    weight: FloatArray  # C-contiguous: (k, d), or (d, k) if transposed
    transposed: bool
    bias: FloatArray | None  # (k,)
    dtypes: tuple[np.dtype[Any], ...]  # of the three gradients

    @classmethod
    def of(cls, hidden: ArrayLike, weight: ArrayLike, bias: ArrayLike | None) -> "Layer":
        """Return the checked layer."""
        (h, w, b), dtypes = as_linear_layer(hidden, weight, bias)
        transposed = w.flags.f_contiguous and not w.flags.c_contiguous
        kept = np.ascontiguousarray(w.T if transposed else w)
        *leading, d = h.shape
        return cls(
            tuple(leading),
            h.reshape(prod(leading), d),
            kept,
            transposed,
            None if b is None else np.ascontiguousarray(b),
            dtypes,
        )

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.weight.shape[1 if self.transposed else 0])


class Gradients(NamedTuple):
    """The gradients while they are added up, in the dtype of the computation; None: not wanted."""

    hidden: FloatArray | None  # (n, d)
    weight: FloatArray | None  # (k, d)
    bias: NDArray[np.float64] | None  # (k,)

    @classmethod
    def of(
        cls, layer: Layer, *, hidden: bool = True, weight: bool = True, bias: bool = True
    ) -> "Gradients":
        """Return room for the gradients that are wanted."""
        n, d = layer.hidden.shape
        dtype, k = layer.weight.dtype, layer.classes
        return cls(
            np.empty((n, d), dtype) if hidden else None,
            np.empty((k, d), dtype) if weight else None,
            np.zeros(k) if bias and layer.bias is not None else None,
        )


@np.errstate(all="ignore")  # NaN and infinity are values here
def evaluate(
    layer: Layer,
    targets: Targets,
    scalars: Scalars,
    gradients: Gradients | None,
    workspace: int = WORKSPACE,
) -> NDArray[np.float64]:
    """Return the losses of the rows (n,), and fill the gradients if they are wanted.

    `workspace` is the number of bytes that logits and what is made of them may take.
    """
    n, d = layer.hidden.shape
    k = layer.classes
    losses = np.zeros(n)
    counting = np.flatnonzero((targets.own != 0) | (targets.spread != 0))
    if gradients is not None and gradients.hidden is not None and len(counting) < n:
        gradients.hidden[...] = 0
    if gradients is not None and gradients.weight is not None and not len(counting):
        gradients.weight[...] = 0
    tiled = kernels.simd() == "numpy" or works_on_tiles(targets, scalars)
    for_tiles = max(min(_FOR_TILES, workspace // 2), space_of_tile(k)) if tiled else 0
    parts = list(_portions(counting, k, d, layer.weight.itemsize, workspace - for_tiles))
    room = np.empty((len(parts[0]) if parts else 0, k), layer.weight.dtype)
    for number, rows in enumerate(parts):
        z = room[: len(rows)]  # (m, k)
        at = _as_slice(rows)
        tile = np.ascontiguousarray(layer.hidden[at])  # (m, d)
        kernels.linear(tile, layer.weight, layer.transposed, layer.bias, z)
        part = np.zeros(len(rows))
        grad = None if gradients is None else z
        write_rows(z, targets.part(at), scalars, part, grad, for_tiles)
        losses[at] = part
        if gradients is not None:
            y = None if targets.y is None else targets.y[at]
            _add_gradients(gradients, layer, tile, z, y, at, first=number == 0)
    return losses


def _add_gradients(
    gradients: Gradients,
    layer: Layer,
    tile: FloatArray,
    g: FloatArray,
    y: NDArray[np.int64] | None,
    at: slice | NDArray[np.intp],
    *,
    first: bool,
) -> None:
    """Add what some rows contribute, given the gradient in their logits, which is overwritten.

    What a label contributes is nearly 1 where all else is small: added in the middle of a sum of
    many classes or rows, it would round each of the later ones to its own last place. So it is
    left out of the products, and added to them once.
    """
    if gradients.bias is not None:
        np.add(gradients.bias, g.sum(axis=0, dtype=g.dtype), out=gradients.bias)
    if tile.shape[1] == 0:
        return
    of_label = None
    if y is not None:
        own = np.arange(len(y)), y
        of_label = g[own][:, None]  # (m, 1)
        g[own] = 0
    if gradients.hidden is not None:
        place = gradients.hidden[at] if isinstance(at, slice) else np.empty_like(tile)
        kernels.linear_grad_hidden(g, layer.weight, layer.transposed, place)
        if of_label is not None:
            place += of_label * (layer.weight[:, y].T if layer.transposed else layer.weight[y])
        if not isinstance(at, slice):
            gradients.hidden[at] = place
    if gradients.weight is not None:
        kernels.linear_grad_weight(g, tile, gradients.weight, not first)
        if of_label is not None and y is not None:
            _add_by_label(gradients.weight, of_label, tile, y)


def _add_by_label(
    out: FloatArray, factor: FloatArray, rows: FloatArray, y: NDArray[np.int64]
) -> None:
    """Add ``factor_i rows_i`` to ``out[y_i]``, of which several may be the same."""
    order = np.argsort(y, kind="stable")
    labels = y[order]
    starts = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    products = rows[order] * factor[order].astype(np.float64)  # (m, d)
    out[labels[starts]] += np.add.reduceat(products, starts, axis=0)


def _portions(
    rows: NDArray[np.intp], k: int, d: int, itemsize: int, space: int
) -> Iterator[NDArray[np.intp]]:
    """Split rows evenly into portions whose logits, and three copies of them, fit the space."""
    fitting = space // (itemsize * (k + 3 * d))
    most = max(1, min(_MOST_ROWS, fitting))
    count = -(-len(rows) // most)
    if count == 0:
        return
    even = -(-len(rows) // count)
    step = -(-even // _PANEL) * _PANEL
    if step > most:
        step = min(most, -(-even // _TALL) * _TALL)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _as_slice(rows: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return neighbouring rows as a slice: what it cuts out is not copied."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows

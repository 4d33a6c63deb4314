"""Losses of rows of logits with any target and any option, and their gradients.

Nearly all goes to the kernel. What it does not know is done here in float64, a tile at a time:
focal losses, the softcap of the logits, and distributions that are not in C order.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from luce import kernels
from luce._checks import FloatArray
from luce.functions.tiles import tiles
from luce.losses.options import Scalars
from luce.losses.rows import totals
from luce.losses.softcap import cap_slope, capped
from luce.losses.softmax_rows import SoftmaxRows
from luce.losses.targets import Targets

Doubles = NDArray[np.float64]

_WORTH_THREADS = 8  # tiles; fewer are done sooner than threads are started
_BYTES = 170  # for each number of a tile: up to 100 are alive, and the allocator keeps some more


def write_rows(
    z: FloatArray,
    targets: Targets,
    scalars: Scalars,
    loss: Doubles,
    grad: FloatArray | None,
    space: int | None = None,
) -> None:
    """Write the loss of each row of C-contiguous logits (n, k), and its gradient if wanted.

    `grad` may be `z`. A row's results depend on nothing but the row: rows may be handed over in
    any portions. `space` is the number of bytes that tiles may take on all threads together, as
    long as it is enough for one.
    """
    if not works_on_tiles(targets, scalars):
        _kernel_rows(z, targets, scalars, loss, grad)
        return

    def write(part: slice) -> None:
        with np.errstate(all="ignore"):
            tile, some = z[part].astype(np.float64, order="C"), targets.part(part)  # (rows, k)
            slopes = None if grad is None else np.empty(tile.shape)
            ready = tile if scalars.softcap is None else capped(tile, scalars.softcap)
            if scalars.gamma == 0:
                _kernel_rows(ready, some, scalars, loss[part], slopes)
            else:
                _focal_rows(ready, some, scalars, loss[part], slopes)
            if grad is not None and slopes is not None:
                if scalars.softcap is not None:
                    slope = cap_slope(tile, scalars.softcap)
                    nothing = (slopes == 0) | (np.isinf(slopes) & (slope == 0))
                    slopes = np.where(nothing, 0.0, slopes * slope)
                grad[part] = slopes

    over_tiles(write, len(z), z.shape[1], space)


def works_on_tiles(targets: Targets, scalars: Scalars) -> bool:
    """Whether `write_rows` needs memory beside the rows themselves."""
    return scalars.gamma != 0 or scalars.softcap is not None or not targets.in_order()


def space_of_tile(k: int) -> int:
    """Return the number of bytes that a tile takes at most."""
    rows: int = tiles(k, k)[0].stop
    return _BYTES * rows * k


def over_tiles(work: Callable[[slice], None], n: int, k: int, space: int | None = None) -> None:
    """Call ``work(rows)`` for all tiles of (n, k) logits, on all threads of luce if there are many.

    How rows are tiled depends on the sizes alone, and what a row gives on the row alone.
    """
    most = kernels.get_num_threads() if space is None else space // space_of_tile(k)
    over_parts(work, tiles(n, k), most)


def over_parts(work: Callable[[slice], None], parts: Sequence[slice], most: int) -> None:
    """Call ``work`` for all parts, on at most so many of luce's threads if there are many parts."""
    threads = min(kernels.get_num_threads(), len(parts), most)
    if threads < 2 or len(parts) < _WORTH_THREADS:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, parts):
            pass


def focal_slopes(rows: SoftmaxRows, gamma: float) -> Doubles:
    """Return ``(1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p``, a sum of positive terms.

    It is minus the derivative of the focal loss ``(1 - p)^gamma (-log p)`` in ``log p``.
    """
    rest = rows.rest()
    return rest**gamma * (1.0 + gamma * rows.surprise_over_rest(rest))


def z_slopes(rows: SoftmaxRows, z_weight: Doubles) -> Doubles:
    """Return the derivative of ``z_weight_i lse_i^2`` in ``lse_i``, as a column."""
    slope = np.where(z_weight == 0, 0.0, 2.0 * z_weight * rows.normaliser)
    return slope[:, None]


def _kernel_rows(
    z: FloatArray, targets: Targets, scalars: Scalars, loss: Doubles, grad: FloatArray | None
) -> None:
    z_weight = scalars.z_loss * targets.share if scalars.z_loss else None
    kernels.cross_entropy_rows(
        z, targets.given(), targets.own, targets.spread, targets.weight, loss, grad, z_weight,
        scalars.temperature,
    )  # fmt: skip


def _focal_rows(
    z: Doubles, targets: Targets, scalars: Scalars, loss: Doubles, grad: Doubles | None
) -> None:
    """Write ``sum_j t_ij (1 - p_ij)^gamma (-log p_ij) + z_weight_i lse_i^2`` of each row.

    0 * inf = 0, and a row whose `t` is all 0 gives zeros whatever it holds.
    """
    t, z_weight = targets.matrix(z.shape[1]), scalars.z_loss * targets.share
    rows = SoftmaxRows.of(z, scalars.temperature)
    surprise = np.abs(rows.log_p) * rows.rest() ** scalars.gamma
    squared = np.where(z_weight == 0, 0.0, z_weight * np.square(rows.normaliser))
    used = (t != 0).any(axis=1)  # (n,)
    loss[:] = np.where(used, totals(np.where(t == 0, 0.0, t * surprise)) + squared, 0.0)
    if grad is None:
        return
    slopes = rows.balanced(t * focal_slopes(rows, scalars.gamma), z_slopes(rows, z_weight))
    slopes[~used] = 0.0
    grad[:] = slopes if scalars.temperature == 1 else slopes / scalars.temperature

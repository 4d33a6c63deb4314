"""Losses of rows of logits with any target and any option, and their gradients.

Rows of labels go to the kernel. What it does not know (focal losses, z-losses, distributions)
is done here in float64, a tile at a time, and so are temperature and softcap.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from luce import kernels
from luce._checks import FloatArray
from luce.losses.options import Scalars
from luce.losses.rows import tiles, totals
from luce.losses.softcap import cap_slope, capped
from luce.losses.softmax_rows import SoftmaxRows
from luce.losses.targets import Targets

Doubles = NDArray[np.float64]

_WORTH_THREADS = 8  # tiles; fewer are done sooner than threads are started
_BYTES = 150  # for each number of a tile: up to 100 are alive, and the allocator keeps some more


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
        _labelled_rows(z, targets, loss, grad)
        return
    plain = _plain(targets, scalars)
    # A temperature would cost float64 logits digits here, but not in the general formula.
    labelled = plain and (z.dtype == np.float32 or scalars.softcap is not None)

    def write(part: slice) -> None:
        tile, some = z[part].astype(np.float64, order="C"), targets.part(part)  # (rows, k)
        slopes = None if grad is None else np.empty(tile.shape)
        ready = tile if scalars.softcap is None else capped(tile, scalars.softcap)
        with np.errstate(all="ignore"):
            if labelled:
                gap = ready - ready.max(axis=1, keepdims=True)
                _labelled_rows(gap / scalars.temperature, some, loss[part], slopes)
            else:
                _general_rows(ready, some, scalars, loss[part], slopes)
            if grad is not None and slopes is not None:
                grad[part] = _in_logits(slopes, tile, scalars)

    over_tiles(write, len(z), z.shape[1], space)


def works_on_tiles(targets: Targets, scalars: Scalars) -> bool:
    """Whether `write_rows` needs memory beside the rows themselves."""
    untouched = scalars.temperature == 1 and scalars.softcap is None
    return not (untouched and _plain(targets, scalars))


def space_of_tile(k: int) -> int:
    """Return the number of bytes that a tile takes at most."""
    rows: int = tiles(k, k)[0].stop
    return _BYTES * rows * k


def over_tiles(work: Callable[[slice], None], n: int, k: int, space: int | None = None) -> None:
    """Call ``work(rows)`` for all tiles of (n, k) logits, on all threads of luce if there are many.

    How rows are tiled depends on the sizes alone, and what a row gives on the row alone.
    """
    parts = tiles(n, k)
    threads = min(kernels.get_num_threads(), len(parts))
    if space is not None:
        threads = min(threads, space // space_of_tile(k))
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


def _plain(targets: Targets, scalars: Scalars) -> bool:
    """Whether it is the cross-entropy of labels that the kernel knows, in ``softcap(z) / T``."""
    return targets.y is not None and scalars.gamma == 0 and scalars.z_loss == 0


def _labelled_rows(z: FloatArray, some: Targets, loss: Doubles, grad: FloatArray | None) -> None:
    kernels.cross_entropy_rows(z, some.y, some.own, some.spread, some.weight, loss, grad)


def _general_rows(
    z: Doubles, targets: Targets, scalars: Scalars, loss: Doubles, slopes: Doubles | None
) -> None:
    _write_general(
        z,
        scalars.temperature,
        targets.matrix(z.shape[1]),
        scalars.z_loss * targets.share,
        scalars.gamma,
        loss,
        slopes,
    )


def _write_general(
    z: Doubles,
    temperature: float,
    t: Doubles,
    z_weight: Doubles,
    gamma: float,
    loss: Doubles,
    slopes: Doubles | None,
) -> None:
    """Write ``sum_j t_ij (1 - p_ij)^gamma (-log p_ij) + z_weight_i lse_i^2`` of each row.

    `slopes` receives the gradient in ``z / temperature``. 0 * inf = 0, and a row whose `t` is all
    0 gives zeros whatever it holds. A kernel may take the place of this function as it stands.
    """
    rows = SoftmaxRows.of(z, temperature)
    surprise = np.abs(rows.log_p)
    if gamma:
        surprise *= rows.rest() ** gamma
    squared = np.where(z_weight == 0, 0.0, z_weight * np.square(rows.normaliser))
    used = (t != 0).any(axis=1)  # (n,)
    loss[:] = np.where(used, totals(np.where(t == 0, 0.0, t * surprise)) + squared, 0.0)
    if slopes is None:
        return
    s = t * focal_slopes(rows, gamma) if gamma else t
    slopes[:] = rows.balanced(s, z_slopes(rows, z_weight))
    slopes[~used] = 0.0


def _in_logits(slopes: Doubles, z: Doubles, scalars: Scalars) -> Doubles:
    """Return the gradient in the logits, given that in ``softcap(z) / T``."""
    if scalars.softcap is not None:
        slopes = np.where(slopes == 0, 0.0, slopes * cap_slope(z, scalars.softcap))
    return slopes if scalars.temperature == 1 else slopes / scalars.temperature

"""Rows in panels, column after column: the layout in which one fused pass finds everything."""

import numpy as np

from luce import kernels
from luce.solvers.design import Doubles, Floats

_MOST_ROWS = 512  # of a panel
_PANEL_BYTES = 1 << 17  # a panel stays in the second cache between its logits and its gradient
_UNIT = 32  # rows: a panel has a multiple of them
_WIDEST = 256  # columns; of more, BLAS multiplies as fast
_LARGEST = 1 << 24  # numbers: 128 MB
_LINE = 64  # bytes


def panels_of(rows: Floats) -> Doubles | None:
    """Return rows (n, d) as panels (panels, d, wide), zeros after the last row.

    None where that would not pay: float32, many columns, or so many rows that a second copy would
    be a burden.
    """
    n, d = rows.shape
    if rows.dtype != np.float64 or d > _WIDEST or rows.size > _LARGEST or not rows.size:
        return None
    most = min(_MOST_ROWS, max(_UNIT, _PANEL_BYTES // (8 * d)))
    count = -(-n // most)
    wide = -(-n // (count * _UNIT)) * _UNIT
    count = -(-n // wide)
    panels = _on_a_line(count * d * wide).reshape(count, d, wide)
    kernels.to_panels(np.ascontiguousarray(rows), panels)
    return panels


def _on_a_line(size: int) -> Doubles:
    """Return an array that starts on a line of the cache: no vector then lies on two."""
    room = np.empty(size + _LINE // 8)
    start = (-room.__array_interface__["data"][0] % _LINE) // 8
    return room[start : start + size]

"""Numbers at which functions of one number lose digits."""

import numpy as np
from numpy.typing import DTypeLike, NDArray


def everywhere(dtype: DTypeLike, largest: float | None = None) -> NDArray:
    """Return numbers of both signs and every size up to `largest`, and many where curves bend."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(4)
    end = float(np.log(info.smallest_subnormal))  # beyond it exponentials are 0
    limit = np.log10(float(info.max)) - 1e-9 if largest is None else np.log10(largest)
    sizes = 10.0 ** rng.uniform(np.log10(float(info.tiny)), limit, 400)
    dense = [rng.uniform(end, -end, 600), rng.normal(0, 3, 600), rng.normal(0, 0.1, 200)]
    special = [info.tiny, info.smallest_subnormal, 0.5, 1, 2, -end, 1 - end, 20 - end]
    each = np.concatenate([sizes, *map(np.abs, dense), np.array(special, float)])
    each = each[each <= 10.0**limit]
    return np.concatenate([each, -each, [0.0]]).astype(dtype)


def probabilities(dtype: DTypeLike) -> NDArray:
    """Return numbers strictly between 0 and 1: near both ends, and near 1/2."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(5)
    tiny = 10.0 ** rng.uniform(np.log10(float(info.smallest_subnormal)), 0, 500)
    near_half = 0.5 + rng.choice([-1, 1], 500) * 10.0 ** rng.uniform(-18, -0.4, 500)
    near_one = 1 - 10.0 ** rng.uniform(-17, 0, 500)
    neighbours = 0.5 + 0.25 * float(info.eps) * np.arange(-9, 9)
    p = np.concatenate([rng.random(500), tiny, near_half, near_one, neighbours]).astype(dtype)
    return p[(p > 0) & (p < 1)]


def around(dtype: DTypeLike, temperature: float) -> NDArray:
    """Return some of `everywhere`, and numbers that the temperature brings to ordinary size."""
    x = everywhere(dtype)[::4]
    with np.errstate(over="ignore"):
        scaled = (x[np.abs(x) < 2000].astype(np.float64) * temperature).astype(dtype)
    return np.concatenate([x, scaled[np.isfinite(scaled)]])

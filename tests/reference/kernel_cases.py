"""Logits that need care, and a way to call any kernel."""

import numpy as np

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 3e38, -3e38, -1e9, 33e3, -33e3, 520.0, 1e-40, -104.0)


def logits(rows, classes, dtype, seed=0, special=0):
    """Return normal logits, some of them replaced by values that need care."""
    rng = np.random.default_rng(seed)
    z = (10 * rng.standard_normal((rows, classes))).astype(dtype)
    at = rng.integers(0, rows, special), rng.integers(0, classes, special)
    z[at] = rng.choice(np.array(SPECIAL, dtype), special)
    return z


def apply(core, name, z, axis=-1, temperature=1.0):
    """Return a kernel's result as a new array."""
    shape = list(z.shape)
    if name == "logsumexp":
        shape[axis] = 1
    out = np.full(shape, 7.0, z.dtype)
    getattr(core, name)(z, out, axis, temperature)
    return out

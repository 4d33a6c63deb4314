"""A quick test of the kernels in use, for ``luce doctor``."""

from typing import NamedTuple

import numpy as np

from luce.kernels import _numpy, dispatch


class Check(NamedTuple):
    """One thing that was tried."""

    name: str
    passed: bool


def self_test() -> list[Check]:
    """Compare the kernels in use with known values and with the NumPy twin, in well under 1 s."""
    return [
        Check("softmax of [-3, 2, -1, 0] is [.0057, .8390, .0418, .1135]", _known_values()),
        Check("float32 agrees with the NumPy twin", _agrees(np.dtype(np.float32))),
        Check("float64 agrees with the NumPy twin", _agrees(np.dtype(np.float64))),
        Check("the loss of a confident class is not rounded to 0", _keeps_small_losses()),
        Check("results smaller than the normal range are kept", _keeps_subnormals()),
        Check("the result does not depend on the number of rows", _same_bits()),
    ]


def _known_values() -> bool:
    p = np.empty((1, 4))
    dispatch.softmax(np.array([[-3.0, 2.0, -1.0, 0.0]]), p)
    return bool(np.allclose(p, [[0.0057, 0.8390, 0.0418, 0.1135]], rtol=0, atol=6e-5))


def _agrees(dtype: np.dtype[np.floating]) -> bool:
    z = (5 * np.random.default_rng(0).standard_normal((70, 130))).astype(dtype)
    got, expected = np.empty_like(z), np.empty_like(z)
    for name in ("softmax", "log_softmax"):
        for axis in (0, 1):
            getattr(dispatch, name)(z, got, axis)
            getattr(_numpy, name)(z, expected, axis)
            if not np.allclose(got, expected, rtol=8 * np.finfo(dtype).eps, atol=0):
                return False
    return True


def _keeps_small_losses() -> bool:
    log_p = np.empty((1, 2), np.float32)
    dispatch.log_softmax(np.array([[0.0, -40.0]], np.float32), log_p)
    return bool(np.allclose(log_p[0, 0], -np.exp(-40.0), rtol=1e-6, atol=0))


def _keeps_subnormals() -> bool:
    p = np.empty((1, 2), np.float32)
    dispatch.softmax(np.array([[0.0, -100.0]], np.float32), p)
    return bool(p[0, 1] > 0)


def _same_bits() -> bool:
    z = np.random.default_rng(1).standard_normal((33, 10)).astype(np.float32)
    together, alone = np.empty_like(z), np.empty_like(z)
    dispatch.softmax(z, together)
    for i in range(len(z)):
        dispatch.softmax(z[i : i + 1], alone[i : i + 1])
    return together.tobytes() == alone.tobytes()

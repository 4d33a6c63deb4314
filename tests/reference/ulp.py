"""How far a floating-point result is from the exact value, in units in the last place."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import DTypeLike, NDArray


def spacing(value: mpf, dtype: DTypeLike) -> mpf:
    """Return the distance of neighbouring numbers of the dtype at a value, itself exact.

    Below the smallest normal number it is that of the subnormals, so that a result flushed to 0
    costs as many ULP as it has lost steps.
    """
    info = np.finfo(dtype)
    _, exponent = mp.frexp(value)
    return mp.ldexp(1, max(int(exponent) - 1, int(info.minexp)) - info.nmant)


def ulp_error(got: float, exact: mpf, dtype: DTypeLike) -> float:
    """Return |got - exact| in units of the spacing of ``dtype`` at the exact value."""
    with mp.workdps(80):
        return float(abs(mpf(float(got)) - exact) / spacing(exact, dtype))


def ulp_errors_float32(got: NDArray, exact: NDArray) -> NDArray:
    """Return the `ulp_error` of each float32 result against exact values kept in float64."""
    _, exponent = np.frexp(exact)
    step = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 23)
    return np.abs(got.astype(np.float64) - exact) / step


def worst_ulp_error(got: Any, exact: Iterable[mpf], dtype: DTypeLike) -> float:
    """Return the largest `ulp_error` of an array of any shape against the exact values in order."""
    pairs = zip(np.ravel(got).tolist(), exact, strict=True)
    return max((ulp_error(one, value, dtype) for one, value in pairs), default=0.0)


def assert_within(bound: float, got: Any, exact: Iterable[mpf], dtype: DTypeLike) -> None:
    """Raise unless every element is finite and at most ``bound`` ULP from its exact value."""
    assert np.isfinite(got).all(), f"not finite: {got}"
    pairs = zip(np.ravel(got).tolist(), exact, strict=True)
    for place, (one, value) in enumerate(pairs):
        error = ulp_error(one, value, dtype)
        assert error <= bound, (
            f"element {place}: got {one!r}, exact {mp.nstr(value, 20)}:"
            f" {error:.2f} ULP of {np.dtype(dtype)}, promised {bound}"
        )


def assert_close(
    bound: float, got: Any, exact: Iterable[mpf], units: Iterable[mpf], dtype: DTypeLike
) -> None:
    """Raise unless every element is within ``bound`` ULP of its unit: where terms may cancel."""
    assert np.isfinite(got).all(), f"not finite: {got}"
    for place, (one, value, unit) in enumerate(
        zip(np.ravel(got).tolist(), exact, units, strict=True)
    ):
        with mp.workdps(1000):
            error = float(abs(mpf(float(one)) - value) / spacing(unit, dtype))
        assert error <= bound, (
            f"element {place}: got {one!r}, exact {mp.nstr(value, 20)}: {error:.2f} ULP of"
            f" {np.dtype(dtype)} at {mp.nstr(unit, 5)}, promised {bound}"
        )

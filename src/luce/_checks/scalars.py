"""Options that are one number, one name, or a source of random numbers."""

from collections.abc import Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Any

import numpy as np

from luce.errors import ParameterError


def as_finite(value: Any, name: str, least: float = -np.inf, most: float = np.inf) -> float:
    """Return a finite number between two bounds, both allowed."""
    number = as_number(value, name)
    if not (isfinite(number) and least <= number <= most):
        above = f" and at least {least:g}" if least > -np.inf else ""
        below = f" and at most {most:g}" if most < np.inf else ""
        raise ParameterError(
            f"{name} must be finite{above}{below}, got {value!r}. Pass a number in that range."
        )
    return number


def as_positive(value: Any, name: str) -> float:
    """Return a finite number above 0."""
    number = as_number(value, name)
    if not 0 < number < np.inf:
        raise ParameterError(
            f"{name} must be above 0 and finite, got {value!r}. Pass a number such as 1.0."
        )
    return number


def as_strength(value: Any, name: str, usual: str) -> float:
    """Return an option that is 0 where it is not wanted, and else a finite number above 0."""
    strength = as_number(value, name)
    if not 0 <= strength < np.inf:
        raise ParameterError(
            f"{name} must be 0 or more, and finite, got {value!r}. Usual values are {usual}."
        )
    return strength


def as_count(value: Any, largest: int, name: str) -> int:
    """Return a number of classes, from 1 to the largest there can be."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_whole and 1 <= value <= largest:
        return int(value)
    limit = f"an integer from 1 to {largest}" if largest < 2**53 else "an integer of at least 1"
    raise ParameterError(f"{name} must be {limit}, got {value!r}. Pass a number of classes.")


def as_whole(value: Any, name: str, least: int) -> int:
    """Return a whole number that is not below the least one allowed."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise ParameterError(
        f"{name} must be a whole number of at least {least}, got {value!r}. Pass such a number."
    )


def as_choice(value: Any, choices: Sequence[str], name: str) -> str:
    """Return one of the choices; a near miss is told which one it resembles."""
    if isinstance(value, str) and value in choices:
        return value
    listed = ", ".join(map(repr, choices))
    near = get_close_matches(str(value), choices, n=1)
    cure = f"Did you mean {near[0]!r}?" if near else "Choose one of them."
    raise ParameterError(f"{name} must be one of {listed}, got {value!r}. {cure}")


def as_temperature(value: Any) -> float:
    """Return a temperature that logits may be divided by."""
    temperature = as_number(value, "temperature")
    if not 0 < temperature < np.inf:
        raise ParameterError(
            f"temperature must be above 0 and finite, got {value!r}."
            " For the limit 0 take the argmax, for the limit infinity the uniform distribution."
        )
    return temperature


def as_alpha(value: Any) -> float:
    """Return a member of the entmax family."""
    alpha = as_number(value, "alpha")
    if not 1 <= alpha < np.inf:
        raise ParameterError(
            f"alpha must be 1 or more and finite, got {value!r}."
            " 1 is the softmax, 2 the sparsemax; for the limit infinity take the hardmax."
        )
    return alpha


def as_norm_order(value: Any) -> float:
    """Return the order of a norm, which is at least 1 and may be infinite."""
    order = as_number(value, "p")
    if not order >= 1:
        raise ParameterError(
            f"p must be at least 1, got {value!r}. Below 1 it is no norm, and no smooth maximum."
        )
    return order


def as_scale(value: Any) -> float:
    """Return what cosines are multiplied by."""
    scale = as_number(value, "scale")
    if not 0 < scale < np.inf:
        raise ParameterError(
            f"scale must be above 0 and finite, got {value!r}. Usual values are 16 to 64."
        )
    return scale


def as_generator(rng: Any) -> np.random.Generator:
    """Return a source of random numbers: the one given, or a new one from a seed or from None."""
    if isinstance(rng, np.random.Generator):
        return rng
    whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)
    if rng is None or (whole and rng >= 0):
        return np.random.default_rng(rng)
    raise ParameterError(
        f"rng must be a numpy.random.Generator, a seed of 0 or more, or None, got {rng!r}."
        " Pass rng=np.random.default_rng(seed)."
    )


def as_size(size: Any) -> tuple[int, ...]:
    """Return the shape of the draws from each row."""
    given = () if size is None else size if isinstance(size, tuple) else (size,)
    for one in given:
        whole = isinstance(one, (int, np.integer)) and not isinstance(one, bool)
        if not whole or not 0 <= one < 2**48:
            raise ParameterError(
                f"size must be a whole number in 0..2^48, a tuple of them, or None, got {size!r}."
                " Pass size=None for one draw from each row."
            )
    return tuple(int(one) for one in given)


def as_number(value: Any, name: str) -> float:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return _as_float64(value)
    raise ParameterError(f"{name} must be a number, got {value!r}. Pass a Python float.")


def _as_float64(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # of a Python integer
        return np.inf if value > 0 else -np.inf

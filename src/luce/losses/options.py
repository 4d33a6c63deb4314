"""The options of a cross-entropy, checked once; `linear_cross_entropy` takes the same."""

from functools import lru_cache
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from luce._checks import (
    as_choice,
    as_ignore_index,
    as_smoothing,
    as_softcap,
    as_strength,
    as_temperature,
)
from luce.losses.reduction import Reduction

WEIGHTINGS = ("class", "row")


class Scalars(NamedTuple):
    """The options that hold one value, as the caller may trust them."""

    weighting: str
    smoothing: float
    ignore_index: int | None
    temperature: float
    softcap: float | None
    z_loss: float
    gamma: float
    reduction: Reduction


class Options(NamedTuple):
    """All options; the weight of the classes is checked where their number is known."""

    weight: ArrayLike | None
    scalars: Scalars

    @classmethod
    def checked(cls, weight: ArrayLike | None, *given: Any) -> "Options":
        """Return the options, given in the order of `checked_scalars`, or say what is wrong."""
        return cls(weight, remembered_scalars(*given))


def checked_scalars(
    weighting: Any,
    label_smoothing: Any,
    ignore_index: Any,
    temperature: Any,
    softcap: Any,
    z_loss: Any,
    focal_gamma: Any,
    reduction: Any,
    normalizer: Any,
    empty: Any,
) -> Scalars:
    """Return the options that hold one value, or say what is wrong with one of them."""
    return Scalars(
        as_choice(weighting, WEIGHTINGS, "weighting"),
        as_smoothing(label_smoothing),
        as_ignore_index(ignore_index),
        as_temperature(temperature),
        as_softcap(softcap),
        as_strength(z_loss, "z_loss", "1e-5 to 1e-3"),
        as_strength(focal_gamma, "focal_gamma", "0.5 to 5"),
        Reduction.checked(reduction, normalizer, empty),
    )


# Ten checks take longer than a small loss. typed: True, 1 and 1.0 are not the same option.
_remembered = lru_cache(maxsize=256, typed=True)(checked_scalars)


def remembered_scalars(*given: Any) -> Scalars:
    """Return what `checked_scalars` returns, sooner if it was asked the same before."""
    try:
        return _remembered(*given)
    except TypeError:  # an option that cannot be hashed, or DtypeError
        return checked_scalars(*given)

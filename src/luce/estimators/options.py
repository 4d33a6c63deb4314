"""What the options of `SoftmaxRegression` may be, and the words for those that may not."""

from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from luce.errors import ParameterError
from luce.solvers import SCHEDULES

MINIBATCH = ("sgd", "adam")
BINARY_SOLVERS = ("auto", "newton", "lbfgs")
PENALTY_GROUPS = ("feature",)
SOLVERS = ("auto", "newton", "newton-cg", "lbfgs", *MINIBATCH)


def check_options(model: Any) -> None:
    """Raise a ParameterError that names the first option with an impossible value."""
    for name, required, kind, accepted in _NUMBERS:
        _number(name, getattr(model, name), required, kind, accepted)
    for name, required, kind, accepted in _NUMBERS_OR_NONE:
        if getattr(model, name) is not None:
            _number(name, getattr(model, name), f"{required} or None", kind, accepted)
    for name in ("fit_intercept", "warm_start", "correct_prior"):
        _check(name, getattr(model, name), "True or False", _is_bool)
    _one_of("solver", model.solver, SOLVERS)
    _one_of("schedule", model.schedule, SCHEDULES)
    _check_kink(model)
    _check("class_weight", model.class_weight, _CLASS_WEIGHTS, _is_class_weight)
    _check("callbacks", model.callbacks, "a list of callables or None", _are_callbacks)
    _check("random_state", model.random_state, "a whole number from 0 or None", _is_seed)


def check_number(name: str, value: Any, required: str, accepted: Callable[[Any], bool]) -> None:
    """Raise a ParameterError unless the option is a number that is accepted."""
    _number(name, value, required, Real, accepted)


def check_count(name: str, value: Any) -> None:
    """Raise a ParameterError unless the option is a whole number from 1."""
    _number(name, value, "a whole number from 1", Integral, lambda n: n >= 1)


def check_flag(name: str, value: Any) -> None:
    """Raise a ParameterError unless the option is True or False."""
    _check(name, value, "True or False", _is_bool)


def check_choice(name: str, value: Any, known: Collection[str]) -> None:
    """Raise a ParameterError unless the option is one of the names."""
    _one_of(name, value, known)


def check_class_weight(value: Any) -> None:
    """Raise a ParameterError unless the option can be a weight of each class."""
    _check("class_weight", value, _CLASS_WEIGHTS, _is_class_weight)


def check_binary_options(model: Any) -> None:
    """Raise a ParameterError for the first impossible option that OneVsRest and OneVsOne share."""
    check_number("C", model.C, "positive (np.inf for no penalty)", lambda c: c > 0)
    check_number("tol", model.tol, "positive", lambda t: 0 < t < np.inf)
    check_count("max_iter", model.max_iter)
    check_flag("fit_intercept", model.fit_intercept)
    check_choice("solver", model.solver, BINARY_SOLVERS)
    check_class_weight(model.class_weight)


def check_callbacks(value: Any) -> None:
    """Raise a ParameterError unless the option is a list of callables or None."""
    _check("callbacks", value, "a list of callables or None", _are_callbacks)


_Rule = tuple[str, str, type[Real] | type[Integral], Callable[[Any], bool]]

_NUMBERS: tuple[_Rule, ...] = (
    ("C", "positive (np.inf for no penalty)", Real, lambda c: c > 0),
    ("l1_ratio", "in [0, 1]", Real, lambda r: 0 <= r <= 1),
    ("tol", "positive", Real, lambda t: 0 < t < np.inf),
    ("max_iter", "a whole number from 1", Integral, lambda n: n >= 1),
    ("label_smoothing", "in [0, 1)", Real, lambda e: 0 <= e < 1),
    ("epochs", "a whole number from 1", Integral, lambda n: n >= 1),
    ("batch_size", "a whole number from 1", Integral, lambda n: n >= 1),
    ("momentum", "in [0, 1)", Real, lambda m: 0 <= m < 1),
    ("validation_fraction", "in [0, 1)", Real, lambda v: 0 <= v < 1),
)
_NUMBERS_OR_NONE: tuple[_Rule, ...] = (
    ("learning_rate", "positive", Real, lambda r: 0 < r < np.inf),
    ("clip_norm", "positive", Real, lambda r: 0 < r < np.inf),
    ("patience", "a whole number from 1", Integral, lambda n: n >= 1),
)
_CLASS_WEIGHTS = "None, 'balanced', or a dict of finite weights, none of them negative"


def _number(
    name: str,
    value: Any,
    required: str,
    kind: type[Real] | type[Integral],
    accepted: Callable[[Any], bool],
) -> None:
    def right(given: Any) -> bool:
        return not isinstance(given, bool) and isinstance(given, kind) and accepted(given)

    _check(name, value, required, right)


def _check(name: str, value: Any, required: str, right: Callable[[Any], bool]) -> None:
    if not right(value):
        raise ParameterError(f"{name} must be {required}, got {value!r}. Pass another {name}.")


def _one_of(name: str, value: Any, known: Collection[str]) -> None:
    if not (isinstance(value, str) and value in known):
        raise ParameterError(
            f"{name} must be one of {', '.join(known)}, got {value!r}. Pass {name}=..."
            " with one of these names."
        )


def _check_kink(model: Any) -> None:
    """Raise a ParameterError for options that do not go with an L1 penalty, or need one."""
    if model.penalty_groups is not None:
        _one_of("penalty_groups", model.penalty_groups, PENALTY_GROUPS)
        if model.l1_ratio == 0:
            raise ParameterError(
                f"penalty_groups must be None where l1_ratio is 0, got {model.penalty_groups!r}:"
                " the L2 penalty has no groups. Pass l1_ratio=1 for the group lasso."
            )
    if model.l1_ratio > 0 and model.solver != "auto":
        raise ParameterError(
            f"solver must be 'auto' where l1_ratio is above 0, got {model.solver!r} with"
            f" l1_ratio={model.l1_ratio:g}: it cannot make a coefficient zero. Pass solver='auto',"
            " which takes proximal Newton's method."
        )


def _is_bool(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _is_class_weight(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(w, Real) and 0 <= float(w) < np.inf for w in value.values())
    return value is None or (isinstance(value, str) and value == "balanced")


def _are_callbacks(value: Any) -> bool:
    # Not any iterable: a generator would be used up by the first entry.
    return value is None or (isinstance(value, Collection) and all(map(callable, value)))


def _is_seed(value: Any) -> bool:
    if isinstance(value, Integral):
        return 0 <= int(value) < 2**32
    return value is None or isinstance(value, np.random.RandomState)

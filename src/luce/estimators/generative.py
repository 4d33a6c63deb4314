"""What the generative classifiers share: priors, the gauge of their logits, and their twin."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.errors import ParameterError, ShapeError
from luce.estimators.softmax_regression import SoftmaxRegression

Doubles = NDArray[np.float64]

_SUM_TOLERANCE = 1e-8


def log_priors(given: ArrayLike | None, weight: Doubles, name: str) -> Doubles:
    """Return the logarithm of each class's prior: the one given, or its share of the weight.

    A class that no row has shown is impossible, whatever is given: of it nothing is known.
    """
    if given is None:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(weight) - np.log(weight.sum()))
    priors = np.asarray(given, dtype=np.float64)
    if priors.shape != weight.shape:
        raise ShapeError(
            f"{name} must hold one probability a class, {len(weight)}, got shape {priors.shape}."
            f" Give {name} in the order of the sorted classes."
        )
    if not (priors >= 0).all() or abs(priors.sum() - 1) > _SUM_TOLERANCE:
        raise ParameterError(
            f"{name} must be probabilities that sum to 1, got the sum {priors.sum():.10g} and the"
            f" smallest {priors.min():g}. Divide {name} by the sum."
        )
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.where(weight > 0, priors, 0.0)))


def one_row_for_two(values: Doubles) -> Doubles:
    """Return what distinguishes the classes: differences for two, else deviations from the mean.

    A vector added to the coefficients of all classes changes no probability; without it the
    logits are small, and keep their digits.
    """
    if len(values) == 2:
        return values[1:] - values[:1]
    known = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return np.asarray(values - values[known].mean(axis=0))


def softmax_regression(
    classes: NDArray[Any], coef: Doubles, intercept: Doubles, names: NDArray[Any] | None
) -> SoftmaxRegression:
    """Return a fitted `SoftmaxRegression` with these coefficients, as `fit` leaves it."""
    model = SoftmaxRegression()
    model.classes_ = classes
    model.coef_, model.intercept_ = coef, intercept
    model.n_features_in_ = coef.shape[1]
    if names is not None:
        model.feature_names_in_ = names
    return model

"""Fitting where the rows are: Dask's workers sum values, gradients and products of columns."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.class_weights import class_weights
from luce.estimators.partitions import Plan, column_names, merged, moments, partitions
from luce.estimators.standardised import Units, units_of_moments
from luce.solvers import Journal, Result, SummedSoftmax, summed_newton

Doubles = NDArray[np.float64]


class DistributedFit(NamedTuple):
    """What was learnt from partitions."""

    classes: NDArray[Any]
    names: NDArray[Any] | None
    measured: Units
    result: Result
    dtype: np.dtype[Any]
    log_weights: Doubles  # by how much class weights raise the logits
    mass: float  # of the rows, with class weights


def fit_partitions(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    strength: Callable[[float, int], float],
    journal: Journal,
) -> DistributedFit:
    """Minimise the function of `SoftmaxRegression` over the partitions of Dask collections.

    The first pass measures columns and classes; then each worker keeps its partitions as
    standardised float64 in memory, and every further pass sends out parameters and gets back sums.
    `strength` gives the penalty of the mean loss for a total weight and a number of classes.
    """
    check_options_for_partitions(model)
    blocks = partitions(X, y, sample_weight)
    measured_parts = list(blocks.each(moments))
    found = merged(measured_parts)
    k, mass = len(found.labels), found.mass
    of_class = np.ones(k)
    if model.class_weight is not None:
        of_class = class_weights(model.class_weight, found.labels, np.arange(k), found.counts)
    totals = of_class * found.counts
    if not 0 < totals.sum() < np.inf:
        raise ParameterError(
            f"the rows must have a positive finite weight in all, got {totals.sum()}. Give at least"
            " one class a weight."
        )
    total = float(totals.sum())
    measured = units_of_moments(
        found.mean,
        found.square / mass,
        found.low,
        np.maximum(np.abs(found.low), np.abs(found.high)),
        intercept=model.fit_intercept,
        strength=strength(total, k),
    )
    plan = Plan(found.labels, of_class / total, model.label_smoothing, measured)
    used = blocks.of([i for i, part in enumerate(measured_parts) if part.mass > 0])
    smoothed = (1 - model.label_smoothing) * totals / total + model.label_smoothing / k
    objective = SummedSoftmax(
        parts=used.prepared(plan),
        classes=k,
        penalty=measured.penalty,
        totals=smoothed,
        intercept=model.fit_intercept,
    )
    result = summed_newton(
        objective,
        np.zeros(objective.shape),
        tol=model.tol,
        max_iter=model.max_iter,
        journal=journal,
    )
    dtype = np.dtype(np.float32 if found.single else np.float64)
    known = (totals > 0) & (found.counts > 0)
    log_weights = np.log(np.where(known, of_class, 1.0))
    return DistributedFit(
        found.labels, column_names(X), measured, result, dtype, log_weights, total
    )


def check_options_for_partitions(model: Any) -> None:
    """Raise a ParameterError for what rows on many machines cannot have."""
    for name, only in (("solver", "auto"), ("l1_ratio", 0), ("warm_start", False)):
        given = getattr(model, name)
        if given != only:
            raise ParameterError(
                f"{name} must be {only!r} where X is a Dask collection, got {given!r}. Leave it"
                " out, or pass X in memory."
            )

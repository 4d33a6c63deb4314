"""Training in minibatches, with rows held out for early stopping."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from luce.solvers import Journal, LinearSoftmax, Result, Training, descend

Doubles = NDArray[np.float64]


def train_in_batches(
    model: Any, objective: LinearSoftmax, start: Doubles, journal: Journal
) -> Result:
    """Train by "sgd" or "adam"; value and gap of the result are those of all rows."""
    training = Training(
        method=model.solver,
        epochs=model.epochs,
        batch_size=model.batch_size,
        learning_rate=model.learning_rate,
        schedule=model.schedule,
        clip_norm=model.clip_norm,
        momentum=model.momentum,
        patience=model.patience,
        seed=model.random_state,
    )
    kept, held_out = _split(model, objective)
    result = descend(kept, start, training, held_out=held_out, journal=journal)
    return result if kept is objective else _judged(objective, result)


def _split(model: Any, objective: LinearSoftmax) -> tuple[LinearSoftmax, LinearSoftmax | None]:
    """Hold out rows of each class; none where a class is too small to be split."""
    n, counts = len(objective.targets.labels), np.bincount(objective.targets.labels)
    size = round(model.validation_fraction * n)
    classes = np.count_nonzero(counts)
    if size < classes or n - size < classes or counts[counts > 0].min() < 2:
        return objective, None
    kept, held_out = train_test_split(
        np.arange(n),
        test_size=size,
        stratify=objective.targets.labels,
        random_state=model.random_state,
    )
    return objective.only(kept), objective.only(held_out)


def _judged(objective: LinearSoftmax, result: Result) -> Result:
    """Return the result of some of the rows with its value and gap over all of them."""
    value, _ = objective.value_gradient(result.theta)
    proof = Journal(lower_bound=objective.dual_value(result.theta))
    return result._replace(
        value=value, gap=proof.relative_gap(value), lower_bound=proof.lower_bound
    )

"""Small problems of softmax regression, as the solver's objective and as the reference's."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from luce.solvers import DenseDesign, Labels, LinearSoftmax
from reference.softmax_regression import Problem, with_targets


def softmax_problem(
    seed: int,
    *,
    n: int = 40,
    d: int = 4,
    k: int = 3,
    penalty: float | NDArray[Any] = 0.1,
    smoothing: float = 0.0,
    intercept: bool = True,
    empty_rows: bool = False,
    tails: bool = False,
    signal: float = 1.0,
) -> LinearSoftmax:
    """Return a random problem: `d` counts the intercept; labels follow a random linear model."""
    random = np.random.default_rng(seed)
    rows = random.standard_t(1.2, (n, d)) if tails else random.normal(size=(n, d))
    if intercept:
        rows[:, -1] = 1
    noise = random.gumbel(size=(n, k))
    labels = (signal * rows @ random.normal(size=(d, k)) + noise).argmax(axis=1)
    labels[:k] = np.arange(k)  # every class is there
    weights = random.uniform(0.2, 3, n)
    if empty_rows:
        weights[k : n // 2] = 0
    rho = np.broadcast_to(np.asarray(penalty, float), (d,)).copy()
    rho[d - intercept :] = 0
    return LinearSoftmax(
        design=DenseDesign(np.ascontiguousarray(rows)),
        targets=Labels(labels.astype(np.int64), k, smoothing),
        weights=weights / weights.sum(),
        penalty=rho,
        intercept=intercept,
    )


def spelled_out(f: LinearSoftmax) -> Problem:
    """Return the same problem for the reference."""
    return with_targets(
        f.design.rows,
        f.targets.labels,
        f.classes,
        penalty=f.penalty,
        weights=f.weights,
        smoothing=f.targets.smoothing,
    )


def with_rows(f: LinearSoftmax, rows: NDArray[Any], **changes: Any) -> LinearSoftmax:
    """Return the problem with other rows."""
    return replace(f, design=DenseDesign(rows), **changes)


def softmax_problems() -> st.SearchStrategy[LinearSoftmax]:
    """Problems of all kinds: with and without intercept, smoothing, rows of weight 0."""
    return st.builds(
        softmax_problem,
        st.integers(0, 2**32 - 1),
        n=st.integers(5, 40),
        d=st.integers(1, 5),
        k=st.integers(2, 5),
        penalty=st.sampled_from([1e-3, 0.1, 3.0]),
        smoothing=st.sampled_from([0.0, 0.0, 0.1, 0.7]),
        intercept=st.booleans(),
        empty_rows=st.booleans(),
        tails=st.booleans(),
        signal=st.sampled_from([0.0, 1.0, 5.0]),
    )


def some_theta(f: LinearSoftmax, seed: int, size: float) -> NDArray[np.float64]:
    """Return parameters whose columns sum to 0."""
    theta = size * np.random.default_rng(seed).normal(size=f.shape)
    return theta - theta.mean(axis=0)

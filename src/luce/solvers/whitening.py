"""Approximate inverse Hessians that whiten: one matrix for all classes, or one for each class."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from luce.solvers.blocks import each
from luce.solvers.design import Rows
from luce.solvers.grams import weighted_grams
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax
from luce.solvers.sampled_grams import sampled_grams

_LARGEST_BLOCKS = 1 << 27  # numbers in all whitening matrices together: 1 GiB
_DRAWS_PER_COLUMN = 3
_SMALL = 64  # columns: to call for the division by each class costs more than to divide
_FEW_COLUMNS = 40  # all their products with each other cost less than to draw rows
_MOST_PRODUCTS = 1e9  # of two columns, one a row and class, that take no longer than draws
_DEAREST = 30.0  # passes over the rows that a factorisation may cost
_FLOOR = 1e-8  # of a column's squares: penalties below it are raised to it
_PASS_OF_SPARSE = 3.0  # times as long as a pass of as many operations over dense rows


class Metric(Protocol):
    """An approximate Hessian, of which only the division is asked."""

    def solve(self, gradient: Doubles) -> Doubles:
        """Return the step (k, d) that belongs to a gradient (k, d)."""
        ...


class SharedWhitening:
    """One matrix for all classes."""

    def __init__(self, gram: Doubles) -> None:
        self._factor = _cholesky(gram)

    def solve(self, gradient: Doubles) -> Doubles:
        return np.asarray(cho_solve(self._factor, gradient.T, check_finite=False).T)


class _SmallWhitening:
    """A small matrix for each class; all of them are divided by in two calls.

    What is kept are the inverses of the triangular factors: a product of one with its transpose
    has no negative eigenvalue, however it is rounded.
    """

    def __init__(self, grams: list[Doubles]) -> None:
        try:
            lower = np.linalg.cholesky(np.stack(grams))
        except LinAlgError:
            lower = np.stack([np.tril(_cholesky(gram, lower=True)[0]) for gram in grams])
        self._inverse = np.linalg.inv(lower)  # (k, d, d)

    def solve(self, gradient: Doubles) -> Doubles:
        half = self._inverse @ gradient[:, :, None]
        return np.asarray((half.transpose(0, 2, 1) @ self._inverse)[:, 0])


class _ClassWhitening:
    """A matrix for each class."""

    def __init__(self, grams: list[Doubles]) -> None:
        self._factors = list(each(_cholesky, grams))

    def solve(self, gradient: Doubles) -> Doubles:
        pairs = zip(self._factors, gradient, strict=True)
        return np.stack([cho_solve(factor, row, check_finite=False) for factor, row in pairs])


class _ScaledWhitening:
    r"""One matrix for all classes, with a factor for each: ``a_j G + diag(rho)``.

    With :math:`\mathrm{diag}(\rho)^{-1/2} G \, \mathrm{diag}(\rho)^{-1/2} = Q \Lambda Q^T` the
    inverses of all of them are :math:`\mathrm{diag}(\rho)^{-1/2} Q (a_j \Lambda + I)^{-1} Q^T
    \mathrm{diag}(\rho)^{-1/2}`: two products with Q for all classes together.
    """

    def __init__(self, gram: Doubles, penalty: Doubles, factors: NDArray[np.float64]) -> None:
        raised = np.maximum(penalty, _FLOOR * gram.diagonal() + np.finfo(float).tiny)
        root = np.sqrt(raised)
        values, vectors = eigh(gram / root / root[:, None], check_finite=False)
        self._basis = vectors / root[:, None]  # (d, d)
        self._bend = np.maximum(values, 0.0) * factors[:, None] + 1.0  # (k, d)

    def solve(self, gradient: Doubles) -> Doubles:
        return np.asarray((gradient @ self._basis / self._bend) @ self._basis.T)


class _Scaling:
    """The diagonal alone, where whole matrices would not fit."""

    def __init__(self, diagonal: Doubles) -> None:
        self._diagonal = diagonal

    def solve(self, gradient: Doubles) -> Doubles:
        return gradient / self._diagonal


def shared_whitening(objective: LinearSoftmax) -> Metric:
    """Return one matrix for all classes: the curvature where all of them are equally likely."""
    k = objective.classes
    share = (k - 1) / k**2  # p (1 - p) of equal probabilities
    if not matrices_pay(objective):
        return _scaling(share * objective.column_squares(), objective.penalty)
    return SharedWhitening(share * objective.gram() + np.diag(objective.penalty))


def class_matrices_fit(objective: LinearSoftmax, largest: int | None = None) -> bool:
    """Return whether a matrix for each class fits in memory, and is worth its price."""
    k, d = objective.shape
    return k * d * d <= (largest or _LARGEST_BLOCKS) and matrices_pay(objective)


def class_whitening(
    objective: LinearSoftmax, theta: Doubles, seed: int, *, largest: int | None = None
) -> Metric:
    """Return the curvature of each class at theta.

    That is its block of the Hessian, from a sample of rows; where there are too many classes for a
    matrix each - more than `largest` numbers in all, or 1 GiB -, the same matrix for all, brought
    to the size of each block; or the block's diagonal, where matrices do not fit or cost more than
    they save.
    """
    if class_matrices_fit(objective, largest):
        return whitening_by(class_grams(objective, theta, seed), objective.penalty)
    if matrices_pay(objective):
        return _scaled_whitening(objective, theta)
    p = objective.probabilities(objective.logits(theta))
    return _scaling(objective.class_squares(p), objective.penalty)


def _scaled_whitening(objective: LinearSoftmax, theta: Doubles) -> Metric:
    gram = objective.gram()
    return _ScaledWhitening(gram, objective.penalty, _traces(objective, theta) / np.trace(gram))


def _traces(objective: LinearSoftmax, theta: Doubles) -> Doubles:
    """Return the traces of the blocks of the Hessian, without holding the logits of all rows."""
    operand = objective.design.operand(theta)
    weights = objective.weights * objective.design.squares()

    def of_rows(rows: Rows) -> Doubles:
        p = objective.probabilities(rows.logits(operand), rows.part)
        return weights[rows.part] @ (p * (1.0 - p))

    traces = np.zeros(objective.classes)
    for found in objective.design.each(of_rows, objective.logit_bytes()):
        traces += found
    return traces


def _scaling(curvature: Doubles, penalty: Doubles) -> Metric:
    return _Scaling(curvature + penalty + np.finfo(float).tiny)


def matrices_pay(objective: LinearSoftmax) -> bool:
    """Return whether d x d matrices fit, and their factors cost no more than some passes."""
    k, d = objective.shape
    if d * d > _LARGEST_BLOCKS:
        return False
    stored, dense = objective.design.stored, len(objective) * d
    speed = 1.0 if stored == dense else _PASS_OF_SPARSE
    return d**3 / 3 <= _DEAREST * 4 * stored * k * speed


def class_grams(objective: LinearSoftmax, theta: Doubles, seed: int) -> list[Doubles]:
    """Return the blocks of the Hessian at theta without its penalty, one a class.

    Of all rows where there are few columns, else from a sample of them.
    """
    n, d = objective.design.shape
    p = objective.probabilities(objective.logits(theta))
    if objective.paneled and objective.classes * n * d * d <= _MOST_PRODUCTS:
        return list(weighted_grams(objective.design, objective.weights[:, None] * (p * (1.0 - p))))
    if d <= _FEW_COLUMNS:
        return _grams_of_all_rows(objective, p)
    draws = max(_DRAWS_PER_COLUMN * d, 2 * _DRAWS_PER_COLUMN * n // d)
    return sampled_grams(objective, p, draws, seed)


def _grams_of_all_rows(objective: LinearSoftmax, p: Floats) -> list[Doubles]:
    """Return ``sum_i s_i p_ij (1 - p_ij) x_i x_i^T`` of each class j.

    One product with all products of two columns side by side: each class by itself would take a
    copy of the rows.
    """
    k, d = objective.shape
    first, second = np.triu_indices(d)
    weights = objective.weights[:, None] * (p * (1.0 - p))  # (n, k)

    def of_rows(part: slice, x: Doubles) -> Doubles:
        columns = np.ascontiguousarray(x.T)
        products: Doubles = columns[first] * columns[second]
        return np.asarray(weights[part].T @ products.T)

    total = np.zeros((k, len(first)))
    for products in objective.design.each_dense(of_rows, 8 * len(first)):
        total += products
    grams = np.empty((k, d, d))
    grams[:, first, second] = grams[:, second, first] = total
    return list(grams)


def whitening_by(grams: list[Doubles], penalty: Doubles) -> Metric:
    """Return a matrix for each class: its gram and a diagonal penalty."""
    sums = [gram + np.diag(penalty) for gram in grams]
    return _SmallWhitening(sums) if len(penalty) <= _SMALL else _ClassWhitening(sums)


def _cholesky(matrix: Doubles, *, lower: bool = False) -> tuple[Doubles, bool]:
    jitter = 0.0
    diagonal = matrix.diagonal()
    while True:
        try:
            added = jitter * np.maximum(diagonal, diagonal.mean())
            shifted = matrix + np.diag(added)
            factor: tuple[Doubles, bool] = cho_factor(shifted, lower, check_finite=False)
            return factor
        except LinAlgError:
            jitter = max(10 * jitter, 1e-12)

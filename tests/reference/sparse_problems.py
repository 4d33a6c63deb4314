"""Problems of softmax regression with more columns than rows, sparse as texts are."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from luce.solvers import DenseDesign, Labels, LinearSoftmax, SparseDesign


def text_problem(
    seed: int,
    *,
    n: int = 80,
    m: int = 300,
    k: int = 4,
    penalty: float = 1e-2,
    intercept: bool = True,
) -> LinearSoftmax:
    """Return rows of a few common and many rare columns, each class with words of its own."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n) % k)
    chance = np.minimum(0.6, 3.0 / np.arange(1, m + 1)) + 0.01
    own = random.random((k, m)) < 0.1
    counts = random.poisson(chance * (1 + 4 * own[labels]))
    rows = counts / np.maximum(1, np.linalg.norm(counts, axis=1))[:, None]
    scale = np.sqrt(rows.var(axis=0)) + 1e-3
    matrix = sparse.csr_array(rows / scale)
    shift = rows.mean(axis=0) / scale if intercept else np.zeros(m)
    rho = np.append(penalty / scale**2, np.zeros(int(intercept)))
    weights = random.uniform(0.5, 2, n)
    design = SparseDesign(matrix, shift, intercept)
    targets = Labels(labels.astype(np.int64), k)
    return LinearSoftmax(design, targets, weights / weights.sum(), rho, intercept)


def in_full(f: LinearSoftmax) -> LinearSoftmax:
    """Return the same problem with its rows spelled out."""
    rows = np.concatenate(list(f.design.each_dense(lambda _, x: x, 0)))
    return replace(f, design=DenseDesign(rows))

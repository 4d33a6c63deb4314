"""Weight, mean and variance of each column in each class, exact however the rows are parted."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Doubles = NDArray[np.float64]

_BLOCK = 4096  # rows


class ClassMoments(NamedTuple):
    """What the rows of each class have in common; a class without rows has mean and square 0."""

    weight: Doubles  # (k,)
    mean: Doubles  # (k, d)
    square: Doubles  # (k, d) mean squared deviation from the mean of the class

    def merged(self, other: "ClassMoments") -> "ClassMoments":
        """Return the moments of the rows of both (Chan, Golub & LeVeque 1983)."""
        weight = self.weight + other.weight
        share = np.divide(other.weight, weight, out=np.zeros_like(weight), where=weight > 0)[
            :, None
        ]
        shift = other.mean - self.mean
        mean = self.mean + shift * share
        square = (1 - share) * self.square + share * other.square + share * (1 - share) * shift**2
        return ClassMoments(weight, mean, square)

    def total(self) -> "ClassMoments":
        """Return the moments of all rows, whatever their class: those of one class."""
        whole = ClassMoments(self.weight[:1], self.mean[:1], self.square[:1])
        for j in range(1, len(self.weight)):
            whole = whole.merged(ClassMoments(*(part[j : j + 1] for part in self)))
        return whole

    def within(self) -> Doubles:
        """Return the mean squared deviation of each column from the mean of its row's class."""
        pooled: Doubles = self.weight @ self.square / self.weight.sum()
        return pooled


def class_moments(X: Doubles, labels: NDArray[np.int64], weights: Doubles, k: int) -> ClassMoments:
    """Measure the rows in two passes: the means first, then the squares about them."""
    n, d = X.shape
    weight: Doubles = np.bincount(labels, weights, k).astype(np.float64)
    own = weights / weight[labels]
    members = csr_matrix((own, (labels, np.arange(n))), shape=(k, n))
    mean: Doubles = members @ X
    square = np.zeros((k, d))
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        apart = X[part] - mean[labels[part]]
        square += members[:, part] @ (apart * apart)
    return ClassMoments(weight, mean, square)

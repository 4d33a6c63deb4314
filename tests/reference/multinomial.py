"""Maximum likelihood of a multinomial model with 40 digits: Newton's method in mpmath."""

from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
DIGITS = 40


class Answer(NamedTuple):
    """The optimum against class 0; parameters class after class, each with all columns."""

    beta: Doubles  # (m,)
    covariance: Doubles  # (m, m) inverse Hessian
    sandwich: Doubles  # (m, m)
    log_likelihood: float  # without the penalty


def maximum_likelihood(
    rows: Doubles, labels: NDArray[Any], *, l2: float = 0.0, free: tuple[int, ...] = ()
) -> Answer:
    """Maximise; `l2` times half the squares of the coefficients is lost, but not those `free`."""
    with mp.workdps(DIGITS):
        k, d = int(labels.max()) + 1, rows.shape[1]
        x = [[mp.mpf(float(v)) for v in row] for row in rows]
        m = (k - 1) * d
        penalty = mp.matrix(m, m)
        for j in range(k - 1):
            for l in range(k - 1):
                for c in set(range(d)) - set(free):
                    penalty[j * d + c, l * d + c] = mp.mpf(l2) * ((j == l) - mp.mpf(1) / k)
        beta = mp.matrix(m, 1)
        for _ in range(60):
            gradient, hessian, _, _ = _at(x, labels, beta, k)
            gradient += penalty * beta
            step = mp.lu_solve(hessian + penalty, gradient)
            beta -= step
            if mp.norm(step) < mp.mpf(10) ** -30:
                break
        _, hessian, square, value = _at(x, labels, beta, k)
        inverse = (hessian + penalty) ** -1
        return Answer(
            _numpy(beta)[:, 0], _numpy(inverse), _numpy(inverse * square * inverse), float(value)
        )


def _at(x: Any, labels: NDArray[Any], beta: Any, k: int) -> tuple[Any, Any, Any, Any]:
    d, m = len(x[0]), (k - 1) * len(x[0])
    gradient, hessian, square, value = mp.matrix(m, 1), mp.matrix(m, m), mp.matrix(m, m), mp.mpf(0)
    for row, label in zip(x, labels, strict=True):
        z = [mp.mpf(0)] + [mp.fdot(row, beta[j * d : (j + 1) * d]) for j in range(k - 1)]
        total = mp.log(mp.fsum(map(mp.exp, z)))
        p = [mp.exp(v - total) for v in z]
        value += z[label] - total
        off = [p[j] - (label == j) for j in range(1, k)]
        score = mp.matrix([o * v for o in off for v in row])
        gradient += score
        square += score * score.T
        for j in range(k - 1):
            for l in range(k - 1):
                bend = p[j + 1] * ((j == l) - p[l + 1])
                for c in range(d):
                    for e in range(d):
                        hessian[j * d + c, l * d + e] += bend * row[c] * row[e]
    return gradient, hessian, square, value


def _numpy(matrix: Any) -> Doubles:
    return np.array(matrix.tolist(), dtype=float)

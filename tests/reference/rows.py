"""Rows of logits to test with: the hard ones by name, and strategies for the laws."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import DTypeLike, NDArray

LENGTHS = (1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 4097)
DTYPES = ("float32", "float64")

# Found by bench/worst_cases.py: what it was that erred, by how much.
FOUND = {
    "a sum of subnormal losers": [-712.51263] * 8 + [0.0],  # the twin's log_softmax, 5 ULP
    "logsumexp near its zero": [-0.55086522, -0.8547699],  # 30 ULP of the result
    "eight that round alike": [
        -3.5486262575645564, -3.5759205252459787, -3.579230475040428, -3.5761542262080366,
        -3.6051796410269437, -3.5486262575645586, -3.5840677861971577, -3.5906587875834366,
    ],  # softmax in float64, 2.7 ULP
    "three probabilities below powers of 2": [
        -3.4531621223107885, -2.715705155720257, 0.0037861613862714126,
    ],  # softmax in float64 on the twin, 2.9 ULP
}  # fmt: skip


def hard_rows(dtype: DTypeLike) -> dict[str, NDArray]:
    """Return rows on which softmax implementations lose digits, in the dtype."""
    rng = np.random.default_rng(20)
    big = float(np.finfo(dtype).max)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    last = float(np.log(np.finfo(dtype).tiny))  # exp of it is the smallest normal number
    # A plain sum rounds up each time one of these is added to 1, always by half a unit.
    half_up = np.log(0.51 * float(np.finfo(dtype).eps))
    rows = {f"N(0,{s}) of 1000": rng.normal(0, s, 1000) for s in (1, 3, 10, 30, 100)}
    rows |= {f"N(0,10) of {n}": rng.normal(0, 10, n) for n in LENGTHS}
    rows |= {f"confident by {d}": np.array([0.0, -d]) for d in (15, 16, 17, 20, 36, 40, 80)}
    return (
        {name: row.astype(dtype) for name, row in rows.items()}
        | {
            "confident among 1000": np.append(rng.normal(-60, 5, 999), 0).astype(dtype),
            "wide": rng.uniform(last, 0, 1000).astype(dtype),
            "subnormal results": np.append(rng.uniform(last - 16, last + 2, 200), 0).astype(dtype),
            "results below the subnormal": np.array([0, 2 * last, 1.2 * last], dtype),
            "N(0,1) around 1e8": (1e8 + rng.normal(0, 30, 300)).astype(dtype),
            "N(0,1) around -1e8": (-1e8 + rng.normal(0, 30, 300)).astype(dtype),
            "two at 1000": np.array([1000, 1000], dtype),
            "largest number": np.array([big, big, -big, 0, big / 2], dtype),
            "ends of the range": np.array([-big, big], dtype),
            "subnormal logits": np.array([tiny, -tiny, 0, 3 * tiny], dtype),
            "neighbours of 1": np.array([1, 1 + np.finfo(dtype).eps, 1], dtype),
            "all alike": np.full(1000, 0.3, dtype),
            "many alike and one above": np.append(np.zeros(999), 5).astype(dtype),
            "whole numbers": rng.integers(-9, 9, 500).astype(dtype),
            "some impossible": np.append([-np.inf] * 30, rng.normal(0, 9, 70)).astype(dtype),
            "one possible": np.array([-np.inf, 2, -np.inf], dtype),
            "two winners and many that round up": np.append([0, 0], np.full(999, half_up)).astype(
                dtype
            ),
            "winner, loser and many that round up": np.append(
                [0, -2.77], np.full(999, half_up - np.log(16))
            ).astype(dtype),
            "rising": np.linspace(-50, 50, 257).astype(dtype),
            "falling": np.linspace(50, -50, 257).astype(dtype),
            "introduction": np.array([0.6, -3.6, 18.9], dtype),
        }
        | {name: np.array(row, dtype) for name, row in FOUND.items()}
    )


def long_row(dtype: DTypeLike, n: int, levels: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return a row of n logits with few distinct values, these values, and which one is where.

    A reference needs each distinct value once only, however long the row.
    """
    rng = np.random.default_rng(n)
    values = np.unique(rng.normal(0, 3, levels).astype(dtype))
    which = rng.integers(0, len(values), n)
    return values[which], values, which


def logits(dtype: DTypeLike = "float64", *, size: int = 12, largest: float = 30.0):
    """Draw rows of 1 to `size` finite logits."""
    numbers = st.floats(-largest, largest, width=8 * np.dtype(dtype).itemsize)
    return hnp.arrays(dtype, st.integers(1, size), elements=numbers)


def tables(dtype: DTypeLike = "float64", *, rows: int = 5, size: int = 6, largest: float = 20.0):
    """Draw (n, k) logits with at least one row and two classes."""
    numbers = st.floats(-largest, largest, width=8 * np.dtype(dtype).itemsize)
    shape = st.tuples(st.integers(1, rows), st.integers(2, size))
    return hnp.arrays(dtype, shape, elements=numbers)


def problem(dtype: DTypeLike = "float64", *, n: int = 7, k: int = 5, spread: float = 4.0):
    """Return logits, labels, distributions and class weights."""
    rng = np.random.default_rng(8)
    z = rng.normal(0, spread, (n, k)).astype(dtype)
    q = rng.dirichlet(np.full(k, 0.5), n)
    return z, rng.integers(0, k, n), q, rng.uniform(0.2, 3, k)

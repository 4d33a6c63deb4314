import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.data.kinds import Kind
from luce.tasks.telling_columns import leaks, told_alone


def _slow(values, labels):
    """Each row guessed by the other rows with its value, one by one."""
    right = 0
    for i, (value, label) in enumerate(zip(values, labels, strict=True)):
        others = [
            b for j, (a, b) in enumerate(zip(values, labels, strict=True)) if a == value and j != i
        ]
        counts = {other: others.count(other) for other in set(others)}
        best = counts.get(label, 0)
        right += best > max((n for other, n in counts.items() if other != label), default=0)
    return right / len(labels)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), min_size=1, max_size=40))
def test_it_is_the_guess_of_the_other_rows(rows):
    values, labels = [value for value, _ in rows], np.array([label for _, label in rows])
    got = told_alone(pl.Series("c", values), Kind.CATEGORY, labels)
    assert got == pytest.approx(_slow(values, labels.tolist()))


def test_identifiers_tell_nothing_and_copies_tell_all():
    labels = np.random.default_rng(0).integers(3, size=300)
    names = pl.Series("id", [f"row {i}" for i in range(300)])
    assert told_alone(names, Kind.CATEGORY, labels) == 0
    assert told_alone(pl.Series("copy", labels * 10), Kind.NUMBER, labels) == 1
    assert told_alone(names, Kind.TEXT, labels) is None
    noise = np.random.default_rng(1).normal(size=300)
    assert told_alone(pl.Series("noise", noise), Kind.NUMBER, labels) < 0.5


def test_a_counter_of_sorted_rows_leaks():
    labels = np.repeat(np.arange(4), 500)
    alone = told_alone(pl.Series("n", np.arange(2000) * 1.5), Kind.NUMBER, labels)
    assert leaks(alone, 0.25)
    assert not leaks(0.9, 0.25)
    assert not leaks(1.0, 1.0)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.errors import DataError
from luce.tasks.splits import stratified_split

targets = st.lists(st.integers(2, 30), min_size=2, max_size=6).flatmap(
    lambda counts: st.permutations(
        [label for label, count in enumerate(counts) for _ in range(count)]
    )
)


@given(targets, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_every_class_is_in_both_parts_by_its_share(target, fraction, seed):
    target = np.asarray(target)
    split = stratified_split(target, fraction, seed)
    both = np.sort(np.concatenate(split))
    np.testing.assert_array_equal(both, np.arange(len(target)))
    for label, count in zip(*np.unique(target, return_counts=True), strict=True):
        held_out = np.sum(target[split.valid] == label)
        assert 1 <= held_out <= count - 1
        assert abs(held_out - fraction * count) <= 1


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    target = np.repeat([0, 1, 2], 50)
    first, same, other = (stratified_split(target, 0.2, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.valid, same.valid)
    assert not np.array_equal(first.valid, other.valid)


def test_labels_may_be_text():
    target = np.array(["b", "a", "b", "a", "a"], dtype=object)
    assert set(target[stratified_split(target, 0.2, 0).valid]) == {"a", "b"}


def test_a_class_with_one_row_is_named():
    with pytest.raises(DataError, match=r"'rare' has only row 3") as refusal:
        stratified_split(np.array(["a", "a", "rare", "b", "b"], dtype=object), 0.2, 0)
    assert "--valid FILE" in str(refusal.value)

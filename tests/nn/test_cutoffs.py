import itertools

import numpy as np
import pytest

from luce.errors import ParameterError
from luce.nn import CostModel, best_cutoffs

pytestmark = pytest.mark.once

COST = CostModel(call=1e-8, product=1e-10, logit=2e-9, row=1e-11, weight=1e-10)


def time_of(cutoffs, counts, features, rows, div_value):
    """The cost of the docstring, written out."""
    share = np.sort(counts)[::-1] / counts.sum()
    k, edges = len(counts), [*cutoffs, len(counts)]
    if not cutoffs:
        return float(COST.seconds(rows, features, k))
    total = COST.seconds(rows, features, cutoffs[0] + len(cutoffs))
    for j, (start, stop) in enumerate(itertools.pairwise(edges), 1):
        width, part = max(1, int(features // div_value**j)), rows * share[start:stop].sum()
        total = total + COST.seconds(part, width, stop - start)
        if width != features:
            total = total + COST.seconds(part, features, width)
    return float(total)


@pytest.mark.parametrize("div_value", [1.0, 4.0])
@pytest.mark.parametrize("rows", [4, 300])
@pytest.mark.parametrize("most", [1, 3])
def test_no_other_cutoffs_are_cheaper(div_value, rows, most):
    # Calls cost little, so that several clusters pay even among a few classes.
    counts = np.random.default_rng(2).permutation(1000 / np.arange(1, 15) ** 2)
    found = best_cutoffs(
        counts, 32, COST, rows=rows, div_value=div_value, max_clusters=most, candidates=1000
    )
    every = [cut for many in range(most + 1) for cut in itertools.combinations(range(1, 14), many)]
    times = {cut: time_of(cut, counts, 32, rows, div_value) for cut in every}
    assert found.seconds == pytest.approx(min(times.values()), rel=1e-12)
    assert times[found.cutoffs] == pytest.approx(found.seconds, rel=1e-12)
    assert found.full_seconds == pytest.approx(times[()], rel=1e-12)


def test_classes_that_are_equally_frequent_are_not_cut_without_a_gain_in_width():
    even = best_cutoffs(np.ones(50), 8, CostModel(1e-3, 1e-10, 1e-9, 1e-9, 1e-9))
    assert even.cutoffs == ()
    assert even.seconds == even.full_seconds


def test_the_head_has_at_least_the_asked_number_of_classes():
    counts = 1 / np.arange(1, 2001)
    free = best_cutoffs(counts, 64, COST, rows=700)
    bound = best_cutoffs(counts, 64, COST, rows=700, least_head=500)
    assert free.cutoffs[0] < 500 <= bound.cutoffs[0]
    assert bound.seconds > free.seconds
    assert best_cutoffs(counts, 64, COST, least_head=2000).cutoffs == ()


def test_counts_need_not_be_sorted_nor_positive():
    counts = 1 / np.arange(1, 501)
    shuffled = np.random.default_rng(0).permutation(counts)
    assert best_cutoffs(counts, 64, COST) == best_cutoffs(shuffled, 64, COST)
    assert np.isfinite(best_cutoffs(np.zeros(20), 64, COST).seconds)


@pytest.mark.parametrize("name", ["max_clusters", "least_head", "candidates"])
def test_impossible_limits_are_refused(name):
    with pytest.raises(ParameterError, match=name):
        best_cutoffs(np.ones(5), 8, COST, **{name: 0})

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from luce.errors import DataError
from luce.metrics import auroc

pytestmark = pytest.mark.once

scores = st.lists(st.integers(0, 6), min_size=1, max_size=40)


@given(scores, scores)
def test_it_is_scikit_learns_also_with_ties(inside, outside):
    truth = [1] * len(inside) + [0] * len(outside)
    value, low, high = auroc(inside, outside)
    assert value == pytest.approx(roc_auc_score(truth, inside + outside), abs=1e-12)
    if min(len(inside), len(outside)) > 1:
        assert 0 <= low <= value <= high <= 1
    else:
        assert math.isnan(low)


def test_the_interval_holds_the_truth_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    truth = 0.5 * (1 + math.erf(1 / 2))  # two normals of distance 1
    held = 0
    for _ in range(400):
        _, low, high = auroc(rng.normal(size=60) + 1, rng.normal(size=90))
        held += low <= truth <= high
    assert 0.92 < held / 400 < 0.98


def test_nan_is_refused():
    with pytest.raises(DataError, match="outside must be a list of scores"):
        auroc([1.0], [np.nan])

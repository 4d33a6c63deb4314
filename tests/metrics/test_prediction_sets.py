import numpy as np
import pytest

from luce.errors import DtypeError, LabelError, ShapeError
from luce.metrics import set_coverage, set_coverage_of_classes, set_size, wilson_interval

pytestmark = pytest.mark.once

SETS = np.array([[True, True, False], [False, True, False], [False, False, False], [True] * 3])
LABELS = np.array([0, 0, 1, 1])


def test_by_hand():
    assert set_coverage(LABELS, SETS) == wilson_interval(2, 4)
    assert set_coverage_of_classes(LABELS, SETS) == [
        wilson_interval(1, 2),
        wilson_interval(1, 2),
        None,
    ]
    sizes = set_size(SETS)
    assert sizes.mean.value == 1.5
    assert sizes.counts.tolist() == [1, 1, 1, 1]


def test_what_is_no_set_is_refused():
    with pytest.raises(DtypeError, match="True and False"):
        set_size(SETS.astype(float))
    with pytest.raises(ShapeError, match="rows, classes"):
        set_size(SETS[0])
    with pytest.raises(LabelError):
        set_coverage([0, 1, 2, 3], SETS)

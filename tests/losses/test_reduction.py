import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mpmath import mp, mpf
from numpy.testing import assert_array_equal

from luce.errors import DataError, ParameterError
from luce.losses.reduction import Reduction, added

pytestmark = pytest.mark.once

LOSSES = np.array([1.0, 2.5, 0.0])


def test_none_sum_and_mean():
    for kind, total, expected in (("none", 2, LOSSES), ("sum", 2, 3.5), ("mean", 2, 1.75)):
        how = Reduction.checked(kind, None, "nan")
        divisor = how.divisor(total, 3)
        got = how.reduced(LOSSES / divisor, divisor)
        assert_array_equal(got, expected)
        assert isinstance(got, np.ndarray if kind == "none" else np.float64)


def test_none_of_a_single_row_is_a_scalar():
    assert isinstance(Reduction("none").reduced(np.array(1.5), 1.0), np.float64)


def test_a_normalizer_replaces_the_count():
    how = Reduction.checked("mean", 7, "raise")
    assert how.divisor(3, 3) == 7
    assert how.divisor(0, 0) == 7
    assert how.reduced(np.empty(0), 7.0) == 0


@pytest.mark.parametrize(("empty", "expected"), [("nan", np.nan), ("zero", 0.0)])
def test_a_mean_of_nothing(empty, expected):
    how = Reduction.checked("mean", None, empty)
    divisor = how.divisor(0, 3)
    assert divisor == np.inf
    assert_array_equal(how.reduced(np.zeros(3), divisor), expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [(0, "got no rows (empty='raise'). Leave such"), (3, "got 3 rows, all ignored or of weight 0")],
)
def test_a_mean_of_nothing_may_be_refused(rows, message):
    how = Reduction.checked("mean", None, "raise")
    with pytest.raises(DataError) as raised:
        how.divisor(0, rows)
    assert message in str(raised.value)
    assert how.divisor(2, rows) == 2


@pytest.mark.parametrize("empty", ["nan", "zero", "raise"])
@pytest.mark.parametrize("kind", ["none", "sum"])
def test_sums_and_rows_are_never_empty(kind, empty):
    how = Reduction.checked(kind, None, empty)
    assert how.divisor(0, 0) == 1
    assert_array_equal(how.reduced(np.empty(0), 1.0), 0 if kind == "sum" else np.empty(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("men", None, "nan"), "reduction must be one of 'none', 'sum', 'mean', got 'men'. Did"),
        (("mean", None, "skip"), "empty must be one of 'nan', 'zero', 'raise', got 'skip'."),
        (("mean", None, None), "empty must be one of"),
        (("sum", 3, "nan"), "normalizer must be None for reduction='sum', got 3."),
        (("none", 3.0, "nan"), "normalizer must be None for reduction='none', got 3.0."),
        (("mean", 0, "nan"), "normalizer must be above 0 and finite, got 0."),
        (("mean", -1.0, "nan"), "normalizer must be above 0 and finite, got -1.0."),
        (("mean", np.inf, "nan"), "normalizer must be above 0 and finite, got inf."),
        (("mean", np.nan, "nan"), "normalizer must be above 0 and finite, got nan."),
        (("mean", "3", "nan"), "normalizer must be a number, got '3'."),
        (("mean", True, "nan"), "normalizer must be a number, got True."),
    ],
)
def test_impossible_options_are_told(options, message):
    with pytest.raises(ParameterError) as raised:
        Reduction.checked(*options)
    assert message in str(raised.value)


@given(hnp.arrays(np.float64, st.integers(0, 200), elements=st.floats(0, 1e300)))
def test_sums_lose_nothing_worth_naming(values):
    with mp.workdps(60):
        exact = mp.fsum(mpf(float(one)) for one in values)
    assert abs(added(values) - exact) <= 1e-15 * exact


@pytest.mark.parametrize("n", [3, 300])
def test_sums_beyond_the_range_and_of_infinities(n):
    assert added(np.full(n, 1.7e308)) == np.inf
    assert added(np.append(np.ones(n), np.inf)) == np.inf
    assert np.isnan(added(np.append(np.ones(n), np.nan)))
    assert np.isnan(added(np.append(np.ones(n), [np.inf, -np.inf])))

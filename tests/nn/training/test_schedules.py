import pytest

from luce.nn.training.schedules import SCHEDULES

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", (1.0, 1.0, 1.0)),
        ("linear", (1.0, 0.5, 0.0)),
        ("cosine", (1.0, 0.5, 0.0)),
        ("step", (1.0, 0.1, 0.01)),
        ("one-cycle", (0.04, 0.811745, 0.0)),
    ],
)
def test_values_at_begin_middle_and_end(name, values):
    found = tuple(SCHEDULES[name](progress) for progress in (0.0, 0.5, 1.0))
    assert found == pytest.approx(values, abs=1e-6)


def test_one_cycle_is_highest_where_the_arcs_meet():
    cycle = SCHEDULES["one-cycle"]
    values = [cycle(i / 1000) for i in range(1000)]
    assert max(values) == pytest.approx(1.0)
    assert values.index(max(values)) == 300

import pytest

from luce.tasks.explaining.crossings import beyond

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("boundary", "upward", "slack", "value"),
    [
        (3.14159, True, 1.0, 4.0),
        (3.14159, True, 0.01, 3.15),
        (3.14159, False, 0.01, 3.14),
        (-3.14159, True, 0.01, -3.14),
        (1234567.8, True, 100.0, 1234600.0),
    ],
)
def test_it_is_the_shortest_number_beyond(boundary, upward, slack, value):
    assert beyond(boundary, upward, slack, lambda _: True) == value


def test_what_does_not_hold_is_passed_over():
    assert beyond(3.14159, True, 1.0, lambda value: value < 3.2) == 3.15


def test_past_all_digits_it_goes_on_by_steps_that_double():
    threshold = 1.0 + 1e-9
    value = beyond(1.0, True, 0.0, lambda v: v > threshold)
    assert value is not None
    assert threshold < value < 1.0 + 1e-8
    assert beyond(1.0, True, 0.0, lambda _: False) is None

import pytest

from luce.server.tickets import Tickets

pytestmark = pytest.mark.once


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_ticket_is_good_once():
    tickets = Tickets()
    one, other = tickets.issue(), tickets.issue()
    assert one != other
    assert [tickets.spend(shown) for shown in (one, one, other, "", "no", "\udcff")] == [
        True,
        False,
        True,
        False,
        False,
        False,
    ]


def test_a_ticket_is_not_good_for_long():
    clock = Clock()
    tickets = Tickets(60, clock)
    early, late = tickets.issue(), tickets.issue()
    clock.now = 159.9
    assert tickets.spend(early)
    clock.now = 160.0
    assert not tickets.spend(late)


def test_what_is_too_old_takes_no_room():
    clock = Clock()
    tickets = Tickets(60, clock)
    for _ in range(5):
        tickets.issue()
        clock.now += 100
    assert len(tickets._ends) == 1

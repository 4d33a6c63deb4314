"""Refusals are said in their order: at once while they are few, at a pace when they are many."""

from importlib import import_module
from types import SimpleNamespace

import pytest

from luce.server.turning_away import Line

pytestmark = pytest.mark.once
module = import_module("luce.server.turning_away")


class Connection:
    def __init__(self, said):
        self.said = said

    def turn_away(self):
        self.said.append(self)


class Clock:
    """A clock, and a loop whose timers run when the clock is put forward."""

    def __init__(self, monkeypatch):
        self.now, self.timers = 1000.0, []
        # The clock of this module alone: the loops of other servers live by the real one.
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        loops = SimpleNamespace(get_running_loop=lambda: self)
        monkeypatch.setattr(module, "asyncio", loops)

    def call_later(self, delay, act):
        self.timers.append((self.now + delay, act))
        return self.timers[-1]

    def advance(self, seconds):
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:  # there is one at a time
            self.now, act = self.timers.pop(0)
            act()
        self.now = end


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def joined(line, count):
    said = []
    crowd = [Connection(said) for _ in range(count)]
    for one in crowd:
        line.join(one)
    return crowd, said


def test_few_are_turned_away_at_once(clock):
    line = Line()
    for _ in range(3):
        crowd, said = joined(line, 20)
        assert said == crowd
        clock.advance(1.0)
    assert not clock.timers  # nothing goes on for nobody


def test_many_wait_in_their_order_and_are_turned_away_at_a_pace(clock):
    line = Line()
    crowd, said = joined(line, 500)
    at_once = len(said)
    assert at_once == module._AT_ONCE
    clock.advance(0.25)
    assert len(said) - at_once == pytest.approx(0.25 * module._A_SECOND, abs=20)
    clock.advance(1.0)
    assert said == crowd
    assert len(line) == 0


def test_nobody_waits_much_longer_than_retry_after_says(clock):
    line = Line()
    crowd, said = joined(line, 20_000)
    turns, before = [], len(said)
    while len(line):
        clock.advance(module._TICK)
        turns.append(len(said) - before)
        before = len(said)
    assert said == crowd
    assert len(turns) * module._TICK == pytest.approx(module._LONGEST, abs=3 * module._TICK)
    assert max(turns) < 250  # no clump, also not of the last ones
    clock.advance(module._TICK)
    line.join(Connection(said))
    assert len(said) == 20_001  # who comes then finds no line


def test_those_who_join_do_not_slow_the_others_down(clock):
    line = Line()
    _, said = joined(line, 4000)
    for _ in range(500):
        clock.advance(0.001)
        line.join(Connection([]))
    assert len(said) > 1500  # and 440 at the pace of a short line


def test_who_does_not_wait_for_its_turn_takes_that_of_others(clock):
    line = Line()
    crowd, said = joined(line, 500)
    for one in crowd[100:]:
        line.hurry(one)
    assert said == crowd[:40] + crowd[100:]
    clock.advance(0.04)
    assert len(said) == 440
    clock.advance(0.04)  # but not more than a few
    assert 440 < len(said) < 500
    clock.advance(module._LONGEST)
    assert len(line) == 0


def test_who_has_gone_leaves_the_line(clock):
    line = Line()
    crowd, said = joined(line, 100)
    for one in crowd[50:]:
        line.leave(one)
    line.leave(crowd[0])  # who is not in the line does no harm
    clock.advance(5.0)
    assert said == crowd[:50]

"""Refusals in the order of their requests, at a pace at which they cost the others nothing.

A crowd that asks again as soon as it is refused would take, for its refusals, the time that the
answers of the others need: the more of them, the fewer answers. So a refusal is said at once only
while few have been said; else its client waits in a line, which costs nothing but its place, for no
longer than ``Retry-After`` says. A client that comes back after that time finds no line.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Protocol

from luce.server.security import RETRY_AFTER

_A_SECOND = 800  # refusals, each of which takes about 50 microseconds: a 25th of the time; more
# only while more than that wait: as many as waited at most, so that nobody waits longer than ...
_AT_ONCE = 40.0  # that may come at a time without waiting
_LONGEST = RETRY_AFTER  # ... these seconds
_MOST_SAID = 2 * _AT_ONCE  # are remembered: those before their turn delay the others by 50 ms
_TICK = 0.01  # seconds between two looks at it


class Waiting(Protocol):
    """A connection to which a refusal is owed."""

    def turn_away(self) -> None:
        """Say it; the connection has left the line."""


class Line:
    """The connections to which refusals are owed."""

    def __init__(self) -> None:
        self._line: OrderedDict[Waiting, float] = OrderedDict()  # since when
        self._most = 0  # that have waited together since the line was empty
        self._said = 0.0  # lately: falls by _A_SECOND in a second, or by more
        self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._line)

    def join(self, connection: Waiting) -> None:
        """Turn a connection away, in its turn."""
        self._settle()
        if not self._line and self._said < _AT_ONCE:
            self._said += 1
            connection.turn_away()
            return
        self._line[connection] = self._looked
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._look)

    def leave(self, connection: Waiting) -> None:
        """Forget a connection, if it is in the line."""
        self._line.pop(connection, None)

    def hurry(self, connection: Waiting) -> None:
        """Turn a connection that is in the line away before its turn; the others wait for it."""
        del self._line[connection]
        self._said = min(self._said + 1, _MOST_SAID)
        connection.turn_away()

    def _look(self) -> None:
        self._timer = None
        self._settle()
        while self._line:
            connection, since = next(iter(self._line.items()))
            if self._said >= _AT_ONCE and self._looked < since + _LONGEST:
                break
            self.hurry(connection)
        if self._line and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._look)

    def _settle(self) -> None:
        # By the present length the line would thin out ever more slowly, and what is left of it
        # would go in one turn of the event loop when its time is over.
        self._most = max(self._most, len(self._line)) if self._line else 0
        now, pace = time.monotonic(), max(_A_SECOND, self._most / _LONGEST)
        lately = self._said - pace * (now - self._looked)
        self._said, self._looked = max(-float(len(self._line)), lately), now

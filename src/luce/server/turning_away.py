"""Refusals in the order of their requests, at a pace at which they cost the others nothing.

A crowd that asks again as soon as it is refused would take, for its refusals, the time that the
answers of the others need: the more of them, the fewer answers. So a refusal is said at once only
while few have been said; else its client waits in a line, which costs nothing but its place. A
client that comes back after the time of ``Retry-After`` finds no line.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Protocol

_A_SECOND = 800  # refusals, each of which takes about 50 microseconds: a 25th of the time
_AT_ONCE = 40.0  # that may come at a time without waiting
_LONGEST = 1.0  # seconds in the line, which is what Retry-After says, too
_TICK = 0.01  # seconds between two looks at it


class Waiting(Protocol):
    """A connection to which a refusal is owed."""

    def turn_away(self) -> None:
        """Say it; the connection has left the line."""


class Line:
    """The connections to which refusals are owed."""

    def __init__(self) -> None:
        self._line: OrderedDict[Waiting, None] = OrderedDict()
        self._said = 0.0  # lately: falls by _A_SECOND in a second
        self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._line)

    def join(self, connection: Waiting) -> None:
        """Turn a connection away, in its turn."""
        self._settle(_A_SECOND)
        if not self._line and self._said < _AT_ONCE:
            self._said += 1
            connection.turn_away()
            return
        self._line[connection] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._look)

    def leave(self, connection: Waiting) -> None:
        """Forget a connection, if it is in the line."""
        self._line.pop(connection, None)

    def _look(self) -> None:
        self._timer = None
        self._settle(max(_A_SECOND, len(self._line) / _LONGEST))
        while self._line and self._said < _AT_ONCE:
            connection, _ = self._line.popitem(last=False)
            self._said += 1
            connection.turn_away()
        if self._line and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._look)

    def _settle(self, pace: float) -> None:
        now = time.monotonic()
        lately = self._said - pace * (now - self._looked)
        self._said, self._looked = max(-float(len(self._line)), lately), now

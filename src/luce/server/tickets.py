"""Tickets: secrets that let in once, and not for long.

The browser is started with an address on its command line, which every user of the computer can
read (``ps``). A token there would let them in for as long as the server runs; a ticket is spent by
the time that anybody could have copied it, and if not, the browser that comes second is told so.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

SECONDS = 120.0  # a browser that starts for the first time takes its time


class Tickets:
    """The tickets that were issued and are neither spent nor too old.

    Parameters
    ----------
    seconds : float
        How long a ticket is good.
    clock : callable
        Tells the time in seconds.

    Examples
    --------
    >>> tickets = Tickets()
    >>> ticket = tickets.issue()
    >>> tickets.spend(ticket), tickets.spend(ticket)
    (True, False)
    """

    def __init__(
        self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._ends: dict[bytes, float] = {}

    def issue(self) -> str:
        """Return a new ticket."""
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            now = self._clock()
            self._ends = {key: end for key, end in self._ends.items() if end > now}
            self._ends[_key(ticket)] = now + self._seconds
        return ticket

    def spend(self, shown: str) -> bool:
        """Return whether this is a ticket; it is none any more."""
        with self._lock:
            end = self._ends.pop(_key(shown), None)
            return end is not None and self._clock() < end


def _key(ticket: str) -> bytes:
    """What a ticket is looked up by: the time that this takes tells nothing of the others."""
    return hashlib.blake2b(ticket.encode("utf-8", "surrogateescape")).digest()

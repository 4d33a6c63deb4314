"""Headers that are known by heart: what follows from them is worked out once.

A program that asks again and again sends the same bytes of headers each time. Whether they are
well-formed and within the limits, who may ask, and which route it is, all follow from these bytes
alone. So the parser and the application look at them once, and when the very same bytes come
again, the answer begins at the body: no parser, no task, no ASGI.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from luce.server.security import Headers, Scope

_MOST, _LONGEST = 1024, 2048  # heads that are kept, and bytes of one
MOST_BODY = 1 << 16  # bytes; a longer body is parsed beside the event loop
_NEVER = (b"transfer-encoding", b"expect", b"upgrade")


class Asker(Protocol):
    """The connection of a request.

    Attributes
    ----------
    on_gone : called if the client goes before it is answered
    """

    on_gone: Callable[[], None] | None

    @property
    def gone(self) -> bool:
        """Whether nobody is left to be answered."""

    def answer(self, status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
        """Send the whole answer, to be called once."""


Act = Callable[[bytes, Asker], None]  # takes the body; answers at once or later


class Known(NamedTuple):
    """What follows from the bytes of the headers of a request.

    Attributes
    ----------
    length : of the body
    method, url : as `gate` wants them
    act : answers
    """

    length: int
    method: bytes
    url: bytes
    act: Act


class Memory:
    """The heads that are known by heart.

    Parameters
    ----------
    learn : returns what answers every request that has the headers of this one, if there is such
        a thing; else None. It must depend on nothing but them.
    """

    def __init__(self, learn: Callable[[Scope], Act | None]) -> None:
        self._learn = learn
        self._known: dict[bytes, Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, head: bytes) -> Known | None:
        """Return what follows from a head, from its first byte to the blank line, if known."""
        return self._known.get(head)

    def study(self, first: bytes, scope: Scope, url: bytes) -> None:
        """Learn the head at the beginning of `first`, which the parser has found to be well-formed.

        `scope` is that of its request, which is of HTTP/1.1, keeps its connection, and says at most
        by one Content-Length that it has a body.
        """
        head = first[: first.find(b"\r\n\r\n") + 4]
        method, length = scope["method"].encode(), _length(scope["headers"])
        if length is None or length > MOST_BODY or len(head) > _LONGEST:
            return
        # Whatever the parser takes besides, as blank lines before a request: only what is spelt
        # in the one plain way is learnt, and only if it is what the parser has read.
        line, *lines = head[:-4].split(b"\r\n")
        if line != b"%b %b HTTP/1.1" % (method, url) or _pairs(lines) != scope["headers"]:
            return
        act = self._learn(scope)
        if act is None:
            return
        if head not in self._known and len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[head] = Known(length, method, url, act)


def _pairs(lines: list[bytes]) -> Headers:
    parts = [line.partition(b":") for line in lines]
    return [(name.lower(), value.strip(b" \t")) for name, _, value in parts]


def _length(headers: Headers) -> int | None:
    """The length of the body; None where it is not told by a Content-Length alone."""
    length = 0
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name in _NEVER or (name == b"connection" and value.lower() != b"keep-alive"):
            return None
    return length

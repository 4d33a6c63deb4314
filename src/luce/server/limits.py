"""How much a client may send and how long it may take; all of it decided before work is done."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from luce.server.security import Message, Receive, Refused, busy

_PIECE = 1 << 16  # bytes; smaller bodies are not counted against what all may hold together


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    Attributes
    ----------
    url, header, headers : length of the request line's address, of all headers, their number
    body, bodies : length of one body, and of all that are received and parsed at a time
    connections : that may be open at a time
    header_time : from the first byte of a request to the end of its headers
    body_time, rate : for a body besides what it takes at `rate` bytes a second
    idle_time : before the first request of a connection, and between two
    write_time : that a client may leave an answer unread, besides what it takes at `rate`
    """

    url: int = 8 << 10
    header: int = 16 << 10
    headers: int = 100
    body: int = 4 << 20
    bodies: int = 256 << 20
    connections: int = 4096
    header_time: float = 10.0
    body_time: float = 10.0
    rate: int = 16 << 10
    idle_time: float = 30.0
    write_time: float = 30.0

    @classmethod
    def for_bodies(cls, body: int) -> "Limits":
        """Return the limits of a server whose bodies may be that long; there is room for two.

        >>> Limits.for_bodies(1 << 30).bodies == 2 << 30
        True
        """
        return cls(body=body, bodies=max(cls.bodies, 2 * body))

    @property
    def shortest(self) -> float:
        """The shortest of the times."""
        return min(self.header_time, self.body_time, self.idle_time, self.write_time)


class Disconnected(Exception):
    """The client went away before it had sent its request."""


class Bodies:
    """Receives bodies, each and all together within the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0

    async def read(self, receive: Receive) -> bytes:
        """Return the whole body of a request.

        Raises
        ------
        Refused
            413 for a body that is too long; 503 while others take all the room there is.
        Disconnected
            There is nobody left to answer.
        """
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > self._limits.body:
                raise too_long(self._limits.body)
            return body
        return await self._read_pieces(message, receive)

    async def _read_pieces(self, message: Message, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            while True:
                if message["type"] != "http.request":
                    raise Disconnected
                piece = message.get("body", b"")
                pieces.append(piece)
                size += len(piece)
                self._held += len(piece)
                if size > self._limits.body:
                    raise too_long(self._limits.body)
                if self._held > self._limits.bodies and size > _PIECE:
                    raise _no_room()
                if not message.get("more_body"):
                    return b"".join(pieces)
                message = await receive()
        finally:
            self._held -= size

    @contextmanager
    def held(self, body: bytes) -> Generator[None, None, None]:
        """Go on counting a body that was read, while it waits to be parsed and is parsed.

        Raises
        ------
        Refused
            503 while others take all the room there is.
        """
        size = len(body) if len(body) > _PIECE else 0
        if size and self._held + size > self._limits.bodies:
            raise _no_room()
        self._held += size
        try:
            yield
        finally:
            self._held -= size


def _no_room() -> Refused:
    return busy("Other requests take all the memory for bodies.")


def too_long(most: int) -> Refused:
    """Return the refusal of a body that is too long."""
    return Refused(
        413,
        "TooLarge",
        f"A body may have {most:,} bytes. Send fewer rows at a time, or raise --max-body.",
    )

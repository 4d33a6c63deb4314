"""HTTP/1.1 connections that do not wait for ever: uvicorn's protocol with limits and deadlines.

uvicorn keeps a connection open for as long as a client cares to send half a header. Here each
connection has a deadline for what it is doing, and one sweep a second closes what is late: no
timer is set up for a request. What the parser accepts although it is ambiguous - a length beside
chunks - is refused, because a proxy in front might read it in another way (request smuggling;
RFC 9112, section 6.3).
"""

import asyncio
import contextlib
import math
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from luce.server.limits import Limits, too_long
from luce.server.security import Refused, error_body, with_protection

_IDLE, _HEADER, _BODY, _BUSY, _CLOSING = range(5)
_HELD = 0.025  # seconds that a request waits for the refusal of the gate
_LINGER = 2.0  # seconds that a refused client has to read why, before the connection is reset
_AT_ONCE = struct.pack("ii", 1, 0)
_ON_ITS_WAY = 0.3  # seconds that a request may be on its way when the server ends
_MOST_DISCARDED = 64 << 20  # bytes that it may go on sending meanwhile


class PatientProtocol(HttpToolsProtocol):
    """A connection with limits and deadlines; `with_limits` makes the class for a server."""

    limits = Limits()
    #: Called with method and address when the headers are complete; a refusal is sent at once.
    gate: Callable[[bytes, bytes], Refused | None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase = _IDLE
        self._deadline = time.monotonic() + self.limits.idle_time
        self._shut_out = self._keep = False  # this request is answered by the gate alone ...
        self._refusal: Refused | None = None  # ... in these words
        self._held: asyncio.TimerHandle | None = None  # ... when this is due
        self._bytes = 0  # of headers, then of the body, then of what is thrown away
        self._header_bytes = self._header_count = 0
        self._ending = False
        self._unread, self._unread_since = 0, math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self.refuse(
                Refused(
                    503,
                    "Busy",
                    "The server has all the connections that it takes. Try again in a second.",
                    ((b"retry-after", b"1"),),
                )
            )

    def data_received(self, data: bytes) -> None:
        if self._phase == _CLOSING:
            self._bytes += len(data)
            if self._bytes > _MOST_DISCARDED:
                self.transport.abort()
            return
        if self._phase == _IDLE:
            self._enter(_HEADER, self.limits.header_time)
        if self._phase == _HEADER:
            self._bytes += len(data)
            # What is in one piece with the headers may be body: only what is surely header counts.
            if self._bytes - len(data) > self.limits.header:
                self.refuse(_long_header())
                return
        super().data_received(data)

    def eof_received(self) -> None:
        if self._phase == _CLOSING:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = _CLOSING
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._turn_away()  # the request before: answers come in the order of the requests
        self._enter(_HEADER, self.limits.header_time)
        self._header_bytes = self._header_count = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.limits.url:
            raise Refused(414, "LongAddress", "The address of the request is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        limits = self.limits
        if self._header_count > limits.headers or self._header_bytes > limits.header:
            raise _long_header()
        if self._phase == _HEADER:  # what follows the body must not pass for a header (6.5.1)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        length = self._declared_length()
        self._bytes = 0
        self._enter(_BODY, self.limits.body_time)
        if self.parser.should_upgrade():
            raise Refused(400, "BadRequest", "This server speaks HTTP/1.1 and nothing else.")
        if length > self.limits.body:
            raise too_long(self.limits.body)
        refusal = None if self.gate is None else self.gate(self.parser.get_method(), self.url)
        if refusal is not None and self._answered:
            if self.expect_100_continue:
                raise refusal
            self._shut_out, self._refusal = True, refusal
            return
        super().on_headers_complete()
        if self._ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._bytes += len(body)
        self._deadline += len(body) / self.limits.rate
        if self._bytes > self.limits.body:
            raise too_long(self.limits.body)
        if not self._shut_out:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._shut_out:
            self._shut_out, self._phase = False, _BUSY
            self.flow.pause_reading()
            self._keep = self.parser.should_keep_alive()
            self._held = self.loop.call_later(_HELD, self._turn_away)
            return
        if self._answered:
            self._enter(_IDLE, self.limits.idle_time)
        else:
            self._phase = _BUSY
        super().on_message_complete()

    def _turn_away(self) -> None:
        """Send what the gate has said, if that is held back.

        Clients that ask again and again must not take the time that the answers of others need.
        """
        if self._held is None:
            return
        self._held.cancel()
        self._held = None
        if self.transport.is_closing():
            return
        assert self._refusal is not None, "the gate has said something"
        keep = self._keep and not self._ending
        self.transport.write(answer_to(self._refusal, self._default_headers(), keep=keep))
        self._enter(_IDLE, self.limits.idle_time)
        if keep:
            self.flow.resume_reading()
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # After an answer that came before the end of its request, the rest is read, in time.
        if self._phase == _BUSY and self._answered:
            self._enter(_IDLE, self.limits.idle_time)

    def timeout_keep_alive_handler(self) -> None:
        """Idle connections are closed by the sweep, like all others."""

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or what was refused while it was."""
        context = self._current_refusal()
        self.refuse(context or Refused(400, "BadRequest", "This is not a request of HTTP/1.1."))

    def refuse(self, refused: Refused) -> None:
        """Send an error, and close the connection when the client has had time to read it."""
        self._turn_away()
        if self.transport.is_closing() or self._phase == _CLOSING:
            return
        answering = not self._answered
        if answering and self._phase == _BUSY:  # of a request before; nothing may come in between
            self.transport.abort()
            return
        self._bytes = 0
        self._enter(_CLOSING, _LINGER)
        if answering:  # the routes have seen the headers of this request
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        self.flow.resume_reading()
        self.transport.write(answer_to(refused, self._default_headers(), keep=False))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """The server ends: answer what was begun, and what is on its way at this moment."""
        self._ending = True
        if not self._answered:
            self.cycle.keep_alive = False
        elif self._phase == _IDLE:
            self._enter(_IDLE, _ON_ITS_WAY)

    @property
    def _answered(self) -> bool:
        """Whether no request waits for the answer of the routes."""
        return self.cycle is None or self.cycle.response_complete

    def sweep(self, now: float) -> None:
        """Close the connection if it is late."""
        left = self.transport.get_write_buffer_size()
        if left:
            # Who reads an answer as fast as a body must be sent has all the time that it takes.
            earned = max(0, self._unread - left) / self.limits.rate
            self._unread, self._unread_since = left, min(now, self._unread_since + earned)
            if now - self._unread_since > self.limits.write_time:
                self._cut()
            return
        self._unread, self._unread_since = 0, math.inf
        pipelined = self._phase == _HEADER and not self._answered
        if self._phase == _BUSY or pipelined or now < self._deadline:
            return
        if self._phase in (_HEADER, _BODY):
            self.refuse(Refused(408, "Timeout", "The request took too long to come."))
        elif self._phase == _CLOSING:
            self.transport.abort()
        else:
            self.transport.close()

    def _cut(self) -> None:
        """Close the connection at once, and have the system forget what it still holds for it."""
        one = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def _enter(self, phase: int, seconds: float) -> None:
        if phase == self._phase == _HEADER:
            return  # a request that begins with blank lines has begun with them
        if phase in (_IDLE, _HEADER):
            self._bytes = 0
        self._phase, self._deadline = phase, time.monotonic() + seconds

    def _declared_length(self) -> int:
        lengths = [value for name, value in self.headers if name == b"content-length"]
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if len(lengths) > 1 or (lengths and codings):
            raise Refused(400, "BadRequest", "The length of the body must be told once.")
        if codings and [value.strip().lower() for value in codings] != [b"chunked"]:
            raise Refused(501, "BadRequest", "The only Transfer-Encoding known here is chunked.")
        if lengths and not lengths[0].isdigit():
            raise Refused(400, "BadRequest", "Content-Length must be a whole number.")
        return int(lengths[0]) if lengths else 0

    def _current_refusal(self) -> Refused | None:
        error: BaseException | None = sys.exc_info()[1]
        while error is not None and not isinstance(error, Refused):
            error = error.__context__ or error.__cause__
        return error

    def _default_headers(self) -> Iterable[tuple[bytes, bytes]]:
        return self.server_state.default_headers


def with_limits(
    limits: Limits, gate: Callable[[bytes, bytes], Refused | None] | None = None
) -> type[PatientProtocol]:
    """Return the protocol of a server with these limits."""
    kept = None if gate is None else staticmethod(gate)
    return type("LimitedProtocol", (PatientProtocol,), {"limits": limits, "gate": kept})


def answer_to(
    refused: Refused, default_headers: Iterable[tuple[bytes, bytes]], *, keep: bool
) -> bytes:
    """Return the bytes of an error."""
    body = error_body(refused.kind, refused.message)
    headers = [
        *default_headers,
        *with_protection(refused.headers),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if not keep:
        headers.append((b"connection", b"close"))
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    return b"".join([STATUS_LINE[refused.status], lines, b"\r\n", body])


def _long_header() -> Refused:
    return Refused(431, "LongHeader", "The headers of the request are too many or too long.")

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

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from luce.server.answer_bytes import answer_bytes, refusal_bytes
from luce.server.by_heart import Known, Memory
from luce.server.limits import Limits, too_long
from luce.server.security import Refused, Scope, busy
from luce.server.turning_away import Line

_IDLE, _HEADER, _BODY, _BUSY, _CLOSING = range(5)
_LINGER = 2.0  # seconds that a refused client has to read why, before the connection is reset
_AT_ONCE = struct.pack("ii", 1, 0)
CONNECTION = "luce.connection"  # the extension of a scope that is the connection itself
_ON_ITS_WAY = 0.3  # seconds that a request may be on its way when the server ends
_MOST_DISCARDED = 64 << 20  # bytes that it may go on sending meanwhile


class PatientProtocol(HttpToolsProtocol):
    """A connection with limits and deadlines; `with_limits` makes the class for a server."""

    limits = Limits()
    #: Called with method and address when the headers are complete; a refusal has its turn in ...
    gate: Callable[[bytes, bytes], Refused | None] | None = None
    line = Line()  # ... this one
    memory: Memory | None = None
    #: Called if the client goes before it is answered; whoever works for it may set this.
    on_gone: Callable[[], None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase = _IDLE
        self._deadline = time.monotonic() + self.limits.idle_time
        self._shut_out = self._keep = False  # this request is answered by the gate alone ...
        self._refusal: Refused | None = None  # ... in these words
        self._owed = False  # an answer is that no application sends ...
        self._later: list[bytes] = []  # ... what has come meanwhile
        self._begun: tuple[Known, list[bytes]] | None = None  # by heart, but for the whole body
        self._first = b""  # what began with the headers that are being parsed
        self._unstarted: tuple[Any, Any] | None = None  # until its body is there
        self._bytes = 0  # of headers, then of the body, then of what is thrown away
        self._header_bytes = self._header_count = 0
        self._ending = False
        self._unread, self._unread_since = 0, math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self.refuse(busy("The server has all the connections that it takes."))

    def data_received(self, data: bytes) -> None:
        if self._owed:
            self._later.append(data)
            self.flow.pause_reading()
            return
        if self._phase == _CLOSING:
            self._bytes += len(data)
            if self._bytes > _MOST_DISCARDED:
                self.transport.abort()
            return
        if self._begun is not None:
            self._go_on_by_heart(data)
            return
        if self._phase == _IDLE:
            if self._by_heart(data):
                return
            self._begin(data)
        self._parse(data)

    def _begin(self, data: bytes) -> None:
        self._first = data
        self._enter(_HEADER, self.limits.header_time)

    def _by_heart(self, data: bytes) -> bool:
        """Whether these are headers that need not be parsed; if so, take their request on."""
        if self.memory is None or self._ending or self.flow.write_paused or not self._answered:
            return False
        end = data.find(b"\r\n\r\n") + 4
        known = self.memory.recall(data[:end])
        if known is None or len(data) > end + known.length:  # other requests follow
            return False
        if len(data) == end + known.length:
            self._take_on(known, data[end:])
        else:
            self._enter(_BODY, self.limits.body_time + (len(data) - end) / self.limits.rate)
            self._begun, self._bytes = (known, [data]), len(data) - end
        return True

    def _go_on_by_heart(self, data: bytes) -> None:
        assert self._begun is not None, "its headers have come"
        known, pieces = self._begun
        pieces.append(data)
        self._bytes += len(data)
        self._deadline += len(data) / self.limits.rate
        if self._bytes < known.length:
            return
        self._begun, whole = None, b"".join(pieces)
        if self._bytes == known.length:
            self._take_on(known, whole[len(whole) - known.length :])
        else:  # of another request, too
            self._begin(whole)
            self._parse(whole)

    def _take_on(self, known: Known, body: bytes) -> None:
        self._phase, self._owed = _BUSY, True
        refusal = None if self.gate is None else self.gate(known.method, known.url)
        if refusal is None:
            known.act(body, self)
        else:
            self._refusal, self._keep = refusal, True
            self.line.join(self)

    def answer(self, status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
        """Send the answer to a request that was taken on by heart."""
        self.on_gone = None
        if self.transport.is_closing():
            return
        keep, date = not self._ending, self._default_headers()
        self.transport.write(answer_bytes(status, headers, body, more=date, keep=keep))
        self._settle(keep)

    def _settle(self, keep: bool) -> None:
        """Go on after an answer that no application has sent."""
        self._owed = False
        self._enter(_IDLE, self.limits.idle_time)
        if not keep:
            self.transport.close()
            return
        self.flow.resume_reading()
        if self._later:
            data = b"".join(self._later)
            self._later.clear()
            self.data_received(data)

    def _parse(self, data: bytes) -> None:
        if self._phase == _HEADER:
            self._bytes += len(data)
            # What is in one piece with the headers may be body: only what is surely header counts.
            if self._bytes - len(data) > self.limits.header:
                self.refuse(_long_header())
                return
        super().data_received(data)
        self._first = b""

    def eof_received(self) -> None:
        if self._phase == _CLOSING:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = _CLOSING
        self.line.leave(self)
        self._begun = self._unstarted = None
        if self.on_gone is not None:
            self.on_gone()
            self.on_gone = None
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._turn_away_now()  # the request before: answers come in the order of the requests
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
        first, self._first = self._first, b""  # other requests may follow in it
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
        alone = self._answered
        super().on_headers_complete()
        scope: Scope = self.scope  # type: ignore[assignment]
        scope["extensions"] = {CONNECTION: self}
        if self._ending:
            self.cycle.keep_alive = False
        if self.memory is not None and first and alone and self.cycle.keep_alive:
            self.memory.study(first, scope, self.url)

    def on_body(self, body: bytes) -> None:
        self._bytes += len(body)
        self._deadline += len(body) / self.limits.rate
        if self._bytes > self.limits.body:
            raise too_long(self.limits.body)
        if self._shut_out:
            return
        super().on_body(body)
        if self._unstarted is not None and len(self.cycle.body) > HIGH_WATER_LIMIT:
            self._start_now()

    def on_message_complete(self) -> None:
        if self._shut_out:
            self._shut_out, self._phase, self._owed = False, _BUSY, True
            self._keep = self.parser.should_keep_alive()
            self.line.join(self)
            return
        if self._answered:
            self._enter(_IDLE, self.limits.idle_time)
        else:
            self._phase = _BUSY
        super().on_message_complete()
        self._start_now()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Start the application when the body is there, or as much of it as is kept.

        Who sends half a body costs the bytes of it, and no task.
        """
        self._unstarted = cycle, app
        whole = not cycle.more_body or len(cycle.body) > HIGH_WATER_LIMIT
        if whole or self.expect_100_continue:
            self._start_now()

    def _start_now(self) -> None:
        if self._unstarted is not None:
            started, self._unstarted = self._unstarted, None
            super()._start_asgi_task(*started)

    def turn_away(self) -> None:
        """Send what the gate has said."""
        refused, self._refusal = self._refusal, None
        if self.transport.is_closing():
            return
        assert refused is not None, "the gate has said something"
        keep = self._keep and not self._ending
        self.transport.write(refusal_bytes(refused, more=self._default_headers(), keep=keep))
        self._settle(keep)

    def _turn_away_now(self) -> None:
        if self._refusal is not None and self._owed:
            self.line.hurry(self)

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
        self._turn_away_now()
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
        self._begun = self._unstarted = None
        more = self._default_headers()
        self.transport.write(refusal_bytes(refused, more=more, keep=False))
        try:
            self.transport.write_eof()
        except (OSError, NotImplementedError):  # the client is gone, or its link knows no half end
            self.transport.close()

    def shutdown(self) -> None:
        """The server ends: answer what was begun, and what is on its way at this moment."""
        if self._ending:
            return
        self._ending = True
        if not self._answered:
            self.cycle.keep_alive = False
        elif self._phase == _IDLE:
            self._enter(_IDLE, _ON_ITS_WAY)

    @property
    def gone(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self.transport.is_closing()

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
    limits: Limits,
    gate: Callable[[bytes, bytes], Refused | None] | None = None,
    memory: Memory | None = None,
) -> type[PatientProtocol]:
    """Return the protocol of a server with these limits."""
    kept = None if gate is None else staticmethod(gate)
    own = {"limits": limits, "gate": kept, "memory": memory, "line": Line()}
    return type("LimitedProtocol", (PatientProtocol,), own)


def _long_header() -> Refused:
    return Refused(431, "LongHeader", "The headers of the request are too many or too long.")

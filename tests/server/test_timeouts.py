"""What a connection may do: every way to be slow, long or ambiguous has its answer."""

import asyncio
import math
import select
import socket
import struct
import threading
from types import SimpleNamespace

import pytest
from reference.wire import read_answer

from luce.server.limits import Bodies, Disconnected, Limits
from luce.server.security import Refused, send_refusal
from luce.server.timeouts import with_limits
from luce.server.turning_away import _MOST_SAID

pytestmark = pytest.mark.once

HURRIED = Limits(header_time=0.3, body_time=0.3, rate=1 << 20, idle_time=0.6, write_time=0.5)
SMALL = Limits(url=200, header=1000, headers=10, body=1000)


def echo(limits=None):
    """An application that sends bodies back, or says why not; /long has a long answer."""
    bodies = Bodies(limits or Limits())

    async def app(scope, receive, send):
        try:
            body = await bodies.read(receive)
        except Refused as refused:
            await send_refusal(send, refused)
            return
        except Disconnected:
            return
        if scope["path"] == "/long":
            body = bytes(50_000_000)
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def test_a_request_is_answered_and_the_connection_stays(running):
    with running(echo()) as (wire, _), wire.open() as one:
        for body in (b"", b"x", bytes(300_000)):
            one.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
            one.sendall(body)
            answer = read_answer(one)
            assert (answer.status, answer.body) == (200, body)


def test_pipelined_requests_are_answered_in_their_order(running):
    requests = [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d" % i for i in range(5)]
    with running(echo()) as (wire, _), wire.open() as one:
        one.sendall(b"".join(requests))
        data = b""
        while data.count(b"HTTP/1.1 200") < 5 or not data.endswith(b"4"):
            data += one.recv(4096)
        assert [part[-1:] for part in data.split(b"HTTP/1.1")[1:]] == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", None),  # connected, and nothing
        (b"GET /", 408),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", 408),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 408),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", 408),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", 408),
        (b"\r\n\r\n", 408),
    ],
)
def test_who_is_too_slow_is_told_so_and_hung_up_on(running, sent, expected):
    with running(echo(), HURRIED) as (wire, _), wire.open() as one:
        one.sendall(sent)
        answer = read_answer(one)
        assert (answer and answer.status) == expected
        if answer is not None:
            assert answer.headers["connection"] == "close"
            assert answer.json["error"]["type"] == "Timeout"
        assert one.recv(1) == b""


def test_a_byte_now_and_then_does_not_keep_a_connection(running):
    with running(echo(), HURRIED) as (wire, _), wire.open() as one:
        one.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n")
        one.settimeout(0.05)
        answer = b""
        for _ in range(200):
            one.sendall(b"x")
            try:
                answer += one.recv(100)
                break
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")


def test_a_connection_without_further_requests_is_closed(running):
    with running(echo(), HURRIED) as (wire, server), wire.open() as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_answer(one).status == 200
        assert one.recv(1) == b""
        assert not server.server_state.connections


def test_who_does_not_read_the_answer_is_cut_off(running):
    with running(echo(), HURRIED) as (wire, server), wire.open() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        hung_up = select.poll()
        hung_up.register(one, 0)  # nothing is read, until the other side has hung up
        assert hung_up.poll(20_000)
        assert not server.server_state.connections


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 300), 414),
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 1_000_000), 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"x" * 2000), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"x" * 1_000_000), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%s\r\n" % (b"X: y\r\n" * 20), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%s\r\n" % (b"X: y\r\n" * 100_000), 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\nabc", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + bytes(2000), 413),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"ff\r\n%s\r\n" % (b"x" * 255) * 50,
            413,
        ),
    ],
    ids=str,
)
def test_what_is_too_long_is_refused_before_it_is_read(running, sent, expected):
    with running(echo(SMALL), SMALL) as (wire, _):
        answer = wire.send(sent)
        assert answer.status == expected
        assert answer.headers["connection"] == "close"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert set(answer.json["error"]) == {"type", "message"}


LENGTH, CHUNKED = b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\n" + LENGTH + CHUNKED + b"\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + LENGTH + b"\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /\x80\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"hello\r\n\r\n",
        bytes(1000),
    ],
    ids=lambda sent: repr(sent[:80]),
)
def test_what_could_be_read_in_two_ways_is_refused_and_hung_up_on(running, sent):
    with running(echo()) as (wire, _), wire.open() as one:
        one.sendall(sent + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = read_answer(one)
        assert answer.status in (400, 501)
        assert answer.headers["connection"] == "close"
        assert answer.json["error"]["type"] == "BadRequest"
        assert one.recv(1) == b""


def test_who_sends_on_after_a_refusal_can_still_read_it(running):
    with running(echo(SMALL), SMALL) as (wire, _):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
        assert wire.send(head + bytes(10_000_000)).status == 413


def test_the_gate_refuses_without_asking_the_application(running):
    shut = []

    def gate(method, address):
        shut.append((method, address))
        return Refused(503, "Busy", "Later.", ((b"retry-after", b"1"),))

    with running(None, gate=gate) as (wire, _), wire.open() as one:
        for _ in range(3):  # the connection stays
            one.sendall(b"POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            answer = read_answer(one)
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        one.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        )
        assert read_answer(one).status == 503
        assert one.recv(1) == b""
    assert shut[0] == (b"POST", b"/v1")


def test_a_refusal_that_is_held_back_keeps_its_place_among_the_answers(running):
    def gate(method, address):
        return Refused(503, "Busy", "Later.") if method == b"POST" else None

    refused = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    for after, status in ((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200), (b"\0\r\n\r\n", 400)):
        with running(echo(), gate=gate) as (wire, _), wire.open() as one:
            one.sendall(refused + after)
            one.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: one.recv(65536), b""))
            assert [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]] == [503, status]


def test_refusals_of_pipelined_requests_take_the_turns_of_others(running, monkeypatch):
    clock = SimpleNamespace(monotonic=lambda: 1000.0)  # it stands still
    monkeypatch.setattr("luce.server.turning_away.time", clock)
    refused = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with running(None, gate=lambda method, address: Refused(503, "Busy", "Later.")) as (
        wire,
        server,
    ):
        line = server.config.http_protocol_class.line
        with wire.open() as one:
            one.sendall(refused * 200)
            said = b""
            while said.count(b"Later.") < 199:  # all but the last one, which has its turn
                said += one.recv(65536)
            assert line._said == _MOST_SAID  # of 199
            clock.monotonic = lambda: 2000.0
            while said.count(b"Later.") < 200:
                said += one.recv(65536)


def test_what_follows_a_body_is_no_header(running):
    seen = []

    async def app(scope, receive, send):
        await Bodies(Limits()).read(receive)
        seen.extend(name for name, _ in scope["headers"])
        await send_refusal(send, Refused(404, "NotFound", "Nothing."))

    with running(app) as (wire, _):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = wire.send(head + b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    assert answer.status == 404
    assert seen == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(("rate", "cut_at"), [(99, None), (0, 11), (50, 21)])
def test_who_reads_at_the_rate_of_bodies_is_not_cut_off(monkeypatch, rate, cut_at):
    protocol = object.__new__(with_limits(Limits(write_time=10.0, rate=100)))
    protocol._unread, protocol._unread_since = 0, math.inf
    protocol._phase, protocol._deadline = 0, math.inf
    cut = []
    monkeypatch.setattr(protocol, "_cut", lambda: cut.append(now), raising=False)
    for now in range(60):
        left = 100_000 - rate * now
        protocol.transport = SimpleNamespace(get_write_buffer_size=lambda left=left: left)
        protocol.sweep(float(now))
    assert cut[:1] == [] if cut_at is None else cut[0] == cut_at


def test_more_connections_than_allowed_are_turned_away(running):
    two = Limits(connections=2)
    with running(echo(), two) as (wire, _), wire.open() as one, wire.open() as other:
        for let_in in (one, other):
            let_in.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_answer(let_in).status == 200
        with wire.open() as three:
            assert read_answer(three).status == 503
            assert three.recv(1) == b""


def test_a_client_that_resets_its_connection_harms_nobody(running):
    with running(echo()) as (wire, _):
        for sent in (b"", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"):
            one = wire.open()
            one.sendall(sent)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        assert wire.ask("POST", "/", b"abc").body == b"abc"


def test_who_is_gone_before_it_is_turned_away_harms_nobody(running):
    inside, gone, wrong = threading.Event(), threading.Event(), []

    async def app(scope, receive, send):
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: wrong.append(context))
        inside.set()
        gone.wait(20)  # it stops the loop, which accepts nobody meanwhile
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with running(app, Limits(connections=1)) as (wire, _), wire.open() as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert inside.wait(20)
        wire.open().close()
        gone.set()
        assert read_answer(one).status == 200
        with wire.open() as other:  # accepted after the one that is gone
            assert read_answer(other).status == 503
        assert not wrong


def received(messages, limits):
    """What `Bodies` makes of the messages of an application server."""
    parts = iter(messages)

    async def receive():
        return next(parts)

    return asyncio.run(Bodies(limits).read(receive))


def piece(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def test_pieces_of_a_body_are_put_together():
    assert received([piece(b"ab"), piece(b""), piece(b"c", more=False)], Limits()) == b"abc"
    assert received([{"type": "http.request"}], Limits()) == b""


def test_a_body_is_held_to_its_limit_and_to_that_of_all():
    with pytest.raises(Refused, match="413"):
        received([piece(b"x" * 600), piece(b"x" * 600)], SMALL)
    with pytest.raises(Refused, match="413"):
        received([piece(b"x" * 1200, more=False)], SMALL)
    with pytest.raises(Refused, match="503"):
        received([piece(b"x" * 70_000), piece(b"x" * 70_000)], Limits(bodies=100_000))
    with pytest.raises(Disconnected):
        received([piece(b"x"), {"type": "http.disconnect"}], Limits())


def test_a_body_that_is_being_parsed_takes_its_room():
    bodies = Bodies(Limits(bodies=150_000))
    with bodies.held(b"x" * 100_000):
        with bodies.held(b"x" * 1000):  # short ones are not counted
            pass
        with pytest.raises(Refused, match="503"), bodies.held(b"x" * 100_000):
            pass
    with bodies.held(b"x" * 100_000):
        pass


def test_one_body_of_any_length_has_room():
    for megabytes in (1, 1024):
        limits = Limits.for_bodies(megabytes << 20)
        assert limits.body == megabytes << 20
        assert limits.bodies >= 2 * limits.body


def test_the_room_for_bodies_is_given_back():
    bodies, parts = Bodies(Limits(bodies=100_000)), []

    async def receive():
        return parts.pop(0)

    for _ in range(5):
        parts += [piece(b"x" * 45_000), piece(b"x" * 45_000, more=False)]
        assert len(asyncio.run(bodies.read(receive))) == 90_000

"""What is known by heart is answered like what is parsed, and nothing else is."""

import asyncio
import socket
import struct
import threading
from types import SimpleNamespace

import pytest
from reference.waiting import wait_for
from reference.wire import read_answer

from luce.server.by_heart import Memory
from luce.server.limits import Bodies, Limits
from luce.server.security import Refused

pytestmark = pytest.mark.once

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
LIMITS = Limits(header_time=0.3, body_time=0.3, idle_time=20.0)


async def parsed(scope, receive, send):
    """Answers ``parsed`` and the body."""
    body = b"parsed " + await Bodies(LIMITS).read(receive)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def by_heart(body, asker):
    asker.answer(200, (), b"by heart " + body)


def memory(act=by_heart):
    return Memory(lambda scope: act)


def answers(one, count):
    """The bodies of answers that may come in one piece; each has its length."""
    data = b""
    while True:
        parts = [part.partition(b"\r\n\r\n") for part in data.split(b"HTTP/1.1 ")[1:]]
        wanted = [
            int(head.partition(b"content-length: ")[2].split()[0]) for head, mid, _ in parts if mid
        ]
        bodies = [body for _, mid, body in parts if mid]
        if len(bodies) == count and [len(body) for body in bodies] == wanted:
            return bodies
        piece = one.recv(65536)
        assert piece, data
        data += piece


def test_the_same_headers_are_parsed_once(running):
    with running(parsed, LIMITS, memory=memory()) as (wire, _):
        for _ in range(2):  # of any connection
            with wire.open() as one:
                for body in (b"abc", b"def"):
                    one.sendall(HEAD + body)
                    read_answer(one)
        with wire.open() as one:
            one.sendall(HEAD + b"ghi")
            assert answers(one, 1) == [b"by heart ghi"]
            one.sendall(HEAD.replace(b"/a", b"/b") + b"ghi")
            assert answers(one, 1) == [b"parsed ghi"]


def test_the_body_may_come_in_pieces_and_other_requests_after_it(running):
    known = memory()
    with running(parsed, LIMITS, memory=known) as (wire, _), wire.open() as one:
        one.sendall(HEAD + b"abc")
        assert answers(one, 1) == [b"parsed abc"]
        one.sendall(HEAD)
        one.sendall(b"d")
        one.sendall(b"ef")
        assert answers(one, 1) == [b"by heart def"]
        pipelined = HEAD + b"123" + HEAD + b"456" + HEAD + b"789"
        for cut in (None, len(HEAD) + 2, len(HEAD) + 5, -1):
            one.sendall(pipelined[:cut])
            one.sendall(pipelined[cut:] if cut else b"")
            assert [body[-3:] for body in answers(one, 3)] == [b"123", b"456", b"789"]


def test_what_comes_while_an_answer_is_owed_waits_for_it(running):
    askers = []
    came = threading.Event()

    def later(body, asker):
        askers.append((asker, body))
        came.set()

    with running(parsed, LIMITS, memory=memory(later)) as (wire, _), wire.open() as one:
        one.sendall(HEAD + b"abc")
        assert answers(one, 1) == [b"parsed abc"]
        one.sendall(HEAD + b"def")
        assert came.wait(20)
        one.sendall(HEAD + b"ghi" + HEAD.replace(b"/a", b"/b") + b"jkl")
        ((asker, body),) = askers
        asker.loop.call_soon_threadsafe(asker.answer, 200, (), b"late " + body)
        assert answers(one, 3) == [b"late def", b"parsed ghi", b"parsed jkl"]


def test_who_goes_before_the_answer_is_not_worked_for(running):
    gone, came = threading.Event(), threading.Event()

    def never(body, asker):
        asker.on_gone = gone.set
        came.set()

    with running(parsed, LIMITS, memory=memory(never)) as (wire, _):
        with wire.open() as one:
            one.sendall(HEAD + b"abc")
            assert answers(one, 1) == [b"parsed abc"]
            one.sendall(HEAD + b"def")
            assert came.wait(20)
            assert not gone.is_set()
        assert gone.wait(20)
        assert wire.send(HEAD.replace(b"/a", b"/b") + b"abc").status == 200


def test_half_a_body_has_its_deadline(running):
    with running(parsed, LIMITS, memory=memory()) as (wire, _), wire.open() as one:
        one.sendall(HEAD + b"abc")
        assert answers(one, 1) == [b"parsed abc"]
        one.sendall(HEAD + b"d")
        answer = read_answer(one)
        assert (answer.status, answer.headers["connection"]) == (408, "close")


def test_the_gate_is_asked_each_time(running):
    shut = []

    def gate(method, url):
        return Refused(503, "Busy", "Later.") if (method, url) in shut else None

    with running(parsed, LIMITS, memory=memory(), gate=gate) as (wire, _), wire.open() as one:
        one.sendall(HEAD + b"abc")
        assert answers(one, 1) == [b"parsed abc"]
        shut.append((b"POST", b"/a"))
        for _ in range(200):  # more than are turned away at once
            one.sendall(HEAD + b"abc")
            assert read_answer(one).status == 503
        shut.clear()
        one.sendall(HEAD + b"abc")
        assert answers(one, 1) == [b"by heart abc"]


def test_a_server_that_ends_closes_the_connection_after_the_answer(running):
    came, askers = threading.Event(), []

    def later(body, asker):
        askers.append(asker)
        came.set()

    with running(parsed, LIMITS, memory=memory(later)) as (wire, server), wire.open() as one:
        one.sendall(HEAD + b"abc")
        assert answers(one, 1) == [b"parsed abc"]
        one.sendall(HEAD + b"def")
        assert came.wait(20)
        server.handle_exit(15, None)
        ending = threading.Event()

        def answer():
            if not askers[0]._ending:
                askers[0].loop.call_later(0.01, answer)
                return
            askers[0].answer(200, (), b"the last")
            ending.set()

        askers[0].loop.call_soon_threadsafe(answer)
        found = read_answer(one)
        assert (found.body, found.headers["connection"]) == (b"the last", "close")
        assert one.recv(1) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nX: %s\r\nContent-Length: 3\r\n\r\n" % (b"x" * 3000),
    ],
    ids=lambda head: repr(head)[:70],
)
def test_what_is_not_plain_is_parsed_each_time(running, head):
    known = memory()
    with running(parsed, LIMITS, memory=known) as (wire, _):
        with wire.open() as one:
            one.sendall(head + (b"3\r\nabc\r\n0\r\n\r\n" if b"chunked" in head else b"abc"))
            read_answer(one)
        assert len(known) == 0


def test_what_the_parser_refuses_is_never_learnt(running):
    known = memory()
    with running(parsed, Limits(headers=3, body=10), memory=known) as (wire, _):
        for head in (
            b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            b"POST /a HTTP/1.1\r\nHost: a\r\n folded\r\nContent-Length: 3\r\n\r\n",
            b"POST /a HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nContent-Length: 3\r\n\r\n",
            b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n",
        ):
            assert wire.send(head + b"abc").status in (400, 413, 431)
    assert len(known) == 0


@pytest.mark.parametrize(
    ("first", "learnt"),
    [
        (HEAD + b"abc", 1),
        (HEAD.replace(b"Host: a", b"Host:  a \t"), 1),  # white space is no part of a value
        (HEAD.replace(b"Host: a", b"Host: b"), 0),
        (HEAD.replace(b"Host: a", b"Host: a\r\nX: y"), 0),
        (HEAD.replace(b"POST /a", b"POST /b"), 0),
        (b"\r\n\r\n" + HEAD, 0),
        (HEAD[:-2], 0),
    ],
)
def test_only_what_the_parser_has_read_is_learnt(first, learnt):
    known = memory()
    headers = [(b"host", b"a"), (b"content-length", b"3")]
    known.study(first, {"method": "POST", "headers": headers}, b"/a")
    assert len(known) == learnt


def test_what_follows_a_request_is_not_learnt_in_its_place(running):
    """The first of two requests in one piece is turned away; the second one is another's."""
    known, shut = memory(), [True, False]

    def gate(method, url):
        return Refused(503, "Busy", "Later.") if shut and shut.pop(0) else None

    with running(parsed, LIMITS, memory=known, gate=gate) as (wire, _), wire.open() as one:
        one.sendall(HEAD.replace(b"Host: a", b"Host: b") + b"abc" + HEAD + b"def")
        refusal, answer = answers(one, 2)
        assert b"Busy" in refusal
        assert answer == b"parsed def"
    assert len(known) == 0


def test_no_crowd_of_headers_fills_the_memory(running):
    known = memory()
    with running(parsed, LIMITS, memory=known) as (wire, _), wire.open() as one:
        for number in range(1100):
            one.sendall(HEAD.replace(b"/a", b"/%d" % number) + b"abc")
            read_answer(one)
    assert 0 < len(known) <= 1024


def test_the_oldest_headers_are_forgotten_first():
    known = memory()
    headers = [(b"host", b"a"), (b"content-length", b"3")]
    heads = [HEAD.replace(b"/a", b"/%d" % number) for number in range(1030)]
    for number, head in enumerate(heads):
        known.study(head, {"method": "POST", "headers": headers}, b"/%d" % number)
    assert [known.recall(head) is not None for head in heads] == [False] * 6 + [True] * 1024
    # It is parsed again where another request follows in the same piece.
    known.study(heads[-1], {"method": "POST", "headers": headers}, b"/1029")
    assert len(known) == 1024


def test_a_reset_while_a_refusal_is_owed_harms_nobody(running, monkeypatch):
    shut, wrong = [], []

    def gate(method, url):
        return Refused(503, "Busy", "Later.") if shut else None

    async def app(scope, receive, send):
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: wrong.append(context))
        await parsed(scope, receive, send)

    with running(app, LIMITS, memory=memory(), gate=gate) as (wire, server):
        assert wire.send(HEAD + b"abc").status == 200  # it is known by heart from now on
        shut.append(True)
        # No refusal has its turn: the clock of the line stands still.
        monkeypatch.setattr("luce.server.turning_away._AT_ONCE", 0.0)
        clock = SimpleNamespace(monotonic=lambda: 1000.0)
        monkeypatch.setattr("luce.server.turning_away.time", clock)
        line = server.config.http_protocol_class.line
        waiting = [wire.open() for _ in range(10)]
        for number, one in enumerate(waiting):
            one.sendall((HEAD if number % 2 else HEAD.replace(b"/a", b"/b")) + b"abc")
        wait_for(lambda: len(line) == 10)
        for one in waiting:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        wait_for(lambda: not server.server_state.connections)
        assert len(line) == 0
        shut.clear()
        assert wire.send(HEAD + b"abc").status == 200
    assert not wrong

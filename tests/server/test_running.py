"""A server that ends answers what was accepted."""

import asyncio
import contextlib
import socket
import threading
from importlib import import_module

import pytest
from reference.waiting import wait_for
from reference.wire import read_answer

from luce.errors import ParameterError
from luce.server.limits import Limits
from luce.server.running import Server, bound

pytestmark = pytest.mark.once
module = import_module("luce.server.running")

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def patient(inside, go_on):
    """An application that answers when it is told to."""

    async def app(scope, receive, send):
        inside.set()
        await asyncio.to_thread(go_on.wait, 20)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    return app


def test_what_was_accepted_is_answered_after_the_signal(running):
    inside, go_on, ending = threading.Event(), threading.Event(), threading.Event()
    application = patient(inside, go_on)
    with (
        running(application, on_end=ending.set) as (wire, server),
        wire.open() as one,
        wire.open() as idle,
    ):
        one.sendall(GET)
        assert inside.wait(20)
        server.handle_exit(15, None)
        assert ending.wait(20)
        idle.sendall(GET)  # it was on its way when the signal came
        go_on.set()
        for connection in (one, idle):
            answer = read_answer(connection)
            assert answer.status == 200
            assert answer.headers["connection"] == "close"


def test_it_ends_once_its_condition_holds_which_is_no_signal(running):
    inside, go_on, ending, over = (threading.Event() for _ in range(4))
    with (
        running(patient(inside, go_on), until=over.is_set, on_end=ending.set) as (wire, server),
        wire.open() as one,
    ):
        one.sendall(GET)
        assert inside.wait(20)
        over.set()
        assert ending.wait(20)
        server.handle_exit(15, None)  # the first signal, not the second one
        go_on.set()
        assert read_answer(one).status == 200


def test_who_is_accepted_while_it_ends_does_not_keep_it(running):
    inside, go_on, loops = threading.Event(), threading.Event(), []
    wait = patient(inside, go_on)

    async def app(scope, receive, send):
        loops.append(asyncio.get_running_loop())
        await wait(scope, receive, send)

    with running(app) as (wire, server), wire.open() as one:
        one.sendall(GET)
        assert inside.wait(20)
        (told,) = server.server_state.connections
        server.handle_exit(15, None)
        wait_for(lambda: told._ending)
        ours, theirs = socket.socketpair()
        made = loops[0].connect_accepted_socket(server._protocol, ours)
        asyncio.run_coroutine_threadsafe(made, loops[0]).result(20)
        with theirs:
            theirs.settimeout(20)
            assert theirs.recv(1) == b""
        go_on.set()
        assert read_answer(one).status == 200


def test_idle_connections_do_not_keep_the_server(running):
    go_on = threading.Event()
    go_on.set()
    application = patient(threading.Event(), go_on)
    with running(application) as (wire, server), wire.open() as one, wire.open() as half:
        half.sendall(b"GET / HT")
        server.handle_exit(15, None)
        assert one.recv(1) == b""
        half.sendall(GET[8:])
        assert read_answer(half).status == 200


def test_a_second_signal_ends_at_once(running):
    inside, go_on = threading.Event(), threading.Event()
    with running(patient(inside, go_on)) as (wire, server), wire.open() as one:
        one.sendall(GET)
        assert inside.wait(20)
        server.handle_exit(15, None)
        server.handle_exit(15, None)
        go_on.set()


def test_an_address_that_is_taken_is_told():
    with bound("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(ParameterError, match=r"in use.*--port"):
            bound("127.0.0.1", first.getsockname()[1])
    with pytest.raises(ParameterError, match="--host"):
        bound("203.0.113.7", 0)


def test_workers_share_an_address():
    with bound("127.0.0.1", 0, shared=True) as first:
        port = first.getsockname()[1]
        with bound("127.0.0.1", port, shared=True) as second:
            assert second.getsockname()[1] == port


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python knows no IPv6")
def test_ipv6_is_bound():
    try:
        with bound("::1", 0) as one:
            assert one.family == socket.AF_INET6
    except ParameterError as error:
        pytest.skip(f"this computer has no IPv6: {error}")


def test_answers_do_not_wait_for_acknowledgements():
    """asyncio sets TCP_NODELAY on sockets that name their protocol, and on no others."""
    with bound("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_who_connects_without_end_does_not_keep_the_server(monkeypatch):
    monkeypatch.setattr(module, "_BACKLOG", 3)
    with contextlib.ExitStack() as stack:

        class Crowd:
            taken = 0

            def accept(self):
                self.taken += 1
                assert self.taken <= 3
                ours, theirs = socket.socketpair()
                stack.callback(theirs.close)
                return ours, None

        async def accept():
            server = Server(patient(threading.Event(), threading.Event()), Limits())
            server.config.load()  # as its start does
            await server._accept_the_last(Crowd())
            count = len(server.server_state.connections)
            for connection in list(server.server_state.connections):
                connection.transport.close()
            await asyncio.sleep(0)
            return count

        assert asyncio.run(accept()) == 3


def test_an_unforeseen_error_is_told_once(running, caplog):
    def fail(kind):
        raise kind("unforeseen")

    async def app(scope, receive, send):
        loop = asyncio.get_running_loop()
        for kind in (KeyError, KeyError, ValueError, KeyError):
            loop.call_soon(fail, kind)
        for _ in range(3):
            loop.call_exception_handler({"message": "no more memory"})
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with running(app) as (wire, _):
        assert wire.ask("GET", "/").status == 200
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert sum("fail" in line for line in told) == 2

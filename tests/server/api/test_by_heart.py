"""Both roads to an answer - by ASGI, and by headers that are known by heart - say the same."""

import contextlib

import pytest
from reference.waiting import wait_for
from reference.wire import read_answer

pytestmark = pytest.mark.once

GOOD = b'{"rows": [[1, 2, 3]]}'
INFER = (
    b'{"inputs": [{"name": "X", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}],'
    b' "id": "7"}'
)


def request(path, body, port, **headers):
    given = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    head = f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def plain(answer):
    return answer._replace(headers={**answer.headers, "date": "today"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predict", GOOD),
        ("/v1/predict?proba=false&top=2", GOOD),
        ("/v1/predict", b'{"rows": [[1, 2]]}'),
        ("/v1/predict", b'{"rows": [[1e999, 2, 3]]}'),
        ("/v1/predict", b'{"rows": [[1.7e308, 1.7e308, 1.7e308]]}'),
        ("/v1/predict", b'{"rows"'),
        ("/v1/predict", b""),
        ("/v2/models/arrays/infer", INFER),
        ("/v2/models/arrays/infer", b'{"inputs": []}'),
        ("/v1/echo", b"\0abc"),
    ],
    ids=repr,
)
def test_the_answers_are_the_same(arrays_wire, path, body):
    wire = arrays_wire
    sent = request(path, body, wire.port, X=repr(body)[:60])
    with wire.open() as one:
        one.sendall(sent)
        first = read_answer(one)
        known = len(wire.api.memory)
        one.sendall(sent)
        assert plain(read_answer(one)) == plain(first)
        assert len(wire.api.memory) == known > 0


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/v1/predict?top=99", {}, 422),
        ("/v1/predict", {"Content-Type": "text/html"}, 415),
        ("/v1/predict", {"Origin": "http://evil.example"}, 403),
        ("/v1/predict", {"Host": "evil.example"}, 421),
        ("/v1/nothing", {}, 404),
    ],
    ids=repr,
)
def test_what_is_refused_is_refused_each_time(arrays_wire, path, headers, expected):
    sent = request(path, GOOD, arrays_wire.port, **headers)
    with arrays_wire.open() as one:
        for _ in range(3):
            one.sendall(sent)
            assert read_answer(one).status == expected


def test_a_token_is_known_by_heart_and_no_other(serving, runs):
    token = "a-token-that-is-long-enough"
    with serving(runs["arrays"], token=token) as wire, wire.open() as one:
        for shown, expected in ((token, 200), (token, 200), (token[:-1] + "x", 401), (token, 200)):
            one.sendall(request("/v1/predict", GOOD, wire.port, Authorization=f"Bearer {shown}"))
            assert read_answer(one).status == expected
        one.sendall(request("/v1/predict", GOOD, wire.port))
        assert read_answer(one).status == 401
        assert len(wire.api.memory) == 1


def test_what_is_known_by_heart_is_counted(serving, runs):
    with serving(runs["arrays"]) as wire:
        with wire.open() as one:
            for _ in range(5):
                one.sendall(request("/v1/predict", GOOD, wire.port))
                assert read_answer(one).status == 200
        told = wire.ask("GET", "/metrics").body.decode()
    assert 'luce_requests_total{route="/v1/predict",status="200"} 5.0' in told
    assert 'luce_request_seconds_count{route="/v1/predict"} 5.0' in told


@pytest.mark.parametrize("known", [False, True])
def test_requests_of_clients_that_have_gone_leave_the_queue(serving, runs, known):
    with serving(runs["arrays"]) as wire:
        batcher = wire.api.batcher
        with wire.open() as one:
            if known:
                one.sendall(request("/v1/predict", GOOD, wire.port))
                assert read_answer(one).status == 200
            batcher._busy = True  # as while a long batch is computed
            one.sendall(request("/v1/predict", GOOD, wire.port))
            wait_for(lambda: len(batcher) == 1)
        wait_for(lambda: len(batcher) == 0)
        batcher._busy = False
        assert wire.post("/v1/predict", {"rows": [[1, 2, 3]]}).status == 200
        told = wire.ask("GET", "/metrics").body.decode()
    assert f'luce_requests_total{{route="/v1/predict",status="200"}} {1.0 + known}' in told


def test_a_bug_is_told_once_on_each_road(serving, runs, monkeypatch, caplog):
    monkeypatch.setattr("luce.server.api.batching.predict_crowd", lambda model, crowd: 1 / 0)
    with serving(runs["arrays"]) as wire, contextlib.ExitStack() as stack:
        sent = request("/v1/predict", GOOD, wire.port)
        for _ in range(3):
            assert wire.send(sent).status == 500
        wire.api.batcher._busy = True  # so that the next ones are a batch, and share its error
        crowd = [stack.enter_context(wire.open()) for _ in range(3)]
        for one in crowd:
            one.sendall(sent)
        wait_for(lambda: len(wire.api.batcher) == 3)
        wire.api.batcher._busy = False
        assert wire.send(sent).status == 500
        assert [read_answer(one).status for one in crowd] == [500] * 3
    told = [record.exc_info[0] for record in caplog.records]
    assert told == [ZeroDivisionError] * 2

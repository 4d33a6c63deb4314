"""Requests that no friend would send, each with the status it must get; none makes a 500."""

import io
import socket
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from luce.errors import ParameterError
from luce.server.api.bodies import CSV, JSON, NDJSON, parse_rows
from luce.server.api.options import ServeOptions
from luce.server.api.served import Served
from luce.server.limits import Limits
from luce.server.security import Refused

pytestmark = pytest.mark.once

GOOD = b'{"rows": [[1, 2, 3]]}'


def bomb():
    """A PNG of a few kilobytes that claims 900 million pixels."""
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../etc/passwd", bytes(10_000_000))
    return buffer.getvalue()


@pytest.fixture
def wire(arrays_wire):
    return arrays_wire


def predict(wire, body, kind="application/json", **headers):
    return wire.ask("POST", "/v1/predict", body, content_type=kind, **headers)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GOOD, 200),
        (b" \r\n\t" + GOOD + b"\n", 200),
        (b'{"rows": [[1, 2, [3]]]}', 422),
        (b'{"rows": [[[1], [2], [3]]]}', 200),
        (b'{"rows": [[1e0, -2.5E-3, 3]]}', 200),
        (b"", 400),
        (b"\xff\xfe{\0", 400),
        (b'{"rows": [["\xff", 2, 3]]}', 400),
        (b'{"rows": [[1, 2, 3]]', 400),
        (b'{"rows": [[1, 2, 3]]}x', 400),
        (b'{"rows": [[1, 2, 3,]]}', 400),
        (b"\xef\xbb\xbf" + GOOD, 400),
        (b'{"rows": [[NaN, 2, 3]]}', 400),
        (b'{"rows": [[Infinity, 2, 3]]}', 400),
        (b'{"rows": [[-Infinity, 2, 3]]}', 400),
        (b'{"rows": [[1e999, 2, 3]]}', (400, 422)),
        (b'{"rows": [[1%b, 2, 3]]}' % (b"0" * 400), (400, 422)),
        (b'{"rows": [[1%b, 2, 3]]}' % (b"0" * 100_000), (400, 422)),
        (b'{"rows": [[0.%b1, 2, 3]]}' % (b"0" * 100_000), 200),
        (b'{"rows": [[01, 2, 3]]}', 400),
        (b'{"rows": [[0x1, 2, 3]]}', 400),
        (b'{"rows": [[1, 2, 3]], "rows": [[1, 2, 3]]}', 400),
        (b'{"rows": [{"x1": 1, "x1": 2}]}', 400),
        (b'{"rows": [["\\ud800", 2, 3]]}', 400),
        (b"[" * 100_000, 400),
        (b'{"rows": ' + b"[" * 100_000, 400),
        (b'{"rows": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"a":' * 100_000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"rows": {}}', 422),
        (b'{"rows": []}', 422),
        (b'{"rows": [[]]}', 422),
        (b'{"rows": [[1, 2]]}', 422),
        (b'{"rows": [[1, 2, 3, 4]]}', 422),
        (b'{"rows": [[1, 2, 3], [1, 2]]}', 422),
        (b'{"rows": [[1, 2, null]]}', 422),
        (b'{"rows": [[1, 2, true]]}', 422),
        (b'{"rows": [[1, 2, "3"]]}', 422),
        (b'{"rows": [[1, 2, {}]]}', 422),
        (b'{"rows": [1, 2, 3]}', 422),
        (b'{"rows": ["abc"]}', 422),
        (b'{"rows": [[1, 2, 3]], "path": "/etc/passwd"}', 422),
        (b'{"rows": "http://169.254.169.254/"}', 422),
        (b'{"rows": "file:///etc/passwd"}', 422),
        (b'{"rows": [' + b"[1,2,3]," * 1000 + b"[1,2,3]]}", 413),
        (b'{"rows": [' + b"[]," * 300_000 + b"[]]}", 413),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_json(wire, body, expected):
    started = time.perf_counter()
    answer = predict(wire, body)
    assert time.perf_counter() - started < 5  # nothing here may take long, nor recurse for ever
    assert answer.status in (expected if isinstance(expected, tuple) else (expected,)), answer.body
    assert "Traceback" not in answer.body.decode()
    assert answer.json


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/csv", b"x1,x2,x3\n1,2,3\n", 200),
        ("text/csv", b"", 422),
        ("text/csv", b"x1,x2,x3\n", 422),
        ("text/csv", b"x1,x2\n1,2\n", 422),
        ("text/csv", b"x1,x1,x3\n1,2,3\n", 422),
        ("text/csv", b"x1,x2,x3\n1,2\n", 422),
        ("text/csv", b"x1,x2,x3\n1,2,nan\n", 422),
        ("text/csv", b"x1,x2,x3\n1,2,1e999\n", 422),
        ("text/csv", b"x1,x2,x3\n1,2,=cmd|x\n", 422),
        ("text/csv", b'x1,x2,x3\n1,2,"\n', 422),
        ("text/csv", b"x1,x2,x3\n1,2,\xff\n", 422),
        ("text/csv", b"x1,x2,x3\n1,2,\0\n", 422),
        ("text/csv", b"x1,x2,x3\n" + b"1,2,3\n" * 1001, 413),
        ("text/csv", b"," * 200_000 + b"\n", 422),
        ("text/csv", archive(), 422),
        ("text/csv", zlib.compress(b"x" * 1000), 422),
        ("application/x-ndjson", b'{"x1": 1, "x2": 2, "x3": 3}\n', 200),
        ("application/x-ndjson", b'{"x1": 1, "x2": 2, "x3": {}}\n', 422),
        ("application/x-ndjson", b'{"x1": 1, "x2": 2, "x3": "\\ud800"}\n', 400),
        ("application/x-ndjson", b'{"x1": NaN}\n', 422),
        ("application/x-ndjson", b"[1, 2, 3]\n", 422),
        ("application/x-ndjson", b"\n\n", 422),
        ("application/x-ndjson", b"", 422),
        ("application/x-ndjson", b"{}\n" * 1001, 413),
        ("image/png", bomb(), 415),
        ("text/plain", GOOD, 415),
        ("text/html", GOOD, 415),
        ("application/x-www-form-urlencoded", b"rows=1", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/zip", archive(), 415),
        ("application/json\\x00", GOOD, 415),
        ("", GOOD, 415),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_other_types(wire, kind, body, expected):
    answer = predict(wire, body, kind)
    assert answer.status == expected, answer.body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bomb(), 422),
        (b"", 422),
        (b"\x89PNG\r\n\x1a\n", 422),
        (b"GIF89a" + bytes(100), 422),
        (b"%!PS-Adobe-3.0\n", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", 422),
        (archive(), 422),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_images(serving, runs, body, expected):
    with serving(runs["images"]) as wire:
        answer = predict(wire, body, "image/png")
        assert (answer.status, answer.json["error"]["type"]) == (expected, "DataError")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.com"}, 421),
        ({"host": "127.0.0.1.nip.io"}, 421),
        ({"host": "[::ffff:127.0.0.1]"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "identity"}, 200),
        ({"x-forwarded-host": "evil.example", "forwarded": "host=evil"}, 200),
        ({"authorization": "Bearer whatever"}, 200),
        ({"expect": "nothing"}, 200),
        ({"upgrade": "websocket", "connection": "upgrade"}, 400),
        ({"cookie": "a" * 10_000}, 200),
        ({"cookie": "a" * 20_000}, 431),
    ],
    ids=str,
)
def test_headers(wire, headers, expected):
    assert predict(wire, GOOD, **headers).status == expected


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/predict", 405),
        ("DELETE", "/v1/predict", 405),
        ("OPTIONS", "/v1/predict", 405),
        ("TRACE", "/healthz", 405),
        ("POST", "/healthz", 405),
        ("POST", "/v1/predict/", 404),
        ("POST", "/v1//predict", 404),
        ("POST", "/V1/predict", 404),
        ("POST", "/v1/%70redict", 200),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/v2/models/../../etc/passwd", 404),
        ("GET", "/v2/models/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v2/models/C:%5Cwindows", 404),
        ("GET", "/v2/models/%00", 404),
        ("GET", "/v2/models/nobody/ready", 404),
        ("GET", "/v2/models/arrays/versions/2", 404),
        ("GET", "http://evil.example/healthz", 200),  # the absolute form; its Host is checked
        ("GET", "/healthz?token=x&a=b", 200),
        ("GET", "/" + "x" * 9000, 414),
        ("GET", "/" + "x" * 1_000_000, 414),
    ],
    ids=lambda value: str(value)[:40],
)
def test_addresses(wire, method, path, expected):
    answer = wire.ask(
        method, path, GOOD if method == "POST" else b"", content_type="application/json"
    )
    assert answer.status == expected
    if expected == 405:
        assert answer.headers["allow"]
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_keys_that_the_model_does_not_have_take_no_memory(runs):
    served = Served.load(runs["table"])
    row = '{"size": 1, "colour": "red", "new": true, "day": "2024-01-01", %s}'
    rows = [row % f'"a{number}": 0, "b{number}": 0' for number in range(300)]
    frame = parse_rows(f'{{"rows": [{", ".join(rows)}]}}'.encode(), JSON, served, 1000)
    assert frame.shape[0] == 300
    assert set(served.columns) <= set(frame.columns)
    assert frame.width <= 4 + 20  # some others, for the words of a refusal
    first = row % ", ".join(f'"a{number}": 0' for number in range(300))
    frame = parse_rows("\n".join([first, *rows]).encode(), NDJSON, served, 1000)
    assert frame.shape[0] == 301
    assert frame.width <= 4 + 20


def test_cells_that_rows_leave_out_are_counted(runs, monkeypatch):
    monkeypatch.setattr("luce.server.api.bodies._MOST_CELLS", 50)
    served = Served.load(runs["table"])
    full = '{"size": 1, "colour": "red", "new": true, "day": "2024-01-01"}'
    whole = [full] * 20
    assert len(parse_rows(f'{{"rows": [{", ".join(whole)}]}}'.encode(), JSON, served, 100)) == 20
    sparse = [full, *["{}"] * 19]
    for body, kind in (
        (f'{{"rows": [{", ".join(sparse)}]}}', JSON),
        ("\n".join(sparse), NDJSON),
    ):
        with pytest.raises(Refused, match="413 TooLarge"):
            parse_rows(body.encode(), kind, served, 100)


def test_a_table_may_have_a_thousand_columns_more_than_the_model(runs):
    served = Served.load(runs["table"])
    header = ",".join(f"a{number}" for number in range(1005))
    with pytest.raises(Refused, match="1,000 more"):
        parse_rows(f"{header}\n{',' * 1004}\n".encode(), CSV, served, 100)


def test_many_keys_of_which_one_is_repeated_are_refused_at_once(wire):
    keys = ", ".join(f'"{number}": 0' for number in range(40_000))
    started = time.perf_counter()
    answer = predict(wire, f'{{{keys}, "7": 1}}'.encode())
    assert time.perf_counter() - started < 5
    assert answer.status == 400
    assert "repeats '7'" in answer.json["error"]["message"]


def test_a_body_of_ten_gigabytes_is_refused_by_its_first_line(wire):
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n"
    )
    assert wire.send(head.encode()).status == 413


def test_nothing_in_a_request_makes_the_server_open_a_connection(serving, runs, monkeypatch):
    with serving(runs["table"]) as wire:
        outward = []
        connect = socket.socket.connect

        def watched(one, address):
            if address[1] != wire.port:
                outward.append(address)
            return connect(one, address)

        monkeypatch.setattr(socket.socket, "connect", watched)
        for value in ("http://169.254.169.254/latest", "file:///etc/passwd", "\\\\host\\share"):
            row = {"size": 1, "colour": value, "new": None, "day": None}
            assert wire.post("/v1/predict", {"rows": [row]}).status == 200
        assert not outward


def test_a_token_is_asked_for_everywhere_but_for_health(serving, runs):
    token = "a-token-that-is-long-enough"
    with serving(runs["arrays"], token=token) as wire:
        for path in ("/v1/predict", "/v2", "/metrics", "/openapi.json", "/nothing"):
            method = "POST" if path == "/v1/predict" else "GET"
            refused = wire.ask(method, path, GOOD, content_type="application/json")
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
            given = wire.ask(
                method, path, GOOD, content_type="application/json", authorization=f"Bearer {token}"
            )
            assert given.status == (404 if path == "/nothing" else 200)
        for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
            assert wire.ask("GET", path).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "models.example"])
def test_the_world_is_let_in_only_with_a_token_or_an_open_word(host):
    with pytest.raises(ParameterError, match="--insecure"):
        ServeOptions("m", host=host).check()
    ServeOptions("m", host=host, insecure=True).check()
    ServeOptions("m", host=host, token="x" * 16).check()


@pytest.mark.parametrize("change", [{"token": "short"}, {"token": "a b" * 9}, {"name": "../x"}])
def test_what_cannot_be_is_refused_at_the_start(change):
    with pytest.raises(ParameterError):
        ServeOptions("m", **change).check()


def test_the_token_is_not_shown():
    assert "secret" not in repr(ServeOptions("m", token="secret-secret-secret"))


def test_bodies_that_are_being_parsed_take_their_room(serving, runs, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def waiting(*arguments):
        begun.set()
        go_on.wait(20)
        return parse_rows(*arguments)

    monkeypatch.setattr("luce.server.api.app.parse_rows", waiting)
    limits = Limits(bodies=150_000)
    with serving(runs["arrays"], limits=limits) as wire, ThreadPoolExecutor(1) as pool:
        first = pool.submit(predict, wire, GOOD + b" " * 90_000)
        assert begun.wait(20)
        second = predict(wire, GOOD + b" " * 90_000)
        go_on.set()
        assert (first.result().status, second.status) == (200, 503)

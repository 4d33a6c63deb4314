"""Who is let in: Host, Origin, token, types; and what every answer carries."""

import asyncio

import pytest

from luce.server.security import (
    PROTECTIVE_HEADERS,
    Access,
    Guard,
    Refused,
    admit,
    allowed_hosts,
    error_body,
    is_loopback,
    require_host,
    with_protection,
)

pytestmark = pytest.mark.once

TOKEN = "a-token-that-is-long-enough"
HOST = (b"host", b"127.0.0.1:8000")


def scope(*headers, method="GET", path="/", query=b"", host=HOST):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [*([host] if host else []), *headers],
    }


def status(request, access=None):
    """0 for a request that is let in, 303 for the exchange of a token, else that of the refusal."""
    try:
        return 0 if admit(request, access or Access()) is None else 303
    except Refused as refused:
        return refused.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LocalHost:65535", "[::1]:8000"]
)
def test_the_names_of_this_computer_are_let_in_at_any_port(host):
    assert status(scope(host=(b"host", host.encode()))) == 0


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("evil.example", 421),
        ("localhost.evil.com", 421),
        ("127.0.0.1.nip.io", 421),
        ("[::ffff:127.0.0.1]", 421),
        ("127.0.0.2", 421),
        ("0.0.0.0:8000", 421),
        ("2130706433", 421),
        ("localhost.", 421),
        ("127.0.0.1:0", 400),
        ("127.0.0.1:65536", 400),
        ("127.0.0.1:8000:1", 400),
        ("127.0.0.1@evil.example", 400),
        ("evil.example/127.0.0.1", 400),
        ("localhost\t", 400),
        ("", 400),
        ("löcalhost", 400),
    ],
)
def test_other_names_are_refused(host, expected):
    assert status(scope(host=(b"host", host.encode("latin-1")))) == expected


def test_a_request_needs_exactly_one_host():
    assert status(scope(host=None)) == 400
    assert status(scope(HOST)) == 400


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://127.0.0.1:8000", 0),
        ("https://127.0.0.1:8000", 0),
        ("http://127.0.0.1:8001", 403),  # another server on this computer is another site
        ("http://127.0.0.1", 403),
        ("http://localhost:8000", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("http://127.0.0.1:8000.evil.example", 403),
    ],
)
def test_pages_of_other_sites_are_refused(origin, expected):
    assert status(scope((b"origin", origin.encode()), method="POST")) == expected
    assert status(scope((b"origin", origin.encode()))) == expected


def test_of_several_origins_each_is_judged():
    good, bad = (b"origin", b"http://127.0.0.1:8000"), (b"origin", b"null")
    assert status(scope(good, bad)) == status(scope(bad, good)) == 403


@pytest.mark.parametrize("site", [b"cross-site", b"same-site"])
def test_a_link_may_be_followed_from_elsewhere_and_nothing_else(site):
    site = (b"sec-fetch-site", site)
    assert status(scope(site, (b"sec-fetch-mode", b"navigate"))) == 0
    assert status(scope(site, (b"sec-fetch-mode", b"navigate"), method="POST")) == 403
    assert status(scope(site, (b"sec-fetch-mode", b"no-cors"))) == 403
    assert status(scope(site)) == 403
    assert status(scope((b"sec-fetch-site", b"same-origin"))) == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, 401),
        ((b"authorization", f"Bearer {TOKEN}".encode()), 0),
        ((b"authorization", f"bearer  {TOKEN}".encode()), 0),
        ((b"authorization", f"Basic {TOKEN}".encode()), 401),
        ((b"authorization", f"Bearer {TOKEN}x".encode()), 401),
        ((b"authorization", b"Bearer "), 401),
        ((b"authorization", b"Bearer \xff\xfe"), 401),
        ((b"cookie", f"luce-8000={TOKEN}".encode()), 0),
        ((b"cookie", f'broken="; other=1; luce-8000={TOKEN}'.encode()), 0),
        ((b"cookie", f"luce-8001={TOKEN}".encode()), 401),
        ((b"cookie", b"luce-8000="), 401),
    ],
)
def test_a_protected_path_needs_the_token(header, expected):
    access = Access(
        token=TOKEN, cookie="luce-8000", protected=lambda path: path.startswith("/api/")
    )
    headers = [header] if header else []
    assert status(scope(*headers, path="/api/x"), access) == expected
    assert status(scope(*headers, path="/style.css"), access) == 0


def test_a_token_in_the_address_becomes_a_cookie_once():
    access = Access(token=TOKEN, cookie="luce-8000")
    answer = admit(scope(query=f"token={TOKEN}".encode(), path="//evil.example/"), access)
    told = dict(answer)
    assert told[b"location"] == b"/"
    assert told[b"set-cookie"] == f"luce-8000={TOKEN}; HttpOnly; SameSite=Strict; Path=/".encode()
    for query in ("token=wrong", "token=", f"token={TOKEN}&token={TOKEN}", "token=%ff"):
        assert status(scope(query=query.encode()), access) == 401
    assert status(scope(query=f"token={TOKEN}".encode(), method="POST"), access) == 401


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (b"application/json", 0),
        (b"Application/JSON; charset=utf-8", 0),
        (b"text/plain", 415),
        (b"application/x-www-form-urlencoded", 415),
        (b"multipart/form-data; boundary=application/json", 415),
        (b"", 415),
        (None, 415),
    ],
)
def test_writes_need_a_type_that_no_form_can_send(kind, expected):
    access = Access(write_types=["application/json"])
    headers = [] if kind is None else [(b"content-type", kind)]
    assert status(scope(*headers, method="POST"), access) == expected
    assert status(scope(*headers), access) == 0


def test_what_is_bound_tells_which_names_are_allowed():
    everywhere = allowed_hosts("0.0.0.0", ["Models.example"])
    for host in ("192.168.1.7:8000", "[fe80::1]", "models.example", "localhost"):
        require_host(host, everywhere)
    with pytest.raises(Refused, match="421"):
        require_host("evil.example", everywhere)
    one = allowed_hosts("192.168.1.7")
    require_host("192.168.1.7", one)
    with pytest.raises(Refused, match="421"):
        require_host("192.168.1.8", one)
    require_host("[::2]:80", allowed_hosts("::2"))


def test_loopback_is_told_from_the_world():
    assert is_loopback("localhost")
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.1.7", "example.org", ""]))


def guarded(request, access=None, headers=()):
    """The answer that a guarded application gives: status, headers, body."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b"inside"})

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, access or Access())(request, None, send))
    return sent[0].get("status"), dict(sent[0].get("headers", [])), sent[-1].get("body")


@pytest.mark.parametrize("host", [HOST, (b"host", b"evil.example")])
def test_every_answer_has_the_protective_headers(host):
    status, headers, body = guarded(scope(host=host))
    assert (status, body == b"inside") == ((200, True) if host is HOST else (421, False))
    assert headers.items() >= dict(PROTECTIVE_HEADERS).items()
    assert headers[b"cache-control"] == b"no-store"
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert b"access-control-allow-origin" not in headers


def test_an_answer_may_bring_its_own_headers():
    own = (b"cache-control", b"max-age=60")
    assert guarded(scope(), headers=[own])[1][b"cache-control"] == b"max-age=60"
    assert [pair for pair in with_protection([own]) if pair[0] == own[0]] == [own]


def test_the_exchange_of_a_token_is_an_answer():
    access = Access(token=TOKEN, cookie="luce-8000")
    status, headers, body = guarded(scope(query=f"token={TOKEN}".encode()), access)
    assert (status, headers[b"location"], body) == (303, b"/", b"")


def test_a_websocket_is_closed_before_it_is_opened():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(None, Access())({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_errors_are_json_whatever_they_say():
    assert (
        error_body("T", 'a "b" \n é')
        == '{"error": {"type": "T", "message": "a \\"b\\" \\n é"}}'.encode()
    )
    assert b"?" in error_body("T", "\ud800")

"""Who may speak to the server, and what a browser may do with its answers: one ASGI middleware.

A page of any site that is open in a browser can send requests to a server on this computer. It
cannot choose their ``Host`` and ``Origin``, so these are checked first (DNS rebinding, cross-site
requests); then the token, which no other page can know.

Sources: the Fetch standard (which requests need no preflight, ``Sec-Fetch-Site``); RFC 9110,
sections 7.2 (Host) and 15.5.20 (421); RFC 6454 (Origin); RFC 6750 (bearer tokens).
"""

import hmac
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

PROTECTIVE_HEADERS: Headers = [
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
        b" object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NO_STORE = (b"cache-control", b"no-store")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")


class Refused(Exception):
    """A request that gets an error for an answer.

    Attributes
    ----------
    status, kind, message : the HTTP status, and type and message of the error
    headers : of the answer, besides those that every answer has
    """

    def __init__(
        self, status: int, kind: str, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(f"{status} {kind}: {message}")
        self.status, self.kind, self.message, self.headers = status, kind, message, headers


RETRY_AFTER = 1  # second, after which who was refused for want of room may come again


def busy(message: str) -> Refused:
    """Return the refusal of what there is no room for, which says when to come again."""
    told = ((b"retry-after", b"%d" % RETRY_AFTER),)
    return Refused(503, "Busy", f"{message} Try again in a second.", told)


@dataclass(frozen=True)
class Access:
    """Who may speak to the server.

    Attributes
    ----------
    hosts : names by which the server may be called, in lower case and without a port; ``"*"``
        stands for every address in numbers, which nobody can make point elsewhere
    token : what a request for a protected path must show; None: nothing
    cookie : name of the cookie that may hold the token
    spend : whether a ticket in an address is good for the cookie; asked once for each request
    protected : whether a path needs the token
    write_types : media types that the body of a request may have; None: the routes decide
    """

    hosts: Collection[str] = LOOPBACK
    token: str | None = None
    cookie: str | None = None
    spend: Callable[[str], bool] = lambda ticket: False
    protected: Callable[[str], bool] = lambda path: True
    write_types: Collection[str] | None = None


class Guard:
    """Lets through to `app` what `access` allows; adds the protective headers to every answer."""

    def __init__(self, app: App, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket is closed before it is accepted
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_protection(message.get("headers", ()))
            await send(message)

        try:
            answer = admit(scope, self.access)
        except Refused as refused:
            await send_refusal(guarded, refused)
            return
        if answer is None:
            await self.app(scope, receive, guarded)
        else:
            await guarded({"type": "http.response.start", "status": 303, "headers": answer})
            await guarded({"type": "http.response.body", "body": b""})


def admit(scope: Scope, access: Access) -> Headers | None:
    """Check a request; return the headers of a redirect if the URL has a token or a ticket.

    Raises
    ------
    Refused
        400 without exactly one Host, 421 for a foreign one, 403 for a request that another site
        has a browser send, 401 without the token, 415 for a body of another type.
    """
    headers: Headers = scope["headers"]
    host = _single(headers, b"host")
    require_host(host, access.hosts)
    _require_same_origin(scope["method"], headers, host)
    if access.write_types is not None and scope["method"] not in SAFE_METHODS:
        _require_type(headers, access.write_types)
    if access.token is None:
        return None
    if access.cookie and b"token=" in scope["query_string"] and scope["method"] == "GET":
        return _exchange(scope, access.token, access.cookie)
    if access.cookie and b"ticket=" in scope["query_string"] and scope["method"] == "GET":
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])
        is_good = len(shown) == 1 and access.spend(shown[0])
        # Without the cookie the page says in the reader's language how to come in.
        return _to_the_start(access.cookie, access.token if is_good else None)
    if access.protected(scope["path"]) and not _shows_token(headers, access.token, access.cookie):
        raise Refused(
            401,
            "TokenRequired",
            "This server answers only requests with its token: send the header"
            " 'Authorization: Bearer TOKEN', or open the address that it printed at its start.",
            ((b"www-authenticate", b"Bearer"),),
        )
    return None


def require_host(host: str, hosts: Collection[str]) -> None:
    """Refuse a Host by which this server may not be called.

    >>> require_host("localhost:8000", LOOPBACK)
    >>> try:
    ...     require_host("localhost.evil.example", LOOPBACK)
    ... except Refused as refused:
    ...     print(refused.status, refused.kind)
    421 ForeignHost
    """
    parts = _HOST.fullmatch(host.lower())
    if parts is None or int(parts["port"] or 1) not in range(1, 65536):
        raise Refused(400, "BadHost", "The Host header must be a name or an address with a port.")
    name = parts["name"]
    if name not in hosts and not ("*" in hosts and _is_address(name)):
        raise Refused(
            421,
            "ForeignHost",
            "The Host header names another server than this one. Use the address that the server"
            " printed at its start, or allow the name when it is started.",
        )


def allowed_hosts(host: str, more: Iterable[str] = ()) -> frozenset[str]:
    """Return the names for a server that is bound to `host`; `more` are allowed besides.

    >>> sorted(allowed_hosts("0.0.0.0", ["Models.example"]))
    ['*', '127.0.0.1', '[::1]', 'localhost', 'models.example']
    """
    own = {"*"} if host in ("0.0.0.0", "::") else {f"[{host}]" if ":" in host else host.lower()}
    return frozenset({*LOOPBACK, *own, *(name.lower() for name in more)})


def is_loopback(host: str) -> bool:
    """Return whether only this computer reaches a server that is bound to `host`.

    >>> is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def same_token(shown: str, token: str) -> bool:
    """Compare in a time that does not tell how much of it is right."""
    return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), token.encode())


def with_protection(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of an answer with those that protect it, unless it brings its own."""
    own = list(headers)
    names = {name for name, _ in own}
    kept = [pair for pair in PROTECTIVE_HEADERS if pair[0] not in names]
    if _NO_STORE[0] not in names:
        kept.append(_NO_STORE)
    return own + kept


def error_body(kind: str, message: str) -> bytes:
    """Return the JSON of an error."""
    tree = {"error": {"type": kind, "message": message}}
    return json.dumps(tree, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


async def send_refusal(send: Send, refused: Refused) -> None:
    """Send an error as JSON."""
    body = error_body(refused.kind, refused.message)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *refused.headers,
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _single(headers: Headers, name: bytes) -> str:
    values = [value for key, value in headers if key == name]
    if len(values) != 1:
        raise Refused(400, "BadHost", f"A request needs one Host header, got {len(values)}.")
    return values[0].decode("latin-1")


def _require_same_origin(method: str, headers: Headers, host: str) -> None:
    """Refuse what a page of another site has a browser send.

    Programs send neither header. Following a link to the server is a navigation, and harmless.
    """
    site = mode = b""
    for name, value in headers:
        if name == b"origin":
            origin = value.decode("latin-1").lower()
            if origin not in (f"http://{host.lower()}", f"https://{host.lower()}"):
                raise Refused(403, "ForeignOrigin", "Pages of other sites may not use this server.")
        elif name == b"sec-fetch-site":
            site = value
        elif name == b"sec-fetch-mode":
            mode = value
    if site in (b"cross-site", b"same-site") and not (method == "GET" and mode == b"navigate"):
        raise Refused(403, "ForeignOrigin", "Pages of other sites may not use this server.")


def _require_type(headers: Headers, types: Collection[str]) -> None:
    """The types that a form can send without asking first are never among `types`."""
    given = [value for name, value in headers if name == b"content-type"]
    kind = given[0].split(b";")[0].strip().lower().decode("latin-1") if len(given) == 1 else ""
    if kind not in types:
        raise Refused(
            415,
            "UnsupportedType",
            f"The Content-Type must be {' or '.join(sorted(types))}.",
        )


def _exchange(scope: Scope, token: str, cookie: str) -> Headers:
    """A cookie for the token in the URL, so that the address bar and the history lose it."""
    shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
    if len(shown) != 1 or not same_token(shown[0], token):
        raise Refused(
            401,
            "WrongToken",
            "The token in the address is not that of this server; it has a new one after each"
            " start. Open the address that it printed.",
        )
    return _to_the_start(cookie, token)


def _to_the_start(cookie: str, token: str | None) -> Headers:
    """A redirect to the first page, with the cookie if there is a token."""
    headers = [(b"location", b"/"), (b"content-length", b"0")]
    if token is not None:
        crumb = f"{cookie}={token}; HttpOnly; SameSite=Strict; Path=/"
        headers.append((b"set-cookie", crumb.encode()))
    return headers


def _shows_token(headers: Headers, token: str, cookie: str | None) -> bool:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, shown = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and same_token(shown.strip(), token):
                return True
        if name == b"cookie" and cookie is not None:
            shown = _crumb(value.decode("latin-1"), cookie)
            if same_token(shown, token):
                return True
    return False


def _crumb(header: str, name: str) -> str:
    """The value of a cookie; other servers on this computer may have set broken ones beside it."""
    for crumb in header.split(";"):
        key, _, value = crumb.strip().partition("=")
        if key == name:
            return value
    return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True

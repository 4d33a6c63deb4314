"""Answers as the bytes that go over the wire, for those that no application sends itself.

All of an answer but its body, its length and the date is the same time and again, and is put
together once.
"""

from collections.abc import Iterable
from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from luce.server.security import Refused, error_body, with_protection

_Pairs = tuple[tuple[bytes, bytes], ...]


def answer_bytes(
    status: int,
    headers: _Pairs,
    body: bytes,
    *,
    more: Iterable[tuple[bytes, bytes]] = (),
    keep: bool = True,
) -> bytes:
    """Return an answer.

    headers : those that it has besides the protective ones; the same ones time and again
    more : those that differ, as the date does
    keep : whether the connection stays
    """
    return b"".join(
        [
            _same(status, headers),
            *[b"%b: %b\r\n" % pair for pair in more],
            b"content-length: %d\r\n\r\n" % len(body)
            if keep
            else b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body),
            body,
        ]
    )


def refusal_bytes(
    refused: Refused, *, more: Iterable[tuple[bytes, bytes]] = (), keep: bool
) -> bytes:
    """Return the answer that says why a request is refused."""
    headers = (*refused.headers, (b"content-type", b"application/json"))
    return answer_bytes(
        refused.status, headers, _words(refused.kind, refused.message), more=more, keep=keep
    )


@lru_cache(maxsize=128)
def _same(status: int, headers: _Pairs) -> bytes:
    lines = [b"%b: %b\r\n" % pair for pair in with_protection(headers)]
    return b"".join([STATUS_LINE[status], *lines])


@lru_cache(maxsize=128)
def _words(kind: str, message: str) -> bytes:
    return error_body(kind, message)

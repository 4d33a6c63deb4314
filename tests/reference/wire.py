"""An HTTP client that may say anything, also what no client should; it knows nothing of luce."""

import contextlib
import json
import socket
from typing import NamedTuple


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        def refuse(name):
            raise AssertionError(f"{name} is no JSON")

        return json.loads(self.body, parse_constant=refuse)


class Wire(NamedTuple):
    """The address of a server."""

    port: int

    def open(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, data, *, end=False):
        """Send bytes over a new connection; return the first answer."""
        with self.open() as one:
            with contextlib.suppress(OSError):  # the server may hang up before it has read all
                one.sendall(data)
                if end:
                    one.shutdown(socket.SHUT_WR)
            return read_answer(one)

    def ask(self, method, path, body=b"", **headers):
        """Send a request; return the answer. ``content_type="..."`` is a header."""
        given = {"host": f"127.0.0.1:{self.port}", **headers}
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items()]
        head = f"{method} {path} HTTP/1.1\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n"
        return self.send(head.encode("latin-1") + body)

    def post(self, path, tree, **headers):
        headers = {"content_type": "application/json", **headers}
        return self.ask("POST", path, json.dumps(tree).encode(), **headers)


def read_answer(one):
    """Read one answer; None if the connection was closed without any."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = one.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            assert not data, data
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        assert name not in headers, f"{name} twice"
        headers[name] = value
    while len(body) < int(headers.get("content-length", 0)):
        piece = one.recv(65536)
        assert piece, "the answer is cut off"
        body += piece
    return Answer(int(first.split()[1]), headers, body)

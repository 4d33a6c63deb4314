"""Servers of single models: ``luce serve`` as a child process, started and stopped from a page."""

import atexit
import contextlib
import http.client
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from luce.errors import ParameterError
from luce.server.ui.workspace import ModelFile, Workspace

_ADDRESS = re.compile(rb"https?://[\w.\[\]:-]+:\d+")
_PATIENCE = 10.0  # seconds that a server is given to stop by itself
_ANSWER = 60.0  # seconds that an answer may take
_LONGEST_LOG = 4000  # bytes of it that are shown
_LONGEST_ANSWER = 1 << 20


@dataclass
class Server:
    """A child process and the file that its words go to."""

    process: subprocess.Popen[bytes]
    log: Path
    address: str | None = None


class Reply(NamedTuple):
    """What a server answered, and how long each of the equal requests took."""

    status: int
    content_type: str
    body: str
    milliseconds: list[float]


class Servers:
    """At most one server a model; all are stopped when the process ends, however it ends.

    A server ends when its standard input does, which is a pipe that this process alone holds open:
    the system closes it also after a SIGKILL.

    Parameters
    ----------
    workspace : where the logs lie
    command : what starts a server; the model's path and more options follow
    """

    def __init__(self, workspace: Workspace, command: tuple[str, ...] = ()) -> None:
        self._workspace = workspace
        self._command = command or (sys.executable, "-m", "luce.cli", "serve")
        self._lock = threading.Lock()
        self._servers: dict[str, Server] = {}
        atexit.register(self.stop_all)

    def start(self, file: ModelFile) -> dict[str, Any]:
        """Start a server unless one is running; return its state."""
        with self._lock:
            server = self._servers.get(file.id)
            if server is None or server.process.poll() is not None:
                if server is not None:
                    _end(server.process)
                self._servers[file.id] = self._started(file)
        return self.state(file.id)

    def state(self, id: str) -> dict[str, Any]:
        """Return ``state`` (stopped, starting, running, failed), ``address`` and ``log``."""
        server = self._servers.get(id)
        if server is None:
            return {"state": "stopped", "address": None, "log": ""}
        log = server.log.read_bytes()
        words = log[-_LONGEST_LOG:].decode(errors="replace")
        if server.process.poll() is not None:
            return {"state": "failed", "address": None, "log": words}
        if server.address is None and (match := _ADDRESS.search(log)):
            server.address = match.group().decode()
        ready = server.address is not None and _ready(server.address)
        address = server.address if ready else None
        return {"state": "running" if ready else "starting", "address": address, "log": words}

    def stop(self, id: str) -> dict[str, Any]:
        """End a server, gracefully if it will; blocks until it has ended."""
        with self._lock:
            server = self._servers.pop(id, None)
        if server is not None:
            _end(server.process)
        return self.state(id)

    def stop_all(self) -> None:
        """End all servers."""
        for id in list(self._servers):
            self.stop(id)

    def ask(
        self, id: str, path: str, body: bytes, content_type: str, times: int, method: str
    ) -> Reply:
        """Send one request, several times over one connection, and measure.

        Raises
        ------
        ParameterError
            No server is running, or it gave no answer.
        """
        address = self.state(id)["address"]
        if address is None:
            raise ParameterError("the server of this model is not running. Start it first.")
        try:
            return _asked(address, path, body, content_type, times, method)
        except (OSError, http.client.HTTPException) as error:
            raise ParameterError(
                f"the server must answer, but there was none ({error}). Look at its log."
            ) from error

    def _started(self, file: ModelFile) -> Server:
        log = self._workspace.new_folder() / "serve.log"
        with log.open("wb") as words:
            process = subprocess.Popen(
                [*self._command, str(file.path), "--port", "0", "--until-stdin-ends"],
                stdin=subprocess.PIPE,  # never written to
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for `luce ui`, which ends it
            )
        return Server(process, log)


def _ready(address: str) -> bool:
    try:
        return _asked(address, "/readyz", b"", "", 1, "GET", patience=2.0).status == 200
    except (OSError, http.client.HTTPException):
        return False


def _asked(
    address: str,
    path: str,
    body: bytes,
    content_type: str,
    times: int,
    method: str,
    patience: float = _ANSWER,
) -> Reply:
    parts = urlsplit(address)
    assert parts.hostname is not None, "_ADDRESS has one"
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience)
    headers = {"Content-Type": content_type} if content_type else {}
    if token := os.environ.get("LUCE_TOKEN"):  # `luce serve` then asks for it
        headers["Authorization"] = f"Bearer {token}"
    with contextlib.closing(connection):
        connection.connect()
        times_taken = []
        for _ in range(times):
            started = time.perf_counter()
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
            times_taken.append(1e3 * (time.perf_counter() - started))
    text = data[:_LONGEST_ANSWER].decode(errors="replace")
    return Reply(answer.status, answer.headers.get("Content-Type", ""), text, times_taken)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()

"""Serve one model: the work of ``luce serve``, and of each of its workers."""

import gc
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luce.kernels import get_num_threads, set_num_threads
from luce.server.api.app import Api
from luce.server.api.options import ServeOptions
from luce.server.api.served import Served
from luce.server.running import Server, raise_file_limit
from luce.server.workers import serve_in_workers


def serve(
    options: ServeOptions,
    on_ready: Callable[[str], None],
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Serve a model until a signal ends it, or `until` holds; `on_ready` is told the address.

    Raises
    ------
    ParameterError
        An option is impossible or unsafe, or the address is taken.
    ModelFileError
        The model cannot be read.
    """
    options.check()
    if options.workers > 1:  # the workers would fail again and again
        Served.load(options.model, options.name)
    serve_in_workers(
        _work,
        options,
        host=options.host,
        port=options.port,
        workers=options.workers,
        grace=options.grace,
        on_ready=lambda port: on_ready(address(options.host, port)),
        until=until,
    )


def address(host: str, port: int) -> str:
    """Return the address to open.

    >>> address("0.0.0.0", 8000), address("::1", 80)
    ('http://127.0.0.1:8000', 'http://[::1]:80')
    """
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _work(
    options: ServeOptions,
    listener: socket.socket,
    folder: Path | None,
    started: Callable[[], Any],
    until: Callable[[], bool],
) -> None:
    raise_file_limit()
    # Threads of several workers that wait for the same cores would only wait for each other.
    set_num_threads(max(1, get_num_threads() // options.workers))
    api = Api(options, metrics_folder=folder, tell=_tell)
    # What lives as long as the process need not be looked through again and again.
    gc.freeze()

    def start() -> None:
        api.start()
        started()

    server = Server(
        api.app,
        options.limits,
        gate=api.gate,
        memory=api.memory,
        on_start=start,
        on_end=api.end,
        until=until,
        grace=options.grace,
    )
    try:
        server.run([listener])
    finally:
        api.close()


def _tell(message: str) -> None:
    plain = "".join(ch if ch.isprintable() else " " for ch in message)
    print(f"luce: {plain}", file=sys.stderr, flush=True)

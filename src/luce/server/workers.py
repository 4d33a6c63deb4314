"""One process or several that serve the same address; a worker that dies is started again."""

import multiprocessing
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any

from luce.server.running import bound

Target = Callable[[Any, socket.socket, Path | None, Callable[[], Any], Callable[[], bool]], None]

_PATIENCE = 5.0  # seconds more than their own that the workers get to end
_BREATH = 1.0  # seconds between the start of a worker and its next start


def serve_in_workers(
    target: Target,
    options: Any,
    *,
    host: str,
    port: int,
    workers: int,
    grace: float,
    on_ready: Callable[[int], None],
    until: Callable[[], bool],
) -> None:
    """Run ``target(options, socket, folder, started, until)`` in one process or several.

    They end after a signal, or once `until` holds, which is asked now and then, as a target asks
    its own. The folder, which the workers share, is None where there is only this process;
    ``started`` is to be called when connections are accepted. Each worker has a socket of its own,
    among which the system shares out the connections. `on_ready` is told the port when all have
    started.

    Raises
    ------
    ParameterError
        The address cannot be had.
    """
    first = bound(host, port)
    port = first.getsockname()[1]
    if workers == 1:
        with first:
            target(options, first, None, lambda: on_ready(port), until)
        return
    first.close()  # it has shown that nobody else is there
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="luce-serve-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sockets = [bound(host, port, shared=True) for _ in range(workers)]
        for one in sockets:
            stack.callback(one.close)
        crew = _Crew(target, options, sockets, folder)
        crew.work(lambda: on_ready(port), until, grace + _PATIENCE)


class _Started:
    """Called by a worker, tells the process that looks after it that it has started."""

    def __init__(self, semaphore: Any) -> None:
        self._semaphore = semaphore

    def __call__(self) -> None:
        self._semaphore.release()


def _orphaned() -> bool:
    """Whether the process that looked after this worker is gone: it would serve for nobody."""
    parent = multiprocessing.parent_process()
    return parent is None or not parent.is_alive()


class _Crew:
    """The workers, and the process that looks after them."""

    def __init__(
        self, target: Target, options: Any, sockets: list[socket.socket], folder: Path
    ) -> None:
        self._target, self._options = target, options
        self._sockets, self._folder = sockets, folder
        self._ending = False
        self._crew: list[Any] = []
        # A fresh interpreter: threads of NumPy and polars do not survive a fork.
        self._context = multiprocessing.get_context("spawn")
        self._started = self._context.Semaphore(0)

    def work(
        self, on_ready: Callable[[], None], until: Callable[[], bool], patience: float
    ) -> None:
        waited_for = len(self._sockets)
        before = {one: signal.signal(one, self._end) for one in (signal.SIGINT, signal.SIGTERM)}
        crew = self._crew = [self._start(one) for one in self._sockets]
        started = [time.monotonic()] * len(crew)
        try:
            while not (self._ending or until()):
                while waited_for and self._started.acquire(block=False):
                    waited_for -= 1
                    if not waited_for:
                        on_ready()
                wait([worker.sentinel for worker in crew], timeout=0.2)
                for place, worker in enumerate(crew):
                    if not worker.is_alive() and not self._ending:
                        self._mourn(worker)
                        time.sleep(max(0.0, started[place] + _BREATH - time.monotonic()))
                        crew[place] = self._start(self._sockets[place])
                        started[place] = time.monotonic()
        finally:
            self._dismiss(crew, patience)
            for one, handler in before.items():
                signal.signal(one, handler)

    def _start(self, one: socket.socket) -> Any:
        worker = self._context.Process(
            target=self._target,
            args=(self._options, one, self._folder, _Started(self._started), _orphaned),
        )
        # Ctrl-C reaches all processes of a terminal, but is for this one: to a worker, the SIGTERM
        # that follows would be the second signal, which ends it at once. A child inherits the mask.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            worker.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return worker

    def _mourn(self, worker: Any) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid, str(self._folder))  # type: ignore[no-untyped-call]

    def _dismiss(self, crew: list[Any], patience: float) -> None:
        # While this process holds them too, they would take connections that nobody accepts.
        for one in self._sockets:
            one.close()
        for worker in crew:
            worker.terminate()
        deadline = time.monotonic() + patience
        for worker in crew:
            worker.join(max(0.0, deadline - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()

    def _end(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends all gracefully, the second one at once."""
        if self._ending:
            for worker in self._crew:
                worker.terminate()
        self._ending = True

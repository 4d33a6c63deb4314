"""One process that serves an application until a signal ends it, and loses nothing then."""

import asyncio
import contextlib
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import uvicorn

from luce.errors import ParameterError
from luce.server.by_heart import Memory
from luce.server.limits import Limits
from luce.server.security import App, Refused
from luce.server.timeouts import PatientProtocol, with_limits

_SWEEP, _LAST_SWEEPS = 1.0, 0.05  # seconds between two, while serving and while ending
_BACKLOG = 2048  # connections that the system holds until they are accepted
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """uvicorn's server, which closes late connections and ends gracefully.

    Parameters
    ----------
    app : the application
    limits : of requests and connections
    gate : refuses requests before the application sees them
    memory : of headers whose requests the application need not see
    on_start : called when connections are accepted
    on_end : called when it is to end, before the last requests are answered
    until : asked now and then; once it holds, the server ends as after a first signal
    grace : seconds that the last requests may take
    """

    def __init__(
        self,
        app: App,
        limits: Limits,
        *,
        gate: Callable[[bytes, bytes], Refused | None] | None = None,
        memory: Memory | None = None,
        on_start: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
        until: Callable[[], bool] = lambda: False,
        grace: float = 30.0,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=with_limits(limits, gate, memory),
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",  # a line for each bad request would fill any disk
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=int(grace),
            )
        )
        self._limits, self._on_start, self._on_end = limits, on_start, on_end
        self._until, self._signalled = until, False
        self._told: set[tuple[type, str]] = set()  # unforeseen errors

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._tell_once)
        self._sweeper = loop.create_task(self._sweep())
        self._on_start()

    async def on_tick(self, counter: int) -> bool:
        if self._until():
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()
        for listener in sockets or []:
            await self._accept_the_last(listener)
        await super().shutdown(sockets)
        self._sweeper.cancel()

    async def _accept_the_last(self, listener: socket.socket) -> None:
        """Take what the system has accepted for us: to close the listener would reset it.

        It has accepted no more than the backlog; who comes later must not keep the server alive.
        """
        loop = asyncio.get_running_loop()
        for _ in range(_BACKLOG):
            try:
                connection, _ = listener.accept()
            except OSError:  # there are no more
                return
            connection.setblocking(False)
            with contextlib.suppress(OSError):  # its client is gone
                await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> PatientProtocol:
        made = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )
        assert isinstance(made, PatientProtocol), "with_limits makes them"
        return made

    def _tell_once(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of an unforeseen error, once: a line for each would fill any disk.

        Where nobody reads what the server writes, the first full pipe would stop it, too.
        """
        error = context.get("exception")
        where = traceback.format_tb(error.__traceback__) if error else [context["message"]]
        if (kind := (type(error), "".join(where))) not in self._told:
            self._told.add(kind)
            loop.default_exception_handler(context)

    async def _sweep(self) -> None:
        usual = min(_SWEEP, self._limits.shortest / 4)
        while True:
            await asyncio.sleep(min(_LAST_SWEEPS, usual) if self.should_exit else usual)
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                assert isinstance(connection, PatientProtocol), "with_limits makes them"
                if self.should_exit:  # also those who were being accepted when the others were told
                    connection.shutdown()
                connection.sweep(now)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """A process that a signal has ended gracefully has done its work: nothing is raised."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals go to the main thread alone
            return
        before = {one: signal.signal(one, self.handle_exit) for one in _ENDING}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the server gracefully, the second one at once."""
        self.should_exit, self.force_exit, self._signalled = True, self._signalled, True


def bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket bound to an address; port 0 is one that the system chooses.

    shared : whether other sockets of this user may be bound to it, among which the system then
        shares out the connections

    Raises
    ------
    ParameterError
        The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY on such sockets alone; without it an
    # answer waits 40 ms for the client's acknowledgement of its headers.
    one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((host.strip("[]"), port))
    except (OSError, OverflowError) as error:
        one.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ParameterError(
            f"the server must be able to bind {host}:{port}, but the system says: {reason}. Choose"
            " another --port (0 takes any that is free), or another --host."
        ) from error
    return one


def raise_file_limit() -> None:
    """Allow as many open connections as the system lets this user have."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

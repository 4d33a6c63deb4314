"""``luce ui`` from its listening socket to its end."""

import contextlib
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Generator

import uvicorn

from luce.server.security import App
from luce.server.ui.app import make_app
from luce.server.ui.workspace import Workspace

_GRACE = 1  # seconds that open streams of events may keep the server from ending
_ENDING = (signal.SIGINT, signal.SIGTERM)


def serve_pages(
    listener: socket.socket,
    *,
    opened: str | None = None,
    runs: str = "runs",
    stop_trainings: bool = False,
    on_start: Callable[[str], None] = lambda address: None,
    on_end: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Serve the pages until Ctrl-C; remove uploads afterwards.

    Parameters
    ----------
    listener : socket
        Bound to an address of this computer.
    opened : str, optional
        DATA, RUN or MODEL to begin with.
    runs : str
        Folder that trainings write their runs into.
    stop_trainings : bool
        Whether trainings that are running at the end are stopped; else they go on.
    on_start : callable
        Told the address, with its token, as soon as requests are answered.
    on_end : callable
        Told, at the end, of each training that goes on.

    Raises
    ------
    DataError
        There is nothing where `opened` says.
    """
    if opened is not None:
        from luce.data.sources import require_exists  # slow to import: not for an empty start

        require_exists(opened)
    workspace = Workspace(runs=runs, opened=opened)
    host, port = listener.getsockname()[:2]
    token = secrets.token_urlsafe(24)
    address = f"http://{host}:{port}/?token={token}{_first_page(workspace)}"
    try:
        app = make_app(workspace, token=token, port=port)
        _Server(app, lambda: on_start(address)).run(sockets=[listener])
    finally:
        listener.close()
        for sentence in workspace.close(stop=stop_trainings):
            on_end(sentence)


def _first_page(workspace: Workspace) -> str:
    """The page of what was opened, as the fragment of an address; browsers keep it in redirects."""
    opened = workspace.opened
    if opened is None:
        return ""
    page, key = {"data": ("data", "data"), "run": ("model", "model"), "model": ("model", "model")}[
        opened.kind
    ]
    return f"#/{page}?{key}={opened.id}"


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it has begun, and ends in peace."""

    def __init__(self, app: App, on_start: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",  # uvloop, where it is installed, has lost answers of threads here
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()
        threading.Thread(target=_warm_up, daemon=True).start()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Ctrl-C is how one ends it: uvicorn would raise the signal once more when all is done."""
        before = {one: signal.signal(one, self.handle_exit) for one in _ENDING}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _warm_up() -> None:
    """Import what the first page asks for, while the browser is still opening it."""
    import luce.data.named
    import luce.tasks.run_listing  # noqa: F401

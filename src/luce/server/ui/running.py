"""``luce ui`` from its listening socket to its end."""

import secrets
import socket
import threading
from collections.abc import Callable
from importlib import import_module

from luce.data.set_infos import require_exists
from luce.server.limits import Limits
from luce.server.running import Server
from luce.server.tickets import Tickets
from luce.server.ui.app import make_app
from luce.server.ui.uploads import MOST_BYTES
from luce.server.ui.workspace import Opened, Workspace

_GRACE = 1.0  # seconds that open streams of events may keep the server from ending


def serve_pages(
    listener: socket.socket,
    *,
    opened: str | None = None,
    runs: str = "runs",
    stop_trainings: bool = False,
    on_start: Callable[[str, Callable[[], str]], None] = lambda address, once: None,
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
        Told the address, with its token, as soon as requests are answered; and given what makes
        an address that lets in once and not for long, for the command line of a browser.
    on_end : callable
        Told, at the end, of each training that goes on.

    Raises
    ------
    DataError
        There is nothing where `opened` says.
    """
    if opened is not None:
        require_exists(opened)
    workspace = Workspace(runs=runs, opened=opened)
    host, port = listener.getsockname()[:2]
    token = secrets.token_urlsafe(24)
    tickets = Tickets()

    def address(secret: str) -> str:
        return f"http://{host}:{port}/?{secret}{_first_page(workspace)}"

    try:
        app = make_app(workspace, token=token, port=port, tickets=tickets)

        def begin() -> None:
            on_start(address(f"token={token}"), lambda: address(f"ticket={tickets.issue()}"))
            if workspace.opened is not None:
                threading.Thread(target=_warm_up, args=[workspace.opened], daemon=True).start()

        limits = Limits(body=MOST_BYTES)  # each route has a limit of its own below this
        Server(app, limits, on_start=begin, grace=_GRACE).run(sockets=[listener])
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


def _warm_up(opened: Opened) -> None:
    """Import what the page of what was opened asks for, while the browser is still starting.

    Nobody who opened nothing waits for it: the start and the Explore pages need none of it.
    """
    import_module(
        "luce.tasks.inspection" if opened.kind == "data" else "luce.tasks.viewing.overview"
    )

"""The application of ``luce ui``: the routes of every page under ``/api``, and the pages.

::

    GET /api/hello    {"version", "opened": {"kind", "id"} or null, "torch": whether it is there}
    GET /...          a file of the front end
"""

import traceback
from collections.abc import Sequence
from importlib.util import find_spec

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from luce import __version__
from luce.errors import LuceError
from luce.server.security import LOOPBACK, Access, App, Guard
from luce.server.tickets import Tickets
from luce.server.ui import (
    data_routes,
    model_routes,
    predict_routes,
    serve_routes,
    train_routes,
    uploads,
)
from luce.server.ui.opened import OpenedModels
from luce.server.ui.refusals import refused
from luce.server.ui.static_files import StaticFiles
from luce.server.ui.workspace import Workspace

BODIES = ("application/json", "application/octet-stream")


def make_app(
    workspace: Workspace, *, token: str | None, port: int, tickets: Tickets | None = None
) -> App:
    """Return the application, guarded: only this computer, only who knows the token.

    Parameters
    ----------
    workspace : Workspace
        What the browser can see.
    token : str, optional
        What requests under ``/api`` must show, as a cookie or as a bearer; None lets all in.
    port : int
        Names the cookie, so that several servers on one computer keep theirs apart.
    tickets : Tickets, optional
        Those that let a browser in, once each; without them only the token does.
    """
    static = StaticFiles()
    app = Starlette(
        routes=[
            Mount("/api", routes=api_routes(workspace)),
            Route("/{path:path}", static.answer, methods=["GET"]),
        ],
        exception_handlers={
            LuceError: refused,
            HTTPException: refused,
            ClientDisconnect: _gone,
            Exception: _broken,
        },
    )
    access = Access(
        hosts=LOOPBACK,
        token=token,
        cookie=f"luce-{port}",
        spend=(tickets or Tickets()).spend,
        protected=lambda path: path == "/api" or path.startswith("/api/"),
        write_types=BODIES,
    )
    return Guard(app, access)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is left to read this: an upload was given up, or a page closed."""
    return Response(status_code=400)


async def _broken(request: Request, error: Exception) -> Response:
    """Answer to our own mistakes: the page says so, the terminal shows where."""
    traceback.print_exception(error)
    message = (
        f"unexpected {type(error).__name__}: {error}\nThis is a bug in luce; the terminal shows"
        " more. Please report it with the output of luce doctor."
    )
    return JSONResponse({"error": {"type": "InternalError", "message": message}}, 500)


def api_routes(workspace: Workspace) -> Sequence[BaseRoute]:
    """Return the routes of all pages."""

    models = OpenedModels()  # read once for all pages

    async def hello(request: Request) -> Response:
        opened = workspace.opened
        tree = {
            "version": __version__,
            "opened": None if opened is None else {"kind": opened.kind, "id": opened.id},
            "torch": find_spec("torch") is not None,
        }
        return JSONResponse(tree)

    return [
        Route("/hello", hello, methods=["GET"]),
        *uploads.routes(workspace),
        *data_routes.routes(workspace),
        *train_routes.routes(workspace),
        *model_routes.routes(workspace, models),
        *predict_routes.routes(workspace, models),
        *serve_routes.routes(workspace),
    ]

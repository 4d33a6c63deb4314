"""What the Serve page asks: start and stop ``luce serve`` for a model, and try it.

::

    GET    /api/models/{id}/server        its state and address
    POST   /api/models/{id}/server        start it
    DELETE /api/models/{id}/server        stop it
    POST   /api/models/{id}/server/try    {"path", "body", "content_type", "times"}
"""

from collections.abc import Callable
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from luce.errors import ParameterError
from luce.server.ui.bodies import json_object
from luce.server.ui.serving import Servers
from luce.server.ui.workspace import ModelFile, Workspace

_LARGEST = 16 << 20
_MOST_TIMES = 500
_PATHS = {"/v1/predict": "POST", "/healthz": "GET", "/readyz": "GET", "/metrics": "GET"}
_TYPES = ("application/json", "text/csv", "application/x-ndjson")


def routes(workspace: Workspace, servers: Servers | None = None) -> list[Route]:
    """Return the routes, to be mounted under ``/api``."""
    running = servers or Servers(workspace)

    def route(method: str, act: Callable[[ModelFile], dict[str, Any]]) -> Route:
        async def endpoint(request: Request) -> Response:
            file = workspace.model(request.path_params["id"])
            state = await anyio.to_thread.run_sync(act, file)
            return JSONResponse({**state, "path": str(file.path)})

        return Route("/models/{id}/server", endpoint, methods=[method])

    async def attempt(request: Request) -> Response:
        file = workspace.model(request.path_params["id"])
        body = await json_object(request, _LARGEST)
        return JSONResponse(await anyio.to_thread.run_sync(_tried, running, file, body))

    return [
        route("GET", lambda file: running.state(file.id)),
        route("POST", running.start),
        route("DELETE", lambda file: running.stop(file.id)),
        Route("/models/{id}/server/try", attempt, methods=["POST"]),
    ]


def _tried(servers: Servers, file: ModelFile, body: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    path, kind = body.get("path", "/v1/predict"), body.get("content_type", _TYPES[0])
    text, times = body.get("body", ""), body.get("times", 1)
    if str(path) not in _PATHS or kind not in _TYPES or not isinstance(text, str):
        raise ParameterError(
            f"a try must have one of the paths {', '.join(_PATHS)}, one of the types"
            f" {', '.join(_TYPES)} and a text as body, got {str(path)[:40]!r},"
            f" {str(kind)[:40]!r} and {type(text).__name__}."
        )
    if type(times) is not int or not 1 <= times <= _MOST_TIMES:
        raise ParameterError(f"times must be a whole number in 1..{_MOST_TIMES}, got {times!r}.")
    reply = servers.ask(file.id, path, text.encode(), kind, times, _PATHS[path])
    low, middle, high = np.quantile(reply.milliseconds, [0.0, 0.5, 0.95]).tolist()
    return {
        "status": reply.status,
        "content_type": reply.content_type,
        "body": reply.body,
        "times": times,
        "milliseconds": {"least": low, "median": middle, "p95": high},
    }

"""What the Predict page asks: the answer for one row, why, and what would change it.

::

    GET  /api/models/{id}/form        what a row consists of, with values to start from; and the
                                      name of the model in the addresses of luce serve
    GET  /api/models/{id}/sample      ?position=  an evaluated row as the form takes it
    POST /api/models/{id}/predict     {"row" | "values" | "pixels": ..., "against", "reference"}
    POST /api/models/{id}/flips       {"row" | "values" | "pixels": ...}
    POST /api/models/{id}/image       the bytes of an image, brought to the model's size
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from luce.server.ui.bodies import json_object, stored_body
from luce.server.ui.opened import Opened, OpenedModels
from luce.server.ui.queries import whole
from luce.server.ui.workspace import ModelFile, Workspace

_LARGEST_IMAGE = 32 << 20  # bytes
_LARGEST_ROW = 16 << 20

Read = Callable[[ModelFile], Opened]
Work = Callable[[Opened, dict[str, Any]], dict[str, Any]]


def routes(workspace: Workspace, models: OpenedModels | None = None) -> list[Route]:
    """Return the routes, to be mounted under ``/api``."""
    models = models or OpenedModels()

    async def form(request: Request) -> Response:
        file = workspace.model(request.path_params["id"])
        return JSONResponse(await anyio.to_thread.run_sync(_form, models.read, file))

    async def sample(request: Request) -> Response:
        file = workspace.model(request.path_params["id"])
        position = whole(request, "position", 0, most=10**9)
        found = await anyio.to_thread.run_sync(_sample, models.read, file, position)
        return JSONResponse(found)

    async def image(request: Request) -> Response:
        file = workspace.model(request.path_params["id"])
        async with stored_body(request, workspace.new_folder(), _LARGEST_IMAGE) as path:
            found = await anyio.to_thread.run_sync(_image, models.read, file, path)
        return JSONResponse(found)

    def asked(path: str, work: Work) -> Route:
        async def endpoint(request: Request) -> Response:
            file = workspace.model(request.path_params["id"])
            body = await json_object(request, _LARGEST_ROW)

            def blocking() -> dict[str, Any]:
                opened = models.read(file)
                started = time.perf_counter()
                found = work(opened, body)
                return found | {"milliseconds": 1e3 * (time.perf_counter() - started)}

            return JSONResponse(await anyio.to_thread.run_sync(blocking))

        return Route(f"/models/{{id}}/{path}", endpoint, methods=["POST"])

    return [
        Route("/models/{id}/form", form, methods=["GET"]),
        Route("/models/{id}/sample", sample, methods=["GET"]),
        asked("predict", _predict),
        asked("flips", _flips),
        Route("/models/{id}/image", image, methods=["POST"]),
    ]


# What answers is imported when it is asked for: it is slow, and a page is to open at once.


def _form(read: Read, file: ModelFile) -> dict[str, Any]:
    from luce.server.api.served import name_of
    from luce.server.ui.row_answers import form

    opened = read(file)
    return form(opened) | {"served_name": name_of(file.path, opened.model)}


def _sample(read: Read, file: ModelFile, position: int) -> dict[str, Any]:
    from luce.server.ui.row_answers import sample

    return sample(read(file), position)


def _image(read: Read, file: ModelFile, path: Path) -> dict[str, Any]:
    from luce.server.ui.row_answers import dropped_image

    return dropped_image(read(file), path)


def _predict(opened: Opened, body: dict[str, Any]) -> dict[str, Any]:
    from luce.server.ui.row_answers import prediction

    return prediction(opened, body)


def _flips(opened: Opened, body: dict[str, Any]) -> dict[str, Any]:
    from luce.server.ui.row_answers import changes

    return changes(opened, body)

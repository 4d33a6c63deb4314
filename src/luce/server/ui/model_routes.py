"""What the Model page asks: how good a model is, where it errs, what it has learnt.

Every figure is one of ``eval.json``, or comes from `luce.metrics` on the rows of
``predictions.csv``, as the report's do.

::

    GET /api/models                       every model: id and name
    GET /api/models/{id}                  what it is, and how good
    GET /api/models/{id}/confusions       ?page=     the confusion matrix, or a page of it
    GET /api/models/{id}/reliability      ?class=    of the answer, or of a class
    GET /api/models/{id}/rows             ?true=&answer=&wrong=&order=&offset=&limit=
    GET /api/models/{id}/weights          ?page=
    GET /api/models/{id}/risk             risk against coverage
    GET /api/models/{id}/promise          ?max_risk=
"""

from collections.abc import Callable
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from luce.server.ui.opened import Opened, OpenedModels, evaluated_rows
from luce.server.ui.queries import class_code, one_of, share, whole
from luce.server.ui.workspace import Workspace

# What the views need is imported when they are asked for: a page is to open at once.
_MOST_PAGES = 1_000_000
_MOST_ROWS = 60

Answer = Callable[[Opened, Request], dict[str, Any]]


def routes(workspace: Workspace, models: OpenedModels | None = None) -> list[Route]:
    """Return the routes, to be mounted under ``/api``."""
    models = models or OpenedModels()

    async def listed(request: Request) -> Response:
        found = await anyio.to_thread.run_sync(workspace.models)
        return JSONResponse({"models": [{"id": file.id, "name": file.name} for file in found]})

    def route(path: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            file = workspace.model(request.path_params["id"])

            def blocking() -> dict[str, Any]:
                names = {"id": file.id, "name": file.name, "path": str(file.path)}
                return names | answer(models.read(file), request)

            return JSONResponse(await anyio.to_thread.run_sync(blocking))

        return Route(f"/models/{{id}}{path}", endpoint, methods=["GET"])

    return [
        Route("/models", listed, methods=["GET"]),
        route("", _overview),
        route("/confusions", _confusions),
        route("/reliability", _reliability),
        route("/rows", _rows),
        route("/weights", _weights),
        route("/risk", _risk),
        route("/promise", _promise),
    ]


def _overview(opened: Opened, request: Request) -> dict[str, Any]:
    from luce.tasks.viewing.overview import overview

    return overview(opened.model, opened.record)


def _confusions(opened: Opened, request: Request) -> dict[str, Any]:
    from luce.tasks.viewing.confusions import confusions

    record = evaluated_rows(opened)
    return confusions(record.figures, page=whole(request, "page", 0, most=_MOST_PAGES))


def _reliability(opened: Opened, request: Request) -> dict[str, Any]:
    figures = evaluated_rows(opened).figures
    tree = figures["reliability"]
    code = class_code(request, "class", len(figures["classes"]))
    if code is not None:
        return {"class": code, "bins": tree["per_class"][figures["classes"][code]], "before": None}
    before = figures.get("uncalibrated")
    return {
        "class": None,
        "bins": tree["top_label"],
        "before": before and before["reliability"]["top_label"],
    }


def _rows(opened: Opened, request: Request) -> dict[str, Any]:
    from luce.tasks.viewing.examples import ORDERS, examples

    record = evaluated_rows(opened)
    classes = len(record.classes)
    wrong = request.query_params.get("wrong")
    return examples(
        record,
        true=class_code(request, "true", classes),
        answer=class_code(request, "answer", classes),
        wrong=None if wrong is None else wrong == "1",
        order=one_of(request, "order", ORDERS),
        offset=whole(request, "offset", 0, most=10**9),
        limit=whole(request, "limit", 24, most=_MOST_ROWS),
    )


def _weights(opened: Opened, request: Request) -> dict[str, Any]:
    from luce.tasks.viewing.weights import weights

    page = whole(request, "page", 0, most=_MOST_PAGES)
    return weights(opened.model, opened.record, page=page)


def _risk(opened: Opened, request: Request) -> dict[str, Any]:
    from luce.tasks.viewing.abstaining import risk_curve

    return risk_curve(evaluated_rows(opened))


def _promise(opened: Opened, request: Request) -> dict[str, Any]:
    from luce.tasks.viewing.abstaining import promise

    return promise(evaluated_rows(opened), share(request, "max_risk", 0.05))

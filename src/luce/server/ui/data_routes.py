"""What the Data page asks: which data there are, and what is in them.

::

    GET /api/data                 every source: id, name, origin; of named sets what they are, of
                                  uploads when they came
    GET /api/data/{id}            ?target=&text=&text=&ignore=&first=&no_header=1
                                  what `luce inspect` says
    GET /api/data/{id}/columns    ?no_header=1   the columns' names, and the target if none is
                                  chosen, also where nothing else can be said
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from luce.data.set_infos import is_named, named_sets
from luce.errors import DataError, LuceError
from luce.server.ui.queries import one_of, whole
from luce.server.ui.workspace import Source, Workspace

_MOST_KEPT = 8  # descriptions
_MOST_COLUMNS = 10_000  # of a table on a page; 0.1 s each hundred
_MOST_SHOWN = 500  # columns and classes that are sent; the counts are of all
_MOST_ROWS = 100
_IMAGES = 40


class _Question(NamedTuple):
    """What a description depends on; the time is that of the file's last change."""

    location: str
    changed: int
    target: str | None
    text: tuple[str, ...]
    ignore: tuple[str, ...]
    no_header: bool
    first: int


def routes(workspace: Workspace) -> list[Route]:
    """Return the routes, to be mounted under ``/api``."""
    descriptions = _Descriptions()

    async def listed(request: Request) -> Response:
        return JSONResponse({"sources": await anyio.to_thread.run_sync(_all, workspace)})

    async def columns(request: Request) -> Response:
        source = workspace.source(request.path_params["id"])
        no_header = _no_header(request)

        def blocking(source: Source) -> tuple[list[str], str | None]:
            return _columns(source, no_header)

        names, target = await anyio.to_thread.run_sync(_naming(source, blocking), source)
        known = {"id": source.id, "name": source.name}
        return JSONResponse(known | {"columns": names, "target": target})

    async def described(request: Request) -> Response:
        source = workspace.source(request.path_params["id"])
        query = request.query_params
        question = _Question(
            source.location,
            _changed(source.location),
            query.get("target"),
            tuple(query.getlist("text")),
            tuple(query.getlist("ignore")),
            _no_header(request),
            whole(request, "first", 10, most=_MOST_ROWS),
        )
        tree = await anyio.to_thread.run_sync(_naming(source, descriptions.answer), question)
        return JSONResponse({"id": source.id, "origin": source.origin, **tree, "name": source.name})

    return [
        Route("/data", listed, methods=["GET"]),
        Route("/data/{id}", described, methods=["GET"]),
        Route("/data/{id}/columns", columns, methods=["GET"]),
    ]


class _Descriptions:
    """The descriptions that were asked for last; one is made at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_Question, dict[str, Any]] = OrderedDict()

    def answer(self, question: _Question) -> dict[str, Any]:
        with self._lock:
            if question not in self._known:
                self._known[question] = _described(question)
                while len(self._known) > _MOST_KEPT:
                    self._known.popitem(last=False)
            self._known.move_to_end(question)
            return self._known[question]


def _described(question: _Question) -> dict[str, Any]:
    from luce.tasks.image_samples import image_samples
    from luce.tasks.inspection import describe_data
    from luce.tasks.loading import load_labelled

    _require_few_columns(question.location)
    dataset = load_labelled(
        question.location,
        target=question.target,
        text=question.text,
        ignore=question.ignore,
        no_header=question.no_header,
    )
    tree = describe_data(dataset, first=question.first)
    rows = tree["first_rows"]
    shown = [entry["column"] for entry in tree["columns"][:_MOST_SHOWN]]
    kept = {*shown, tree["target"]}
    return {
        **tree,
        "column_count": len(tree["columns"]),
        "columns": tree["columns"][:_MOST_SHOWN],
        "class_count": len(tree["classes"]),
        "classes": tree["classes"][:_MOST_SHOWN],
        "first_rows": [{name: row[name] for name in row if name in kept} for row in rows],
        "images": image_samples(dataset, _IMAGES),
    }


def _require_few_columns(location: str) -> None:
    columns = len(_table_columns(location, no_header=True))  # by their number alone
    if columns > _MOST_COLUMNS:
        raise DataError(
            f"a table on this page may have at most {_MOST_COLUMNS:,} columns, but {location} has"
            f" {columns:,}. Use luce inspect and luce train on the command line."
        )


def _columns(source: Source, no_header: bool) -> tuple[list[str], str | None]:
    """The names of the columns, and which of them is the target if none is chosen."""
    from luce.data.targets import choose_target

    names = list(_table_columns(source.location, no_header))
    return names, choose_target(names, None, source.name).name if names else None


def _no_header(request: Request) -> bool:
    return one_of(request, "no_header", ("0", "1")) == "1"


def _table_columns(location: str, no_header: bool) -> tuple[str, ...]:
    """The columns of a file in which one column is the target; nothing for other data."""
    from luce.data import files, tables
    from luce.data.column_order import numbered_names

    path = Path(location)
    if is_named(location) or files.inner_suffix(path) not in tables.SUFFIXES or path.is_dir():
        return ()
    files.require_file(path)
    return tables.column_names(path, numbered_names if no_header else None)


def _all(workspace: Workspace) -> list[dict[str, Any]]:
    about = {info.name: asdict(info) for info in named_sets()}
    keys = ("rows", "features", "classes", "kind", "about")
    return [
        {"id": source.id, "name": source.name, "origin": source.origin}
        | ({key: about[source.id][key] for key in keys} if source.origin == "named" else {})
        | ({} if source.sent is None else {"sent": source.sent})
        for source in workspace.sources()
    ]


def _changed(location: str) -> int:
    try:
        return Path(location).stat().st_mtime_ns
    except OSError:  # a named set, or a file that is gone: then reading it says so
        return 0


def _naming(source: Source, task: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The task, whose errors call the file as the user does and not by where it lies here."""

    def named(argument: Any) -> Any:
        try:
            return task(argument)
        except LuceError as error:
            if source.origin != "upload" or source.location not in str(error):
                raise
            raise type(error)(str(error).replace(source.location, source.name)) from error

    return named

"""What an error becomes over HTTP: a status, and the words that the command line shows."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from luce.errors import (
    ConvergenceError,
    DataError,
    LuceError,
    MissingExtraError,
    ModelFileError,
    ParameterError,
)
from luce.server.ui.bodies import BodyTooLarge
from luce.server.ui.jobs import JobConflict
from luce.server.ui.uploads import StorageFull, UnknownKind
from luce.server.ui.workspace import UnknownId

_STATUS: tuple[tuple[type[LuceError], int], ...] = (
    (UnknownId, 404),
    (JobConflict, 409),
    (BodyTooLarge, 413),
    (UnknownKind, 415),
    (ParameterError, 400),
    (DataError, 422),
    (ModelFileError, 422),
    (ConvergenceError, 422),
    (MissingExtraError, 501),
    (StorageFull, 507),
)


def status_of(error: LuceError) -> int:
    """Return the status of an answer to a request that failed with an error of luce."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


async def refused(request: Request, error: Exception) -> Response:
    """Answer ``{"error": {"type", "message"}}``; a handler for LuceError and HTTPException."""
    if isinstance(error, HTTPException):
        return _tree(error.status_code, "HTTPError", str(error.detail), dict(error.headers or {}))
    assert isinstance(error, LuceError), "it is installed for these two"
    return _tree(status_of(error), type(error).__name__, str(error), {})


def _tree(status: int, kind: str, message: str, headers: dict[str, str]) -> Response:
    tree = {"error": {"type": kind, "message": message}}
    return JSONResponse(tree, status, headers=headers)

"""Bodies of requests, read up to a limit."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import anyio
from starlette.requests import Request

from luce.errors import LuceError, ParameterError


class BodyTooLarge(LuceError):
    """A request brought more bytes than are taken (status 413)."""


async def json_object(request: Request, most: int) -> dict[str, Any]:
    """Return the JSON object that a request holds.

    Raises
    ------
    BodyTooLarge
        It has more than ``most`` bytes.
    ParameterError
        It is no JSON object.
    """
    data = b"".join([chunk async for chunk in _chunks(request, most)])
    try:
        tree = json.loads(data, parse_constant=_refuse)
        if b"\\u" in data:  # perhaps half of a character, which no file and no answer can hold
            json.dumps(tree, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ParameterError(
            f"the body must be a JSON object in UTF-8, but it cannot be read: {error}."
        ) from error
    if not isinstance(tree, dict):
        raise ParameterError(
            f"the body must be a JSON object, got {type(tree).__name__}. Send {{...}}."
        )
    return tree


@asynccontextmanager
async def stored_body(request: Request, folder: Path, most: int) -> AsyncIterator[Path]:
    """Write the body into a file of a private folder, which is removed in the end.

    Raises
    ------
    BodyTooLarge
        It has more than ``most`` bytes.
    """
    path = folder / "body"
    try:
        async with await anyio.open_file(path, "wb") as file:
            async for chunk in _chunks(request, most):
                await file.write(chunk)
        yield path
    finally:
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


async def _chunks(request: Request, most: int) -> AsyncIterator[bytes]:
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > most:
            raise BodyTooLarge(
                f"the body must have at most {most:,} bytes, but it goes on after {read:,}. Send"
                " less at a time."
            )
        yield chunk


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON; write null for a missing value")

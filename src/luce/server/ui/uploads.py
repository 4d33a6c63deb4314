"""Files that the browser sends: streamed into a private folder, checked, known by an id.

::

    POST   /api/uploads?name=letter.csv.gz     the file itself as the body  -> 201 {id, name, bytes}
           &beside=ID                          the labels of IDX images that were sent before
    DELETE /api/uploads/{id}                   -> 204

Of the name only the ending counts, and a word of at most 40 ASCII letters and digits that names
the run later on. A file that is refused, or not sent to its end, leaves nothing behind; all others
are removed when the server ends.
"""

import errno
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from luce.errors import LuceError, ParameterError, WriteError
from luce.server.ui.bodies import BodyTooLarge
from luce.server.ui.workspace import Workspace

MOST_BYTES = 1 << 30  # of one file
MOST_ALL = 4 << 30  # of all files together
_LONGEST_NAME = 255
_PART = "upload.part"  # no name that a file gets in the end
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class UnknownKind(LuceError):
    """The file is of a kind that cannot be sent (status 415)."""


class StorageFull(WriteError):
    """There is no room for another file (status 507)."""


@dataclass(frozen=True)
class _Kind:
    """What an upload is, and what its file is called here."""

    kind: str
    file: str


def routes(
    workspace: Workspace, *, most: int = MOST_BYTES, all_most: int = MOST_ALL
) -> list[Route]:
    """Return the routes, to be mounted under ``/api``."""
    uploads = _Uploads(workspace, most, all_most)
    return [
        Route("/uploads", uploads.create, methods=["POST"]),
        Route("/uploads/{id}", uploads.remove, methods=["DELETE"]),
    ]


class _Uploads:
    def __init__(self, workspace: Workspace, most: int, all_most: int) -> None:
        self._workspace, self._most, self._all_most = workspace, most, all_most
        self._sizes: dict[str, int] = {}

    async def create(self, request: Request) -> Response:
        """Take a file."""
        _require_plain_body(request)
        name = request.query_params.get("name", "")
        kind = _kind_of(name)
        self._require_room(request)
        if kind.kind == "labels":
            return await self._labels(request, name, kind)
        async with self._stored(request) as part:
            path = part.with_name(kind.file)
            await anyio.to_thread.run_sync(_accept, part, path, kind)
            id, size = part.parent.name, self._sizes[part.parent.name]
            self._workspace.add_upload(id, name, path)
        return JSONResponse({"id": id, "name": name, "bytes": size}, 201)

    async def _labels(self, request: Request, name: str, kind: _Kind) -> Response:
        """Take the labels of images that are here."""
        images = self._workspace.source(request.query_params.get("beside", ""))
        if images.origin != "upload" or "idx" not in Path(images.location).name:
            raise ParameterError(
                f"labels must lie beside their IDX images, got {images.name!r}. Send the images"
                " first, then the labels with the id of the images."
            )
        async with self._stored(request) as part:
            size = self._sizes[part.parent.name]
            target = Path(images.location).with_name(kind.file)
            await anyio.to_thread.run_sync(_accept, part, target, kind)
            self._sizes[images.id] += self._sizes.pop(part.parent.name)
        await anyio.to_thread.run_sync(_remove, part.parent)
        return JSONResponse({"id": images.id, "name": images.name, "bytes": size}, 201)

    async def remove(self, request: Request) -> Response:
        """Forget a file."""
        id = request.path_params["id"]
        self._workspace.drop_upload(id)
        self._sizes.pop(id, None)
        await anyio.to_thread.run_sync(_remove, self._workspace.private / id)
        return Response(status_code=204)

    def _require_room(self, request: Request) -> None:
        """Refuse before a byte is read what is too large by its own word."""
        try:
            claimed = int(request.headers.get("content-length", "0"))
        except ValueError:
            claimed = 0
        if claimed > self._most:
            raise _too_large(self._most)
        if sum(self._sizes.values()) + claimed > self._all_most:
            raise _full()

    @asynccontextmanager
    async def _stored(self, request: Request) -> AsyncIterator[Path]:
        """Stream the body into a file of a new folder; without a good end nothing is left."""
        folder = self._workspace.new_folder()
        try:
            await self._stream(request, folder)
            yield folder / _PART
        except BaseException as error:
            self._sizes.pop(folder.name, None)
            _remove(folder)  # at once: after a cancellation nothing can be awaited
            if isinstance(error, OSError) and error.errno in _NO_SPACE:
                raise _full() from error
            raise

    async def _stream(self, request: Request, folder: Path) -> None:
        size = self._sizes[folder.name] = 0
        async with await anyio.open_file(folder / _PART, "xb") as file:
            async for chunk in request.stream():
                size = self._sizes[folder.name] = size + len(chunk)
                if size > self._most:
                    raise _too_large(self._most)
                if sum(self._sizes.values()) > self._all_most:
                    raise _full()
                await file.write(chunk)
        if not size:
            raise ParameterError("the body must be the file itself, but it is empty. Send a file.")


def _require_plain_body(request: Request) -> None:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/octet-stream":
        raise UnknownKind(
            "a file must be sent as it is, with Content-Type: application/octet-stream, got"
            f" {kind[:80]!r}. Forms are not read."
        )


def _kind_of(name: str) -> _Kind:
    """What a file is by its name, and a harmless name for it."""
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise ParameterError(
            f"?name= must be the file's name with at most {_LONGEST_NAME} characters, got"
            f" {len(name)}."
        )
    lower = name.lower().strip()
    packed = ".gz" if lower.endswith(".gz") else ""
    plain = lower.removesuffix(".gz")
    for suffix in _TABLES:
        if plain.endswith(suffix):
            return _Kind("text", f"{word_of(plain.removesuffix(suffix))}{suffix}{packed}")
    for suffix in (".parquet", ".npz"):
        if lower.endswith(suffix):
            return _Kind(suffix[1:], f"{word_of(lower.removesuffix(suffix))}{suffix}")
    if lower.endswith(".zip"):
        return _Kind("zip", word_of(lower.removesuffix(".zip")))
    if "idx" in lower:
        labels = "labels" in lower or "idx1" in lower
        file = "labels-idx1-ubyte" if labels else "images-idx3-ubyte"
        return _Kind("labels" if labels else "idx", file + packed)
    raise UnknownKind(
        f"a file's name must end in {', '.join(_TABLES)} (.gz may follow), .parquet, .npz or .zip,"
        f" or hold 'idx', got {name[-60:]!r}. Save the data as one of these."
    )


def word_of(stem: str) -> str:
    """A word of lower-case letters, digits and hyphens from a name; no folder, no reserved name.

    >>> word_of("../../etc/my file"), word_of("con"), word_of("字母")
    ('my-file', 'data', 'data')
    """
    last = re.split(r"[/\\]", stem)[-1]
    word = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:40].strip("-")
    return word if word and not _RESERVED.match(word) else "data"


def _accept(part: Path, path: Path, kind: _Kind) -> None:
    """Check what can be checked without reading a table, and give the file its name."""
    from luce.data import files  # slow to import: not before it is needed
    from luce.server.ui.archives import require_small_directory, unpack_images

    if kind.kind == "zip":
        path.mkdir(mode=0o700)
        unpack_images(part, path)
        part.unlink()
        return
    if kind.kind == "npz":
        require_small_directory(part)
    part.rename(path)
    try:
        if files.is_gzip(path):
            for _ in files.chunks(path):
                pass
    except LuceError as error:
        path.unlink()
        raise type(error)(str(error).replace(str(path), "the file")) from error


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"a file may have at most {most:,} bytes, but this one has more. Give its path to luce ui"
        " on the command line: then it is read where it lies."
    )


def _full() -> StorageFull:
    return StorageFull(
        "there must be room for the file, but the disk or the space for uploads is full. Remove"
        " uploads on the Data page, or give the path to luce ui on the command line."
    )

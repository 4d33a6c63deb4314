"""The front end: HTML, styles, scripts and words, as they lie in the package.

A request's path is looked up in a list that is made at the start; it never reaches the file
system. Browsers keep the files but ask each time whether they are still the same (ETag), so that a
new version of luce is seen at once.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parents[1] / "static"
# Told here, because the system's own table of types may be wrong or missing.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_STATIC_PAGE = b'data-server="no"'  # index.html says whether a server of luce is behind it
_SERVED_PAGE = b'data-server="yes"'


class StaticFiles:
    """Answers GET and HEAD with the files of a folder, by a list made once.

    Parameters
    ----------
    folder : path
        All files in it with a known ending are public.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._files = {
            "/" + path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES and path.is_file()
        }
        self._files["/"] = folder / "index.html"

    def __contains__(self, path: str) -> bool:
        return path in self._files

    async def answer(self, request: Request) -> Response:
        """Return the file that a request asks for; 404 if there is none."""
        path = self._files.get(request.scope["path"])
        if path is None:
            raise HTTPException(404, "there is no such page here. Start at /.")
        content, tag = _read(path, path.stat().st_mtime_ns)
        headers = {"cache-control": "no-cache", "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers | {"content-type": TYPES[path.suffix]})


@lru_cache(maxsize=512)
def _read(path: Path, changed: int) -> tuple[bytes, str]:
    """Content and ETag of a file as it was when it was changed last."""
    content = path.read_bytes()
    if path.name == "index.html":
        content = content.replace(_STATIC_PAGE, _SERVED_PAGE)
    return content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'

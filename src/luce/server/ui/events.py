"""The history of a run as Server-Sent Events, while it is written and afterwards.

::

    id: 1234                       bytes of metrics.jsonl that were sent until here
    event: entries                 new entries: {"names": ["epoch", ...], "rows": [[1, ...], ...]}
    event: again                   the history was begun anew: forget what was sent
    event: state                   {"state": "running", ...}, at the beginning and after a change
    event: end                     nothing more will come

A browser that connects again names the last id it has, and gets what came after it. Trainings that
were started in a terminal are followed in the same way: all comes from the run folder.

Source: the HTML standard, section 9.2 (Server-sent events).
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from starlette.requests import Request
from starlette.responses import StreamingResponse

from luce.tasks.runs import METRICS

_QUICK, _SLOW = 0.05, 0.25  # seconds between two looks, while entries come and while none do
_ALIVE = 15.0  # seconds without a word until a comment keeps the connection open
_MOST_BYTES = 1 << 20  # of the history in one event

State = Callable[[], Mapping[str, Any]]


class _News(NamedTuple):
    """Whole lines from a place in the history, and where they end; None: it was begun anew."""

    lines: list[bytes]
    offset: int | None


def stream(request: Request, folder: Path, state: State) -> StreamingResponse:
    """Return the answer that follows a run folder.

    Parameters
    ----------
    request : Request
        Its ``Last-Event-ID`` says what the browser already has.
    folder : path
        The run folder; it need not be there yet.
    state : callable
        Returns the state of the run as a JSON tree; ``state["state"]`` tells whether it goes on.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    events = follow(folder / METRICS, state, _last_id(request))
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def follow(history: Path, state: State, offset: int) -> AsyncIterator[str]:
    """Yield events until the run has ended and all was told."""
    told: Mapping[str, Any] | None = None
    spoken, pause, asked = time.monotonic(), _QUICK, 0.0
    while True:
        if told is None or time.monotonic() - asked >= _SLOW:
            asked = time.monotonic()
            now = await anyio.to_thread.run_sync(state)  # before the entries: none comes after it
            if now != told:
                told, spoken = now, time.monotonic()
                yield _event("state", now)
        lines, end = await anyio.to_thread.run_sync(_news, history, offset)
        if end is None:
            offset = 0
            yield _event("again", {}, 0)
            continue
        if lines:
            offset, spoken, pause = end, time.monotonic(), _QUICK
            yield _event("entries", _as_rows(lines), offset)
            continue_at_once = len(b"".join(lines)) >= _MOST_BYTES // 2
            if continue_at_once:
                continue
        elif not _goes_on(told):
            yield _event("end", {})
            return
        else:
            pause = min(_SLOW, pause * 1.5)
        if time.monotonic() - spoken > _ALIVE:
            spoken = time.monotonic()
            yield ": still here\n\n"
        await anyio.sleep(pause)


def _goes_on(state: Mapping[str, Any] | None) -> bool:
    return state is not None and state["state"] in ("preparing", "running")


def _news(history: Path, offset: int) -> _News:
    """Read the whole lines after an offset, about a megabyte of them."""
    try:
        with history.open("rb") as stream:
            if stream.seek(0, 2) < offset:
                return _News([], None)
            stream.seek(offset)
            data = stream.read(_MOST_BYTES)
    except FileNotFoundError:
        return _News([], None if offset else 0)
    whole = data[: data.rfind(b"\n") + 1]
    return _News(whole.splitlines(keepends=True), offset + len(whole))


def _as_rows(lines: list[bytes]) -> dict[str, Any]:
    """Entries with their names said once; a damaged line is left out."""
    entries = [entry for line in lines if (entry := _entry(line)) is not None]
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    return {"names": names, "rows": [[entry.get(name) for name in names] for entry in entries]}


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line, parse_constant=lambda name: None)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    return {name: _short(value) for name, value in entry.items()}


def _short(value: Any) -> Any:
    """A number with the digits that a curve can show; what is no number or text is left out."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    return value if isinstance(value, str | int | None) else None


def _event(name: str, tree: Mapping[str, Any], id: int | None = None) -> str:
    head = "" if id is None else f"id: {id}\n"
    text = json.dumps(tree, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f"{head}event: {name}\ndata: {text}\n\n"


def _last_id(request: Request) -> int:
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0

"""What the browser can name, and where it lies: data, runs and models by their ids.

No text of a request ever becomes part of a path. Every id is made here and looked up here: random
for an upload, the set's own name for a named set, the folder's own name (found in a listing) for a
run, and a hash of the path, the same after a restart, for what was opened on the command line.

::

    workspace = Workspace(runs=Path("runs"), opened="letter.csv.gz")
    workspace.opened                   Opened(kind="data", id="3f6c…"), where to begin; or None
    workspace.sources()                every Source: named sets, uploads, what was opened
    workspace.source(id).location      what luce's tasks take as DATA: a name or a path
    workspace.runs()                   every Run, the newest first
    workspace.run(id).folder           its folder
    workspace.models()                 every ModelFile: of runs, and what was opened
    workspace.model(id).path           what luce's tasks take as MODEL
    workspace.private                  a folder of this server alone, removed by close()
    workspace.close()                  what to tell the user at the end, as sentences

An id that nothing has is an `UnknownId`, which answers 404.
"""

import hashlib
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from luce.data.set_infos import named_sets, set_info
from luce.errors import LuceError
from luce.tasks.runs import MODEL, is_model, is_run


class UnknownId(LuceError):
    """A request named something that is not there (any more)."""


@dataclass(frozen=True)
class Source:
    """Data to look at and to train on.

    Attributes
    ----------
    id : as requests name it
    name : as the user knows it: ``"digits"``, ``"letter.csv.gz"``
    origin : ``"named"``, ``"upload"`` or ``"opened"``
    location : what luce's tasks take as DATA
    sent : of an upload, when it came: seconds since 1970
    """

    id: str
    name: str
    origin: str
    location: str
    sent: float | None = None


@dataclass(frozen=True)
class Run:
    """A run folder; it may still be in the making."""

    id: str
    name: str
    folder: Path


@dataclass(frozen=True)
class ModelFile:
    """A model: the file of a run, or one that was opened.

    Attributes
    ----------
    id : as requests name it; of a run's model the id of the run
    name : as the user knows it
    path : what luce's tasks take as MODEL: the run folder or the file
    run : the run it belongs to, if there is one
    """

    id: str
    name: str
    path: Path
    run: Run | None


@dataclass(frozen=True)
class Opened:
    """What was named on the command line: its kind (data, run or model) and its id."""

    kind: str
    id: str


class Workspace:
    """The data, runs and models of one ``luce ui``.

    Parameters
    ----------
    runs : path, default="runs"
        The folder that trainings write their runs into, as ``luce train`` does.
    opened : path or str, optional
        DATA, RUN or MODEL of the command line.
    """

    def __init__(self, runs: str | Path = "runs", opened: str | Path | None = None) -> None:
        self.runs_folder = Path(runs)
        self._folder = tempfile.TemporaryDirectory(prefix="luce-ui-", ignore_cleanup_errors=True)
        self.private = Path(self._folder.name)  # mode 0700
        self._lock = threading.Lock()
        self._closers: list[Callable[[bool], Iterable[str]]] = []
        self._uploads: dict[str, Source] = {}
        self._data: dict[str, Source] = {}
        self._runs: dict[str, Run] = {}
        self._models: dict[str, ModelFile] = {}
        self.opened = None if opened is None else self._open(opened)

    def on_close(self, closer: Callable[[bool], Iterable[str]]) -> None:
        """Have something done first when the server ends; it returns what to tell the user.

        It is called with whether trainings are to be stopped.
        """
        self._closers.append(closer)

    def close(self, *, stop: bool = False) -> list[str]:
        """Remove all uploads, and whatever else lies in the private folder.

        Parameters
        ----------
        stop : bool, default=False
            Whether trainings that are running are stopped.

        Returns
        -------
        list of str
            What the user should know: which trainings go on, for instance.
        """
        told = [sentence for closer in self._closers for sentence in closer(stop)]
        self._closers.clear()
        self._folder.cleanup()
        return told

    def sources(self) -> list[Source]:
        """Return all data: what was opened first, then uploads (newest first), then named sets."""
        with self._lock:
            uploads = list(reversed(self._uploads.values()))
        return [*self._data.values(), *uploads, *_named_sets()]

    def source(self, id: str) -> Source:
        """Return the data with an id, or raise `UnknownId`."""
        return _found(id, self.sources(), "data")

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        return sorted(
            [*self._runs.values(), *_listed(self.runs_folder)],
            key=lambda run: (-_age(run.folder), run.id),
        )

    def run(self, id: str) -> Run:
        """Return the run with an id, or raise `UnknownId`."""
        return _found(id, [*self._runs.values(), *_listed(self.runs_folder)], "a run")

    def models(self) -> list[ModelFile]:
        """Return all models: what was opened, then those of the runs."""
        kept = [run for run in self.runs() if (run.folder / MODEL).is_file()]
        return [
            *self._models.values(),
            *(ModelFile(run.id, run.name, run.folder, run) for run in kept),
        ]

    def model(self, id: str) -> ModelFile:
        """Return the model with an id, or raise `UnknownId`."""
        return _found(id, self.models(), "a model")

    def new_folder(self) -> Path:
        """Create an empty folder with a random name in the private folder."""
        folder = self.private / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return folder

    def add_upload(self, id: str, name: str, path: Path) -> Source:
        """Make an upload known under an id, the name of its folder."""
        source = Source(id, name, "upload", str(path), time.time())
        with self._lock:
            self._uploads[id] = source
        return source

    def drop_upload(self, id: str) -> None:
        """Forget an upload; its files are the caller's to remove."""
        with self._lock:
            if self._uploads.pop(id, None) is None:
                raise UnknownId(_UNKNOWN.format(what="an upload"))

    def _open(self, what: str | Path) -> Opened:
        path = Path(what)
        if path.suffix == "" and (name := _name_of_set(str(what))) is not None:
            return Opened("data", name)
        id = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=8).hexdigest()
        if is_run(path):
            return Opened("run", self._open_run(path.resolve(), id))
        if is_model(path):
            self._models[id] = ModelFile(id, path.name, path, None)
            return Opened("model", id)
        self._data[id] = Source(id, path.name, "opened", str(what))
        return Opened("data", id)

    def _open_run(self, folder: Path, id: str) -> str:
        if folder.parent == self.runs_folder.resolve():
            return folder.name
        self._runs[id] = Run(id, folder.name, folder)
        return id


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def _named_sets() -> list[Source]:
    return [Source(info.name, info.name, "named", info.name) for info in named_sets()]


def _name_of_set(text: str) -> str | None:
    """Return the name of the set that a text spells, if it spells one."""
    info = set_info(text)
    return None if info is None else info.name


_Thing = TypeVar("_Thing", bound=_Named)
_UNKNOWN = (
    "the request must name {what} that this server knows, but nothing has this id. It may have"
    " been removed, or the server was started anew: load the page again."
)


def _found(id: str, things: Iterable[_Thing], what: str) -> _Thing:
    for thing in things:
        if thing.id == id:
            return thing
    raise UnknownId(_UNKNOWN.format(what=what))


def _listed(folder: Path) -> list[Run]:
    """The runs in a folder; a name that is no Unicode cannot be told to a browser."""
    if not folder.is_dir():
        return []
    return [
        Run(entry.name, entry.name, entry)
        for entry in folder.iterdir()
        if entry.name.isprintable() and is_run(entry)
    ]


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # removed in this very moment
        return 0.0

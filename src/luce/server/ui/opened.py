"""Models and runs that have been read; each is read once, and again if its file is replaced."""

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from luce.errors import DataError
from luce.server.ui.workspace import ModelFile
from luce.tasks.runs import EVALUATION, is_run, model_path

if TYPE_CHECKING:  # slow to import: not before a model is asked for
    from luce.tasks.models import Model
    from luce.tasks.reporting.record import Record
    from luce.tasks.viewing.form import Field

_MOST = 4  # models in memory; a run brings its evaluated rows along


@dataclass(frozen=True)
class Opened:
    """A model, the run it came from if there is one, and the cells of its rows."""

    model: "Model"
    record: "Record | None"
    fields: tuple["Field", ...]


def evaluated_rows(opened: Opened) -> "Record":
    """Return the run of a model, or say that there is none."""
    if opened.record is None:
        raise DataError(
            "this view needs the rows on which the model was evaluated, but the model file lies in"
            " no run folder. Open the folder that luce train has printed."
        )
    return opened.record


class OpenedModels:
    """The models that were asked for last.

    Two requests for the same model wait for one reading of it, and for no other's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # never held while a model is read
        self._known: OrderedDict[tuple[Path, int], Future[Opened]] = OrderedDict()

    def read(self, file: ModelFile) -> Opened:
        """Return a model; blocks while it is read.

        Raises
        ------
        ModelFileError
            The model cannot be loaded.
        DataError
            A file of its run is damaged.
        """
        path = model_path(file.path)
        try:
            key = path, path.stat().st_mtime_ns
        except OSError:
            key = path, 0  # it is gone: reading it says so
        with self._lock:
            found = self._known.get(key)
            mine: Future[Opened] | None = None
            if found is None:
                found = self._known[key] = mine = Future()
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
        if mine is not None:
            self._read(key, file.path, mine)
        return found.result()

    def _read(self, key: tuple[Path, int], path: Path, promised: "Future[Opened]") -> None:
        """Read a model for all who wait; one that cannot be read is tried again next time."""
        try:
            promised.set_result(_opened(path))
        except BaseException as error:
            with self._lock:
                if self._known.get(key) is promised:
                    del self._known[key]
            promised.set_exception(error)


def _opened(path: Path) -> Opened:
    from luce.tasks.models import load_model
    from luce.tasks.reporting.record import read_run
    from luce.tasks.viewing.form import fields

    folder = path if path.is_dir() else path.parent
    if is_run(folder) and (folder / EVALUATION).is_file():
        record = read_run(folder)
        return Opened(record.model, record, tuple(fields(record.model.encoding, record.evaluated)))
    model = load_model(path)
    return Opened(model, None, tuple(fields(model.encoding, None)))

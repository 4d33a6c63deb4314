"""The run folder: one training, with everything needed to read, use and repeat it.

::

    config.toml          every option, resolved; luce train --config repeats the run bit for bit
    model.safetensors    the model: weights and all its metadata
    metrics.jsonl        one line an iteration or epoch, written while training
    eval.json            figures of merit on the evaluated rows
    predictions.csv      the evaluated rows with their probabilities
    report.html          all of it on one page
    tuning.json          with --tune: every trial of the search; config.toml holds the winner
    environment.json     versions, instruction set, threads, platform; no names of hosts or users
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TextIO

import tomli_w

from luce.errors import ModelFileError, ParameterError, WriteError
from luce.storage import write_atomically
from luce.tasks.options import TrainOptions

if sys.platform != "win32":
    import fcntl

CONFIG = "config.toml"
MODEL = "model.safetensors"
METRICS = "metrics.jsonl"
EVALUATION = "eval.json"
PREDICTIONS = "predictions.csv"
REPORT = "report.html"
ENVIRONMENT = "environment.json"
TUNING = "tuning.json"


@contextmanager
def new_run(name: str, out: Path | None = None, *, keep: str = MODEL) -> Iterator[Path]:
    """Create a run folder, and remove it again if no model came to be in it.

    Parameters
    ----------
    name : str
        Name of the data; the folder is ``runs/<name>-<date>-<time>``.
    out : Path, optional
        The folder to use instead. If an earlier run is there, a number is appended to the name:
        no run is ever overwritten.
    keep : str
        The file whose presence says that there is something to be kept.

    Raises
    ------
    ParameterError
        ``out`` is a file, or a folder with other things in it.
    WriteError
        The folder cannot be created.
    """
    wanted = out or Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, created = _claim(wanted)
    with locked(folder):
        try:
            yield folder
        except BaseException:
            if not (folder / keep).exists():  # a trained model is never thrown away
                _remove(folder, created)
            raise


@contextmanager
def reopened_run(run: Path) -> Iterator[Path]:
    """Go on in an existing run folder.

    Raises
    ------
    ParameterError
        It is no run folder, or another training is writing into it.
    """
    require_run(run)
    if is_running(run):
        raise ParameterError(
            f"--resume needs a training that has ended, but {str(run)!r} is being written by"
            " another process. Wait for it, or stop it first."
        )
    with locked(run):
        yield run


def require_run(run: Path) -> None:
    """Refuse a path that is no run folder."""
    if not is_run(run):
        raise ParameterError(
            f"--resume must name the folder of a run, got {str(run)!r}, which holds no {CONFIG}."
            " Give the folder that luce train has printed."
        )


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold the lock that says that a training is under way; the end of the process frees it.

    It is on the folder itself, so nothing is left behind. Where the system has no such locks
    nothing is locked.
    """
    descriptor = _lock(run, wait=True)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_running(run: Path) -> bool:
    """Return whether a process is writing a run right now, this one or another."""
    try:
        descriptor = _lock(run, wait=False)
    except BlockingIOError:
        return True
    if descriptor is not None:
        os.close(descriptor)
    return False


def _lock(run: Path, *, wait: bool) -> int | None:
    """Lock a folder and return what holds the lock; None where there are no locks.

    Raises BlockingIOError if somebody holds it and `wait` is False. Who only asks takes a shared
    lock, and the writer waits for the moment that this takes.
    """
    if sys.platform == "win32":
        return None
    descriptor = None
    try:
        descriptor = os.open(run, os.O_RDONLY)
        kind = fcntl.LOCK_EX if wait else fcntl.LOCK_SH | fcntl.LOCK_NB
        fcntl.flock(descriptor, kind)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None  # a file system without locks, or a folder that is gone
    return descriptor


def _claim(wanted: Path) -> tuple[Path, list[Path]]:
    """Create the folder under the first free name; return it and the folders that are new."""
    for attempt in count(1):
        path = wanted if attempt == 1 else wanted.with_name(f"{wanted.name}-{attempt}")
        try:
            if is_run(path):
                continue
            if path.exists():
                _check_empty(path)
                return path, []
            created = [parent for parent in (path, *path.parents) if not parent.exists()]
            path.mkdir(parents=True)
        except FileExistsError:  # another process took the name in this very moment
            continue
        except OSError as error:
            raise WriteError(
                f"a run folder must be created at {str(path)!r}, but the system says: "
                f"{error.strerror}. Choose another place with --out."
            ) from error
        return path, created
    raise AssertionError("count() has no end")


def _check_empty(path: Path) -> None:
    if not path.is_dir() or any(path.iterdir()):
        kind = "a folder with other files" if path.is_dir() else "a file"
        raise ParameterError(
            f"--out must name a new or empty folder, or an earlier run, got {str(path)!r}, {kind}. "
            "Choose another name."
        )


def _remove(folder: Path, created: list[Path]) -> None:
    for item in folder.iterdir():
        item.unlink()
    with suppress(OSError):  # somebody put something else there in the meantime
        for path in created:
            path.rmdir()


def is_run(path: Path) -> bool:
    """Return whether ``path`` is a run folder."""
    return (path / CONFIG).is_file()


def is_model(path: str | Path) -> bool:
    """Return whether a path is meant as a model: a ``.safetensors`` file or a run folder."""
    return Path(path).suffix == ".safetensors" or is_run(Path(path))


def model_path(model: str | Path) -> Path:
    """Return the model file that ``model``, a file or a run folder, stands for.

    Raises
    ------
    ModelFileError
        The folder holds no model.
    """
    path = Path(model)
    if not path.is_dir():
        return path
    if not (path / MODEL).is_file():
        raise ModelFileError(
            f"a model must be a .safetensors file or a run folder, got {str(path)!r}, a folder "
            f"without {MODEL}. Train one with: luce train DATA --out {path}"
        )
    return path / MODEL


def write_config(run: Path, options: TrainOptions) -> None:
    """Write ``config.toml``."""
    write_atomically(run / CONFIG, tomli_w.dumps(options.to_toml()).encode())


def write_json(path: Path, tree: Mapping[str, Any]) -> None:
    """Write one of the JSON files, indented for readers."""
    text = json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())


class MetricsLog:
    """Callback of the estimator that appends each history entry to ``metrics.jsonl`` at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._started = time.perf_counter()

    def __enter__(self) -> "MetricsLog":
        with self._reporting():
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._file is not None
        with suppress(OSError):  # every line has been flushed, or its failure reported
            self._file.close()

    def __call__(self, entry: Mapping[str, Any]) -> None:
        assert self._file is not None, "the log is used in a with statement"
        entry = {"seconds": time.perf_counter() - self._started, **entry}
        line = json.dumps({key: _plain(value) for key, value in entry.items()}, allow_nan=False)
        with self._reporting():  # flushed, so that the training can be watched
            self._file.write(f"{line}\n")
            self._file.flush()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WriteError(
                f"the training history must be written to {str(self._path)!r}, but the system "
                f"says: {error.strerror}. Free some space or choose another place with --out."
            ) from error


def _plain(value: Any) -> Any:
    """A NumPy number as Python's; NaN and infinity, which JSON lacks, as None."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    assert isinstance(value, Real), f"a history entry holds numbers, not {type(value)}"
    return float(value) if math.isfinite(value) else None

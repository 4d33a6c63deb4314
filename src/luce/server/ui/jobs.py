"""Trainings as child processes of the server: the very command that a terminal would run.

A child writes into files, not pipes, and leads a session of its own: it goes on when the server
ends, and Ctrl-C in the server's terminal does not reach it. A thread waits for each child, so that
none is left as a zombie.
"""

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from luce.errors import LuceError
from luce.server.ui.workspace import Workspace
from luce.tasks.runs import is_run

MOST = 4  # trainings at a time
_NO_ERROR: dict[str, str | None] = {"error": None, "error_type": None}
_LONGEST_LOG = 20_000  # characters of a child's talk that are told

# Where the server itself ignores Ctrl-C (in the background of a shell), its children would too,
# and could not be stopped: Python keeps the signal ignored unless told otherwise.
_START = (
    "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " runpy.run_module('luce.cli', run_name='__main__')"
)


class JobConflict(LuceError):
    """The state of the trainings does not allow it now (status 409)."""


class TooManyTrainings(JobConflict):
    """As many trainings as can run at a time are running."""


@dataclass
class Job:
    """One training.

    Attributes
    ----------
    id : that of its run
    folder : the run folder
    name : of the data, as the user knows them
    process : the child
    talk : the file with what it says on stderr
    answer : the file with its JSON
    hidden : words that stand for the user's name of the data in what it says
    stopping : how often it was asked to stop
    ended : set when the child has ended and nothing is left to be done
    """

    id: str
    folder: Path
    name: str
    process: subprocess.Popen[bytes]
    talk: Path
    answer: Path
    hidden: str
    started: float = field(default_factory=time.time)
    stopping: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_running(self) -> bool:
        """Whether the child has not ended yet."""
        return not self.ended.is_set()

    @property
    def state(self) -> str:
        """``"preparing"``, ``"running"``, ``"ended"``, or ``"failed"`` without a run."""
        begun = is_run(self.folder)
        if self.is_running:
            return "running" if begun else "preparing"
        return "ended" if begun else "failed"

    def to_json(self) -> dict[str, Any]:
        """Return what a page shows of it."""
        return {
            "state": self.state,
            "name": self.name,
            "started": self.started,
            "stopping": self.stopping > 0,
            "exit_code": self.process.returncode,
            "log": self._plain(_tail(self.talk)),
            **(_NO_ERROR if self.is_running else self._error()),
        }

    def _error(self) -> dict[str, str | None]:
        """What the command line says of the failure, and the type of the error if it has one."""
        if self.process.returncode in (0, 130):
            return _NO_ERROR
        try:
            tree = json.loads(self.answer.read_text(encoding="utf-8").splitlines()[-1])["error"]
            return {"error": self._plain(str(tree["message"])), "error_type": str(tree["type"])}
        except (OSError, ValueError, LookupError, TypeError):  # it was killed
            words = self._plain(_tail(self.talk)) or f"exit code {self.process.returncode}"
            return {"error": words, "error_type": None}

    def _plain(self, text: str) -> str:
        return text.replace(self.hidden, self.name)


class Jobs:
    """All trainings that this server has started.

    Parameters
    ----------
    workspace : Workspace
        Its folder of runs is where they write.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        workspace.on_close(self.close)

    def start(self, options: Mapping[str, Any], *, slug: str, name: str, hidden: str) -> Job:
        """Start ``luce train`` in a new run folder.

        Parameters
        ----------
        options : mapping
            All that is to be set, ``data`` included.
        slug : str
            A harmless word for the name of the folder.
        name, hidden : str
            What the user calls the data, and what the child calls them.

        Raises
        ------
        JobConflict
            Too many trainings are running.
        """
        with self._lock:
            self._require_free()
            folder = self._claim(slug)
            private = self._workspace.new_folder()
            config = private / "config.toml"
            config.write_bytes(tomli_w.dumps(dict(options)).encode())
            arguments = ["--config", str(config), "--out", str(folder)]
            return self._run(folder.name, folder, arguments, private, name, hidden)

    def resume(
        self, id: str, folder: Path, changes: Sequence[str], *, name: str, hidden: str
    ) -> Job:
        """Start ``luce train --resume`` in the folder of a run; ``changes`` are arguments of it."""
        with self._lock:
            self._require_free()
            job = self._jobs.get(id)
            if job is not None and job.is_running:
                raise JobConflict(
                    "a training must have ended before it can be resumed, but this one is running."
                )
            private = self._workspace.new_folder()
            arguments = [*changes, "--resume", str(folder)]
            return self._run(id, folder, arguments, private, name, hidden)

    def stop(self, id: str) -> Job:
        """Ask a training to stop as Ctrl-C does: it keeps the best model so far.

        The second time it stops at once.

        Raises
        ------
        JobConflict
            It is not running, or was not started here.
        """
        job = self.get(id)
        if job is None or not job.is_running:
            raise JobConflict(
                "only a training that was started here and is running can be stopped here. One"
                " that runs in a terminal is stopped there, with Ctrl-C."
            )
        job.stopping += 1
        job.process.send_signal(signal.SIGINT)
        return job

    def get(self, id: str) -> Job | None:
        """Return the training of a run, the newest if it was resumed; None if it is not ours."""
        with self._lock:
            return self._jobs.get(id)

    def all(self) -> list[Job]:
        """Return all trainings, the oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def close(self, stop: bool = False) -> list[str]:
        """Leave the trainings to themselves, and return a sentence on each that goes on.

        One that still reads its data is ended: what was uploaded is about to be removed.

        Parameters
        ----------
        stop : bool
            Whether all are stopped instead; each keeps its best model so far.
        """
        told = []
        for job in self.all():
            if not job.is_running:
                continue
            if stop or job.state == "preparing":
                job.process.send_signal(signal.SIGINT)
                job.ended.wait()
            else:
                told.append(
                    f"A training goes on in {job.folder}. To stop it and keep its best model so"
                    f" far: {shlex.join(['kill', '-INT', str(job.process.pid)])}"
                )
        return told

    def _require_free(self) -> None:
        if sum(job.is_running for job in self._jobs.values()) >= MOST:
            raise TooManyTrainings(
                f"at most {MOST} trainings can run at a time, and as many do. Wait for one, or stop"
                " one."
            )

    def _claim(self, slug: str) -> Path:
        """Create an empty run folder with a name of its own; ``luce train --out`` takes it."""
        self._workspace.runs_folder.mkdir(parents=True, exist_ok=True)
        stem = f"{slug}-{time.strftime('%Y%m%d-%H%M%S')}"
        for attempt in range(1, 1000):
            folder = self._workspace.runs_folder / (stem if attempt == 1 else f"{stem}-{attempt}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
        raise JobConflict("a new run folder must have a free name, but all are taken. Try again.")

    def _run(
        self, id: str, folder: Path, arguments: Sequence[str], private: Path, name: str, hidden: str
    ) -> Job:
        talk, answer = private / "talk.txt", private / "answer.json"
        command = [sys.executable, "-c", _START, "train", *arguments, "--json"]
        with talk.open("wb") as err, answer.open("wb") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        job = Job(id, folder, name, process, talk, answer, hidden)
        self._jobs[id] = job
        threading.Thread(target=_await, args=(job,), daemon=True).start()
        return job


def _await(job: Job) -> None:
    job.process.wait()
    if not is_run(job.folder):  # it failed before there was anything in it
        with suppress(OSError):
            job.folder.rmdir()
    job.ended.set()


def _tail(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[-_LONGEST_LOG:]
    except OSError:
        return ""

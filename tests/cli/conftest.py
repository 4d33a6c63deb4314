"""The ``luce`` command in this process, in an empty folder."""

import json
import signal
from typing import NamedTuple

import pytest

from luce.cli.app import run


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def whole_luce(tmp_path, monkeypatch, capfd):
    """Return a function that runs one command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        code = run([str(arg) for arg in args])
        return Answer(code, *capfd.readouterr())

    return call


@pytest.fixture
def luce(whole_luce, monkeypatch):
    """Return the same with a stand-in for the report, which takes seconds to draw."""

    def write_report(run):
        (run / "report.html").write_text("<html>")

    monkeypatch.setattr("luce.tasks.training.write_report", write_report)
    return whole_luce


@pytest.fixture
def listening():
    """Undo what `nohup make test &` does: children of a background shell ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

"""Every type of error that a page can get has a Chinese sentence."""

import re
from pathlib import Path

import pytest

import luce.server
from luce import errors
from luce.errors import LuceError
from luce.server.ui import refusals
from luce.server.ui.jobs import JobConflict, TooManyTrainings

pytestmark = pytest.mark.once

WORDS = Path(luce.server.__file__).parent / "static" / "js" / "error_words.js"
TRANSLATED = set(re.findall(r"^  (\w+): '", WORDS.read_text("utf-8"), re.MULTILINE))
OURS = {"TokenRequired", "InternalError"}  # that are no exceptions of luce
INNER = {"LuceError", "ShapeError", "DtypeError"}  # that no file and no request bring about


def every(kind):
    return {kind, *(below for child in kind.__subclasses__() for below in every(child))}


def test_every_type_has_a_sentence_and_every_sentence_a_type():
    told = {kind.__name__ for kind, _ in refusals._STATUS}
    public = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    wanted = told | public & {kind.__name__ for kind in every(LuceError)} | {"TooManyTrainings"}
    assert wanted - INNER | OURS == TRANSLATED


def test_busy_is_a_conflict_of_its_own():
    assert refusals.status_of(TooManyTrainings("busy")) == refusals.status_of(JobConflict("no"))

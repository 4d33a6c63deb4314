"""A model is read once for all who ask for it, and nobody waits for the reading of another one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from luce.server.ui.opened import Opened, OpenedModels
from luce.server.ui.workspace import ModelFile

pytestmark = pytest.mark.once
module = import_module("luce.server.ui.opened")


@pytest.fixture
def file(tmp_path):
    """Return a function that makes a file and the entry for it."""

    def make(name):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(b"")
        return ModelFile(name, name, path, None)

    return make


def test_the_reading_of_one_model_keeps_nobody_from_another(file, monkeypatch):
    read, begun, go_on = [], threading.Event(), threading.Event()

    def opened(path):
        read.append(path.stem)
        if path.stem == "slow":
            begun.set()
            assert go_on.wait(20)
        return Opened(path.stem, None, ())

    monkeypatch.setattr(module, "_opened", opened)
    models, slow = OpenedModels(), file("slow")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(models.read, slow) for _ in range(2)]
        assert begun.wait(20)
        assert models.read(file("other")).model == "other"
        go_on.set()
        assert {one.result().model for one in both} == {"slow"}
    assert models.read(slow).model == "slow"
    assert read == ["slow", "other"]


def test_what_could_not_be_read_is_tried_again(file, monkeypatch):
    models, one = OpenedModels(), file("one")
    monkeypatch.setattr(module, "_opened", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        models.read(one)
    monkeypatch.setattr(module, "_opened", lambda path: Opened(path.stem, None, ()))
    assert models.read(one).model == "one"


def test_the_models_that_were_asked_for_last_are_kept(file, monkeypatch):
    read = []
    monkeypatch.setattr(module, "_opened", lambda path: read.append(path.stem))
    models, files = OpenedModels(), [file(name) for name in "abcde"]
    for one in files[:4]:
        models.read(one)
    models.read(files[0])
    models.read(files[4])  # takes the place of b
    for one in (files[0], files[1]):
        models.read(one)
    assert read == ["a", "b", "c", "d", "e", "b"]

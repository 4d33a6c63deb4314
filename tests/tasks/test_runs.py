import json
import os
import tomllib

import numpy as np
import pytest

from luce.errors import ModelFileError, ParameterError, WriteError
from luce.tasks import runs
from luce.tasks.options import TrainOptions


def finished(folder):
    """Make a run of a folder: it has a configuration and a model."""
    (folder / runs.CONFIG).write_text("")
    (folder / runs.MODEL).write_bytes(b"model")


def test_the_default_place_is_below_runs_and_never_taken_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs.time, "strftime", lambda form: "20261121-120000")
    paths = []
    for _ in range(3):
        with runs.new_run("iris") as run:
            finished(run)
        paths.append(run.name)
    assert paths == [f"iris-20261121-120000{suffix}" for suffix in ("", "-2", "-3")]


def test_an_earlier_run_is_not_overwritten(tmp_path):
    first = tmp_path / "run"
    with runs.new_run("iris", first) as run:
        finished(run)
    with runs.new_run("iris", first) as run:
        finished(run)
    assert run == tmp_path / "run-2"


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ParameterError, match="other files"), runs.new_run("iris", tmp_path):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["precious.txt"]


def test_a_file_in_the_place_is_refused(tmp_path):
    place = tmp_path / "run"
    place.write_text("mine")
    with pytest.raises(ParameterError, match="a file"), runs.new_run("iris", place):
        pass


def configured(folder):
    (folder / runs.CONFIG).write_text("")


def begin_and_fail(place, failure, begin=configured):
    with runs.new_run("iris", place) as run:
        begin(run)
        raise failure


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_a_failed_run_leaves_nothing(tmp_path, failure):
    with pytest.raises(failure):
        begin_and_fail(tmp_path / "deep" / "run", failure)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_leaves_the_empty_folder_that_was_given(tmp_path):
    with pytest.raises(RuntimeError):
        begin_and_fail(tmp_path, RuntimeError)
    assert list(tmp_path.iterdir()) == []


def test_a_trained_model_is_never_thrown_away(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        begin_and_fail(tmp_path / "run", KeyboardInterrupt, begin=finished)
    assert (tmp_path / "run" / runs.MODEL).exists()


def test_a_place_that_cannot_be_written_is_a_write_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WriteError, match="--out"),
        runs.new_run("iris", tmp_path / "file" / "run"),
    ):
        pass


def test_a_model_is_found_by_file_or_by_run(tmp_path):
    finished(tmp_path)
    assert runs.model_path(tmp_path) == tmp_path / runs.MODEL
    assert runs.model_path(tmp_path / runs.MODEL) == tmp_path / runs.MODEL
    with pytest.raises(ModelFileError, match="run folder"):
        runs.model_path(tmp_path.parent)


def test_the_configuration_is_toml(tmp_path):
    options = TrainOptions(data='a "quoted" näme.csv', C=0.1)
    runs.write_config(tmp_path, options)
    values = tomllib.loads((tmp_path / runs.CONFIG).read_text(encoding="utf-8"))
    assert TrainOptions(**values) == options


def test_the_log_has_each_entry_at_once_as_strict_json(tmp_path):
    path = tmp_path / runs.METRICS
    with runs.MetricsLog(path) as log:
        log({"iteration": np.int64(1), "gap": np.float32(0.5), "valid_loss": None})
        assert json.loads(path.read_text())["gap"] == 0.5
        log({"iteration": 2, "gap": float("inf"), "seconds": 1.5})
    first, second = map(json.loads, path.read_text().splitlines())
    assert first["iteration"] == 1
    assert first["valid_loss"] is None
    assert first["seconds"] >= 0
    assert second == {"iteration": 2, "gap": None, "seconds": 1.5}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_a_write_error(tmp_path):
    path = tmp_path / runs.METRICS
    path.symlink_to("/dev/full")
    with pytest.raises(WriteError, match="No space left"), runs.MetricsLog(path) as log:
        log({"iteration": 1})

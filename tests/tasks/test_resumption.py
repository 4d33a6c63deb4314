import json

import numpy as np
import pytest

from luce.errors import DataError, ParameterError
from luce.tasks import runs
from luce.tasks.models import load_model
from luce.tasks.options import TrainOptions
from luce.tasks.resumption import resume
from luce.tasks.run_listing import describe_run
from luce.tasks.training import train

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("luce.tasks.training.write_report", lambda run: None)


def _stopped(tmp_path, after, **options):
    """A training that Ctrl-C has ended after so many entries."""
    seen = []

    def stop(entry):
        seen.append(entry)
        if len(seen) == after:
            raise KeyboardInterrupt

    trained = train(TrainOptions(**options), out=tmp_path / "run", on_entry=stop)
    assert trained.interrupted
    assert describe_run(trained.run)["state"] == "stopped"
    return trained.run


def _history(run):
    return [json.loads(line) for line in (run / runs.METRICS).read_text().splitlines()]


def test_a_solver_that_reaches_the_optimum_ends_where_it_would_have_ended(tmp_path):
    options = {"data": "breast_cancer", "solver": "lbfgs", "tol": 1e-6}
    run = _stopped(tmp_path, 3, **options)
    before = _history(run)
    done = resume(run)
    assert done.run == run
    assert not done.interrupted
    whole = train(TrainOptions(**options), out=tmp_path / "whole")
    got, want = done.model.linear, whole.model.linear
    p, q = (model.probabilities(_rows()) for model in (done.model, whole.model))
    np.testing.assert_allclose(p, q, atol=2e-3)
    assert got.coef_.shape == want.coef_.shape
    assert describe_run(run)["state"] == "finished"
    history = _history(run)
    assert history[: len(before)] == before
    steps = [entry["iteration"] for entry in history]
    assert steps == sorted(steps)
    assert steps[-1] == done.model.metadata["training"]["n_iter"] > before[-1]["iteration"]
    seconds = [entry["seconds"] for entry in history]
    assert seconds == sorted(seconds)


def _rows():
    from luce.data import learn_and_apply, load

    return learn_and_apply(load("breast_cancer"))[1].X


def test_minibatches_make_the_epochs_that_are_left(tmp_path):
    run = _stopped(tmp_path, 2, data="digits", solver="adam", epochs=5)
    resume(run)
    assert [entry["epoch"] for entry in _history(run)] == [1, 2, 3, 4, 5]
    with pytest.raises(ParameterError, match=r"5 of 5 epochs.*--epochs"):
        resume(run)
    resume(run, {"epochs": 6})
    assert [entry["epoch"] for entry in _history(run)] == [1, 2, 3, 4, 5, 6]
    assert runs.is_run(run)
    assert describe_run(run)["options"]["epochs"] == 6


def test_a_network_goes_on_too(tmp_path):
    pytest.importorskip("torch")
    run = _stopped(tmp_path, 2, data="digits", model="mlp", learning_rate=0.01, epochs=4)
    figures = resume(run).figures
    assert [entry["epoch"] for entry in _history(run)] == [1, 2, 3, 4]
    assert figures["accuracy"]["value"] > 0.5


def test_a_model_is_not_replaced_by_a_worse_one(tmp_path):
    run = _stopped(tmp_path, 2, data="digits", solver="adam", epochs=4)
    lines = [json.dumps({**entry, "valid_loss": 1e-9}) for entry in _history(run)]
    (run / runs.METRICS).write_text("\n".join(lines) + "\n")
    before = load_model(run).linear.coef_
    np.testing.assert_array_equal(resume(run).model.linear.coef_, before)


def test_what_has_ended_or_was_something_else_is_refused(tmp_path):
    done = train(TrainOptions(data="iris"), out=tmp_path / "done").run
    with pytest.raises(ParameterError, match=r"reached its optimum.*--tol"):
        resume(done)
    assert resume(done, {"tol": 1e-8}).model.metadata["training"]["gap"] <= 1e-8
    with pytest.raises(ParameterError, match="got --C"):
        resume(done, {"C": 3.0})
    with pytest.raises(DataError, match="needs the data of the run"):
        resume(done, {"data": "wine", "tol": 1e-9})
    with pytest.raises(ParameterError, match=r"holds no config\.toml"):
        resume(tmp_path)
    (done / runs.MODEL).unlink()
    with pytest.raises(ParameterError, match="ended before there was one"):
        resume(done)


def test_a_run_that_is_being_written_is_left_alone(tmp_path):
    run = _stopped(tmp_path, 1, data="iris", solver="lbfgs")
    with runs.locked(run):
        assert runs.is_running(run)
        assert describe_run(run)["state"] == "running"
        with pytest.raises(ParameterError, match="being written by another process"):
            resume(run)
    assert not runs.is_running(run)


def test_half_a_line_of_a_killed_process_is_forgotten(tmp_path):
    run = _stopped(tmp_path, 2, data="digits", solver="adam", epochs=3)
    with (run / runs.METRICS).open("a") as file:
        file.write('{"epoch": 3, "train_lo')
    resume(run)
    assert [entry["epoch"] for entry in _history(run)] == [1, 2, 3]

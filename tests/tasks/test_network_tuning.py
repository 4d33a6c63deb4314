"""The search for the options of a network finds good ones, says what it tried, and ends in time."""

import json
import tomllib

import numpy as np
import pytest

from luce.errors import ConvergenceError
from luce.tasks import network_tuning, training
from luce.tasks.options import TrainOptions
from luce.tasks.preparation import prepare
from luce.tasks.training import train
from luce.tasks.tuning import tune

pytestmark = pytest.mark.once

pytest.importorskip("torch")

NAMES = ["learning_rate", "hidden", "dropout", "weight_decay"]
SHORT = {"epochs": 2, "hidden": "8", "threads": 1}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(network_tuning, "_HIDDEN", ("16", "8,8"))
    monkeypatch.setattr(network_tuning, "_DROPOUT", (0.0, 0.2))
    monkeypatch.setattr(network_tuning, "_WEIGHT_DECAY", (0.0, 0.01))


def search(budget="1h", on_trial=None, **options):
    given = TrainOptions(data="wine", model="mlp", tune=budget, **{**SHORT, **options})
    return tune(prepare(given), on_trial)[1]


def test_finds_better_options_and_is_the_same_every_time():
    found, again = search(), search()
    assert found.complete
    assert found.trials == again.trials
    assert all(list(trial.options) == NAMES for trial in found.trials)
    losses = [trial.log_loss for trial in found.trials]
    best = found.trials[found.best]
    assert best.log_loss <= 1.001 * min(losses) < losses[0]
    assert found.options.learning_rate == best.options["learning_rate"] > 1e-3
    assert {trial.options["hidden"] for trial in found.trials} == {"8", "16", "8,8"}
    tried = [tuple(trial.options.values()) for trial in found.trials]
    assert len(set(tried)) == len(tried)
    assert (found.folds, found.options.tune) == (5, None)


def test_many_rows_are_held_out_once(monkeypatch):
    monkeypatch.setattr(network_tuning, "_FEW", 10)
    assert search("0.000001s").folds == 1


def test_with_no_time_the_options_given_are_tried_and_kept():
    found = search("0.000001s", dropout=0.3, weight_decay=0.5)
    assert not found.complete
    (trial,) = found.trials
    expected = {"learning_rate": 1e-3, "hidden": "8", "dropout": 0.3, "weight_decay": 0.5}
    assert trial.options == expected
    assert found.options.dropout == 0.3


def test_a_trial_that_the_time_runs_out_on_does_not_count(monkeypatch):
    asked = []

    def is_over(self):
        asked.append(len(self.trials))
        return len(asked) > 12  # two epochs of five folds, and twice before a trial

    monkeypatch.setattr(network_tuning._Search, "_is_over", is_over)
    found = search()
    assert asked[-1] == 2  # within the third
    assert (len(found.trials), found.complete) == (2, False)


def test_ctrl_c_ends_the_search_with_the_best_so_far():
    def interrupt(trial):
        raise KeyboardInterrupt

    found = search(on_trial=interrupt)
    assert (len(found.trials), found.best, found.complete) == (1, 0, False)


def test_rates_at_which_the_loss_is_infinite_are_passed_over(monkeypatch):
    losses = network_tuning._Search._losses

    def diverging(self, options, *rows):
        if options.learning_rate > 1e-3:
            raise ConvergenceError("the loss must stay finite, got inf")
        return losses(self, options, *rows)

    monkeypatch.setattr(network_tuning._Search, "_losses", diverging)
    found = search()
    assert found.complete
    assert max(trial.options["learning_rate"] for trial in found.trials) == 1e-3
    with pytest.raises(ConvergenceError, match="finite"):
        search(learning_rate=0.1)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_options_whose_loss_on_rows_held_out_is_no_number_are_passed_over(monkeypatch, loss):
    def losses(self, options, seen, held_out):
        return np.full(len(held_out), loss if options.learning_rate > 1e-3 else 1.0)

    monkeypatch.setattr(network_tuning._Search, "_losses", losses)
    found = search()
    assert found.complete
    assert found.trials
    assert {trial.log_loss for trial in found.trials} == {1.0}
    with pytest.raises(
        ConvergenceError, match=r"held out must be finite, got .* learning_rate 0.1"
    ):
        search(learning_rate=0.1)


def test_the_run_folder_tells_of_the_search_and_repeats_its_winner(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "write_report", lambda run: None)
    given = TrainOptions(data="wine", model="mlp", tune="1h", **SHORT)
    done = train(given, out=tmp_path / "run")
    told = json.loads((tmp_path / "run" / "tuning.json").read_text())
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    best = told["trials"][told["best"]]
    assert len(told["trials"]) == len(done.tuned.trials)
    assert [config[name] for name in NAMES] == [best[name] for name in NAMES]
    assert "tune" not in config
    assert done.model.metadata["options"]["learning_rate"] == best["learning_rate"]

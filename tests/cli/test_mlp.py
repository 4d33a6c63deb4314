"""``luce train --model mlp``, and what the other verbs make of its model."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

import luce
from luce import data
from luce.tasks import load_model

pytestmark = pytest.mark.once

# Not sys.modules["torch"] = None: scipy looks there, and takes what it finds for PyTorch.
WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from luce.cli.app import run
"""


@pytest.fixture(autouse=True)
def _threads():
    before = luce.get_num_threads()
    yield
    luce.set_num_threads(before)  # --threads changes it


@pytest.fixture
def trained(whole_luce, tmp_path):
    """A network on digits."""
    answer = whole_luce(
        "train", "digits", "--model", "mlp", "--hidden", "32,16", "--epochs", "12", "--out", "run",
        "--learning-rate", "0.02", "--threads", "1",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    return whole_luce, tmp_path / "run", answer


def test_a_network_is_trained_watched_reported_and_used(trained):
    luce, run, answer = trained
    assert "12 epochs" in answer.err
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in entries] == [*range(1, 13)]
    assert {"train_loss", "train_accuracy", "valid_loss", "valid_accuracy"} <= entries[0].keys()

    report = (run / "report.html").read_text()
    assert "Accuracy over 12 epochs" in report
    assert "network with relu and softmax, 64–32–16–10" in report
    assert "16 units" not in report
    assert "32 units of the first hidden layer" in report

    told = luce("inspect", run)
    assert "64 - 32 - 16 - 10" in told.out
    assert luce("inspect", run, "--json").json["layers"] == [64, 32, 16, 10]

    figures = json.loads((run / "eval.json").read_text())
    assert figures["accuracy"]["value"] > 0.85
    again = luce("train", "--config", run / "config.toml", "--out", "again")
    assert again.code == 0
    same = (run.parent / "again" / "predictions.csv").read_text()
    assert same == (run / "predictions.csv").read_text()

    refused = luce("export", run, "digits.py")
    assert refused.code == 2
    assert "must be linear" in refused.err
    exported = luce("export", run, "digits.npz", "--json").json
    assert (exported["features"], exported["classes"]) == (64, 10)


def test_the_model_is_used_without_torch(trained):
    _, run, _ = trained
    code = WITHOUT_TORCH + f"sys.exit(run(['predict', {str(run)!r}, 'digits', '--proba']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    model = load_model(run)
    rows = data.load("digits")
    p = model.probabilities(model.encoding.apply(rows.features).X)
    lines = list(csv.DictReader(done.stdout.splitlines()))
    found = [[float(line[f"p({name})"]) for name in model.names] for line in lines]
    np.testing.assert_allclose(found, p, rtol=1e-4, atol=1e-7)


def test_training_without_torch_says_what_to_install(tmp_path):
    code = WITHOUT_TORCH + "sys.exit(run(['train', 'iris', '--model', 'mlp', '--out', 'run']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 5
    assert "pip install 'luce[torch]'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_tables_are_standardised_and_calibrated(whole_luce, tmp_path):
    answer = whole_luce(
        "train", "wine", "--model", "mlp", "--hidden", "8", "--epochs", "60", "--calibrate",
        "temperature", "--learning-rate", "0.02", "--threads", "1", "--out", "run",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "Calibrated (temperature)" in answer.err
    figures = json.loads((tmp_path / "run" / "eval.json").read_text())
    assert figures["accuracy"]["value"] > 0.9
    report = (tmp_path / "run" / "report.html").read_text()
    assert "root mean square over its units" in report


def test_an_option_of_the_other_model_is_refused(whole_luce):
    answer = whole_luce("train", "iris", "--model", "mlp", "--C", "3")
    assert answer.code == 2
    assert "--C is an option of --model linear" in answer.err

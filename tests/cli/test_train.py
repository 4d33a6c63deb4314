import csv
import json
import re
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from safetensors.numpy import load_file

from luce.tasks.options import OPTIONS, TrainOptions

FILES = {
    "config.toml",
    "model.safetensors",
    "metrics.jsonl",
    "eval.json",
    "predictions.csv",
    "report.html",
    "environment.json",
}


def test_a_run_holds_all_that_is_needed_to_read_and_use_it(luce, tmp_path):
    answer = luce("train", "iris", "--out", "run")
    assert answer.code == 0
    run = tmp_path / "run"
    assert {item.name for item in run.iterdir()} == FILES
    assert "accuracy" in answer.out
    assert "run/report.html" in answer.out
    assert "Training on 120 rows of 4 features, evaluating on 30 rows." in answer.err

    config = tomllib.loads((run / "config.toml").read_text())
    assert config.keys() <= OPTIONS.keys()
    assert (config["data"], config["split"], config["valid"]) == ("iris", "all", "0.2")
    assert TrainOptions(**config).to_toml() == config

    figures = json.loads((run / "eval.json").read_text())
    assert figures["rows"] == 30
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    right = sum(row["label"] == row["prediction"] for row in rows)
    assert right / len(rows) == figures["accuracy"]["value"]
    assert [column for column in rows[0] if column.startswith("p(")] == [
        "p(setosa)",
        "p(versicolor)",
        "p(virginica)",
    ]

    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert entries
    assert all("seconds" in entry for entry in entries)


def test_a_search_tells_what_it_tried(luce, tmp_path):
    answer = luce("train", "iris", "--tune", "60s", "--out", "run")
    assert answer.code == 0
    assert {item.name for item in (tmp_path / "run").iterdir()} == FILES | {"tuning.json"}
    assert "Tried C 1: log loss 0." in answer.err
    assert "Tried, by log loss on rows held out in turn" in answer.out
    assert "Searched for" in answer.err
    short = luce("train", "iris", "--tune", "0.001s", "--json")
    assert [trial["C"] for trial in short.json["tuning"]["trials"]] == [1.0]
    assert luce("train", "iris", "--tune", "soon").code == 2


def test_a_search_for_a_network_tells_what_it_tried(luce):
    answer = luce("train", "iris", "--model", "mlp", "--epochs", "1", "--tune", "0.01s")
    assert answer.code == 0
    assert "Tried learning rate 0.001, hidden 128: log loss" in answer.err
    assert "taken was learning rate 0.001, hidden 128 with a log loss of" in answer.err
    assert "weight decay" in answer.out


def test_with_json_stdout_is_one_object(luce):
    answer = luce("train", "iris", "--json")
    assert answer.json["accuracy"].keys() == {"value", "low", "high"}
    assert answer.json["log_loss"]["value"] < answer.json["baseline"]["log_loss"]["value"]
    assert answer.json["calibration_error"]["low"] <= answer.json["calibration_error"]["high"]
    assert answer.json["training"]["converged"] is True
    assert answer.json["run"].startswith("runs/iris-")


@pytest.mark.parametrize(
    "flags", [[], ["--solver", "adam", "--epochs", "3", "--seed", "5"]], ids=["newton", "adam"]
)
def test_its_configuration_repeats_a_run_bit_for_bit(luce, tmp_path, flags):
    assert luce("train", "iris", "--valid", "0.3", "--out", "first", *flags).code == 0
    assert luce("train", "--config", "first/config.toml", "--out", "again").code == 0
    first, again = (load_file(tmp_path / run / "model.safetensors") for run in ("first", "again"))
    assert first.keys() == again.keys()
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    for name in ("config.toml", "eval.json", "predictions.csv"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_flags_win_over_the_configuration(luce, tmp_path):
    (tmp_path / "mine.toml").write_text('data = "wine"\nC = 0.01\nseed = 3\n')
    assert luce("train", "iris", "--config", "mine.toml", "--seed", "4", "--out", "run").code == 0
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert (config["data"], config["C"], config["seed"]) == ("iris", 0.01, 4)


def test_a_run_is_never_overwritten(luce, tmp_path):
    luce("train", "iris", "--out", "run")
    model = (tmp_path / "run" / "model.safetensors").read_bytes()
    answer = luce("train", "iris", "--C", "0.1", "--out", "run", "--json")
    assert answer.json["run"] == "run-2"
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == model


def test_rows_of_another_file_can_be_evaluated(luce, tmp_path):
    (tmp_path / "train.csv").write_text("size,colour,label\n" + "1,red,a\n2,blue,b\n" * 10)
    (tmp_path / "valid.csv").write_text("label,colour,size\na,red,1\nb,green,2\nb,blue,2\n")
    answer = luce("train", "train.csv", "--valid", "valid.csv", "--json")
    assert answer.code == 0
    assert answer.json["rows"] == 3
    assert "The target is 'label', by its name." in answer.err
    assert "Column 'colour': 1 cell with a category that training did not see." in answer.err


def test_off_a_terminal_progress_is_told_at_powers_of_two_and_at_the_end(luce):
    answer = luce("train", "iris", "--solver", "adam", "--epochs", "9", "--patience", "9")
    told = [line for line in answer.err.splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in told] == ["1", "2", "4", "8", "9"]


def interrupting(after):
    """Stand in for the progress display: Ctrl-C at the entry of this number."""

    class Progress:
        def __init__(self, options):
            self.seen = 0

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def __call__(self, entry):
            self.seen += 1
            if self.seen == after:
                raise KeyboardInterrupt

    return Progress


def test_ctrl_c_keeps_the_best_model_so_far_and_ends_with_130(luce, tmp_path, monkeypatch):
    monkeypatch.setattr("luce.cli.progress.TrainingProgress", interrupting(after=2))
    answer = luce("train", "digits", "--solver", "adam", "--out", "run", "--json")
    assert answer.code == 130
    assert answer.json["interrupted"] is True
    assert "Interrupted" in answer.err
    assert {item.name for item in (tmp_path / "run").iterdir()} == FILES
    assert luce("evaluate", "run", "digits", "--json").json["accuracy"]["value"] > 0.3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.usefixtures("listening")
def test_a_real_signal_ends_a_real_training(tmp_path):
    forever = ["--solver", "adam", "--epochs", "1000000", "--patience", "1000000"]
    command = [sys.executable, "-m", "luce.cli", "train", "digits", "--out", "run", *forever]
    training = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not training.stderr.readline().startswith("epoch 4 "):
        assert training.poll() is None, "it must train until it is stopped"
    training.send_signal(signal.SIGINT)
    out, _ = training.communicate(timeout=120)
    assert training.returncode == 130
    assert "run/report.html" in out
    assert {item.name for item in (tmp_path / "run").iterdir()} == FILES


def test_ctrl_c_before_the_training_leaves_nothing(luce, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("luce.data.load", interrupted)
    answer = luce("train", "iris")
    assert (answer.code, answer.out) == (130, "")
    assert list(tmp_path.iterdir()) == []


def test_a_second_ctrl_c_stops_at_once_and_the_model_is_safe(luce, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("luce.tasks.training.measure", interrupted)
    assert luce("train", "iris", "--out", "run").code == 130
    assert luce("evaluate", "run", "iris").code == 0


def test_without_the_package_that_draws_the_run_is_good_all_the_same(luce, monkeypatch):
    from luce.errors import MissingExtraError

    def missing(run):
        raise MissingExtraError("Install it: pip install 'luce[app]'")

    monkeypatch.setattr("luce.tasks.training.write_report", missing)
    answer = luce("train", "iris")
    assert answer.code == 0
    assert "No report was written" in answer.err
    assert "report.html" not in answer.out


def test_demo_trains_on_the_bundled_digits_and_draws_the_report(whole_luce, tmp_path):
    answer = whole_luce("demo", "--out", "run")
    assert answer.code == 0
    assert float(answer.out.split()[1]) >= 0.95
    assert "run/report.html" in answer.out
    assert {item.name for item in (tmp_path / "run").iterdir()} == FILES
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert whole_luce("report", "run", "-o", "again.html").out == "again.html\n"
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_labels_that_a_spreadsheet_would_run_are_neutralised(luce, tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n" + "1,=cmd\n2,-3\n" * 10)
    assert luce("train", "t.csv", "--out", "run").code == 0
    text = (tmp_path / "run" / "predictions.csv").read_text()
    header, *rows = text.splitlines()
    assert header == "row,label,prediction,p(-3),p('=cmd)"
    assert {row.split(",")[1] for row in rows} == {"'=cmd", "-3"}
    answer = luce("predict", "run", "t.csv", "--top", "1", "--proba")
    header, *rows = answer.out.splitlines()
    assert header == "row,prediction,top1,p(top1),p(-3),p('=cmd)"
    assert {tuple(row.split(",")[1:3]) for row in rows} == {("'=cmd", "'=cmd"), ("-3", "-3")}
    lines = map(json.loads, luce("predict", "run", "t.csv", "--json").out.splitlines())
    assert {line["prediction"] for line in lines} == {"=cmd", "-3"}, "JSON is no spreadsheet"


def test_the_rows_of_the_predictions_are_those_of_the_data(luce, tmp_path):
    values = np.arange(40)
    lines = [f"{value},{'ab'[value % 2]}" for value in values]
    (tmp_path / "t.csv").write_text("x,label\n" + "\n".join(lines) + "\n")
    assert luce("train", "t.csv", "--out", "run").code == 0
    with (tmp_path / "run" / "predictions.csv").open() as file:
        for row in csv.DictReader(file):
            assert row["label"] == "ab"[int(row["row"]) % 2]


def test_calibrate_needs_no_value_and_says_what_came_of_it(luce):
    answer = luce("train", "iris", "--out", "run", "--calibrate")
    assert answer.code == 0
    assert re.search(r"Calibrated \(vector\) on 120 training rows", answer.err)
    named = luce("train", "iris", "--calibrate", "temperature", "--json")
    assert "Calibrated (temperature)" in named.err
    shown = luce("inspect", "run")
    assert "vector, learnt from 120 rows" in shown.out
    wrong = luce("train", "--calibrate", "platt", "iris")
    assert wrong.code == 2
    assert "calibrate must be one of auto, temperature, vector, matrix, isotonic" in wrong.err

import json

import pytest


@pytest.fixture
def run(luce, tmp_path):
    """A run trained on one half of iris, written as CSV; the other half is test.csv."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    lines = [
        ",".join(map(str, row)) + f",{iris.target_names[y]}"
        for row, y in zip(iris.data, iris.target, strict=True)
    ]
    header = "a,b,c,d,species"
    (tmp_path / "train.csv").write_text("\n".join([header, *lines[::2]]) + "\n")
    (tmp_path / "test.csv").write_text("\n".join([header, *lines[1::2]]) + "\n")
    assert luce("train", "train.csv", "--target", "species", "--out", "run").code == 0
    return tmp_path / "run"


def test_json_has_each_figure_with_its_interval(luce, run):
    answer = luce("evaluate", run, "test.csv", "--json")
    assert answer.code == 0
    for name in ("accuracy", "log_loss", "calibration_error"):
        figure = answer.json[name]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert answer.json["accuracy"]["value"] > 0.9
    assert answer.json["rows"] == 75


def test_a_run_and_its_model_file_are_the_same(luce, run):
    by_run = luce("evaluate", run, "test.csv", "--json")
    by_file = luce("evaluate", run / "model.safetensors", "test.csv", "--json")
    assert by_run.out == by_file.out


def test_the_table_has_a_line_a_class(luce, run):
    lines = luce("evaluate", run, "test.csv").out.splitlines()
    assert lines[1].startswith("accuracy")
    assert [line.split()[0] for line in lines[-3:]] == ["setosa", "versicolor", "virginica"]


def test_rows_of_the_training_data_are_pointed_out(luce, run):
    assert "flatter" in luce("evaluate", run, "train.csv").err
    assert "flatter" not in luce("evaluate", run, "test.csv").err


def test_the_evaluated_figures_are_those_in_the_model(luce, run):
    figures = json.loads((run / "eval.json").read_text())
    kept = luce("inspect", run, "--json").json["metrics"]
    assert kept["accuracy"] == figures["accuracy"]

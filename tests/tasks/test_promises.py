"""Sets and answers that are withheld, on rows like the evaluated ones."""

import json
from io import BytesIO

import numpy as np
import polars as pl
import pytest

from luce import data
from luce.errors import DataError, ParameterError
from luce.tasks.models import load_model
from luce.tasks.options import TrainOptions
from luce.tasks.prediction import Layout, predict
from luce.tasks.training import train

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    options = TrainOptions(data="digits", C=1e-2, valid="0.6", calibrate="temperature")
    return train(options, out=tmp_path_factory.mktemp("promises") / "run").run


def predicted(run, layout):
    stream = BytesIO()
    summary = predict(run, "digits", stream, layout)
    return summary, stream.getvalue()


def test_sets_hold_the_truth_and_answers_are_right_as_promised(run):
    summary, table = predicted(run, Layout(sets=0.9, max_risk=0.05))
    found = pl.read_csv(table, schema_overrides={"set": pl.String})
    assert found.columns == ["row", "prediction", "answered", "set"]
    truth = data.load("digits").target.astype(str)
    held = [y in (s or "").split("|") for y, s in zip(truth, found["set"], strict=True)]
    evaluated = pl.read_csv(run / "predictions.csv")["row"].to_numpy()
    assert np.asarray(held)[evaluated].mean() == pytest.approx(0.9, abs=0.002)
    answered = found["answered"].to_numpy()
    wrong = found["prediction"].cast(pl.String).to_numpy() != truth
    assert 0.5 < answered.mean() < 1
    assert wrong[answered].mean() < 0.05 < wrong[~answered].mean()
    assert summary.promises[0].startswith("Sets hold the truth in 90 % of rows like the 1,07")
    assert "answers are wrong" in summary.promises[1]


def test_json_has_lists(run):
    _, table = predicted(run, Layout(sets=0.9, max_risk=0.05))
    _, lines = predicted(run, Layout("jsonl", sets=0.9, max_risk=0.05))
    found = pl.read_csv(table, schema_overrides={"set": pl.String})
    for line, row in zip(lines.splitlines()[:50], found.iter_rows(named=True), strict=False):
        one = json.loads(line)
        assert "|".join(map(str, one["set"])) == (row["set"] or "")
        assert one["answered"] == row["answered"]


def test_what_cannot_be_promised_is_told(run):
    summary, table = predicted(run, Layout(sets=0.9999, max_risk=1e-4))
    assert "too few to exclude any class" in summary.promises[1]
    assert "cannot be proven" in summary.promises[2]
    found = pl.read_csv(table)
    assert not found["answered"].any()
    assert set(found["set"]) == {"0|1|2|3|4|5|6|7|8|9"}


def test_without_the_evaluated_rows_nothing_is_promised(run, tmp_path):
    load_model(run).save(tmp_path / "alone.safetensors")
    with pytest.raises(ParameterError, match="need the rows on which the model was evaluated"):
        predicted(tmp_path / "alone.safetensors", Layout(sets=0.9))
    (tmp_path / "predictions.csv").write_text("row,label\n1,x\n")
    with pytest.raises(DataError, match="damaged"):
        predicted(tmp_path / "alone.safetensors", Layout(max_risk=0.1))

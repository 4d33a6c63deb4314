from io import BytesIO

import numpy as np
import polars as pl
import pytest

from luce import data
from luce.tasks import prediction
from luce.tasks.explaining.effects import Columns
from luce.tasks.models import load_model
from luce.tasks.options import TrainOptions
from luce.tasks.prediction import Layout, predict
from luce.tasks.training import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on digits, without its report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luce.tasks.training.write_report", lambda run: None)
        options = TrainOptions(data="digits", solver="lbfgs", max_iter=5, tol=0.5)
        return train(options, out=tmp_path_factory.mktemp("runs") / "digits").run


def predicted(run, layout):
    output = BytesIO()
    assert predict(run, "digits", output, layout).rows == 1797
    output.seek(0)
    return output


def test_the_file_holds_the_probabilities_of_the_model(run):
    table = pl.read_csv(predicted(run, Layout(proba=True)))
    model = load_model(run)
    digits = data.load("digits")
    expected = model.classifier.predict_proba(model.encoding.apply(digits.features).X)
    got = table.select(pl.col("^p\\(.*\\)$")).to_numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    np.testing.assert_array_equal(table["prediction"], expected.argmax(axis=1))
    assert table["row"].to_list() == list(range(1797))


def test_both_forms_say_the_same(run):
    layout = Layout(proba=True, top=3)
    table = pl.read_csv(predicted(run, layout))
    lines = pl.read_ndjson(predicted(run, Layout("jsonl", proba=True, top=3)))
    np.testing.assert_array_equal(table["prediction"], lines["prediction"].cast(pl.Int64))
    for rank in range(3):
        best = lines["top"].list.get(rank)
        np.testing.assert_array_equal(
            table[f"top{rank + 1}"], best.struct.field("class").cast(pl.Int64)
        )
        np.testing.assert_allclose(table[f"p(top{rank + 1})"], best.struct.field("p"), rtol=1e-6)


def test_top_classes_come_best_first(run):
    table = pl.read_csv(predicted(run, Layout(top=10)))
    p = table.select(pl.col("^p\\(top.*\\)$")).to_numpy()
    assert (np.diff(p, axis=1) <= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_few_explanations_are_held_at_once_and_the_columns_are_named_once(run, monkeypatch):
    held, named = [], []
    written, of = prediction.json_lines, Columns.of

    def json_lines(*given):
        held.append(len(given[-1]))
        return written(*given)

    def columns_of(encoding):
        named.append(encoding)
        return of(encoding)

    monkeypatch.setattr(prediction, "json_lines", json_lines)
    monkeypatch.setattr(Columns, "of", columns_of)
    small = predicted(run, Layout("jsonl", explain=True)).read()
    assert (max(held), sum(held), len(named)) == (256, 1797, 1)
    monkeypatch.setattr(prediction, "_EXPLAINED", 1797)
    assert predicted(run, Layout("jsonl", explain=True)).read() == small

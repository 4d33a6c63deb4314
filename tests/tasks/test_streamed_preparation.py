"""Training out of core: the same model as in memory, from a table read in parts."""

import json

import numpy as np
import polars as pl
import pytest

from luce.errors import DataError, ParameterError
from luce.tasks.options import STREAM, TrainOptions
from luce.tasks.streamed_preparation import prepare_stream
from luce.tasks.training import train

pytestmark = pytest.mark.once


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 3))
    y = (x @ random.normal(size=(3, 3)) + random.gumbel(size=(2000, 3))).argmax(axis=1)
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
    path = tmp_path / "table.parquet"
    frame.with_columns(y=pl.Series(np.array(["p", "q", "r"])[y])).write_parquet(path)
    return path


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_the_model_is_that_of_the_rows_in_memory(table, tmp_path, folder, other):
    scratch = str(tmp_path) if folder else STREAM
    valid = str(table) if other else None
    options = TrainOptions(data=str(table), target="y", out_of_core=scratch, valid=valid, tol=1e-9)
    done = train(options, out=tmp_path / "run")
    frame = pl.read_parquet(table)
    if not other:
        held = pl.read_csv(done.run / "predictions.csv")["row"].to_numpy()
        left = np.setdiff1d(np.arange(2000), held)
        frame.write_parquet(tmp_path / "all.parquet")
        assert 300 < len(held) < 500
        frame = frame[left]
    frame.write_parquet(tmp_path / "rest.parquet")
    again = TrainOptions(
        data=str(tmp_path / "rest.parquet"), valid=str(table), target="y", tol=1e-9
    )
    expected = train(again, out=tmp_path / "other").model.classifier
    np.testing.assert_allclose(done.model.classifier.coef_, expected.coef_, atol=1e-4)
    facts = done.model.metadata
    assert facts["data"]["rows"] == len(frame)
    assert facts["data"]["name"] == "table"
    assert facts["training"]["converged"]
    assert json.loads((done.run / "eval.json").read_text())["rows"] == (
        2000 if other else len(held)
    )


@pytest.mark.parametrize(
    "given",
    [{"tune": "5s"}, {"calibrate": "auto"}, {"text": "a"}, {"solver": "newton"},
     {"class_weight": "corrected"}],
)  # fmt: skip
def test_what_needs_all_rows_is_refused(table, given):
    with pytest.raises(ParameterError, match="in memory"):
        prepare_stream(TrainOptions(data=str(table), out_of_core=STREAM, **given))


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "rows.npz").write_bytes(b"x")
    with pytest.raises(DataError, match="needs a table"):
        prepare_stream(TrainOptions(data=str(tmp_path / "rows.npz"), out_of_core=STREAM))

"""Rows held out of a stream: each row is in one part, and the parts are those of the seed."""

import numpy as np
import polars as pl
import pytest

from luce.data import hold_out, stream
from luce.data import table_stream as module
from luce.errors import DataError

pytestmark = pytest.mark.once


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_CELLS", 300)  # many blocks
    random = np.random.default_rng(0)
    path = tmp_path / "table.csv"
    frame = pl.DataFrame(
        {
            "number": np.arange(3000) / 2,
            "kind": random.choice(["a", "b"], 3000),
            "y": random.choice(["no", "yes"], 3000),
        }
    )
    frame.write_csv(path)
    return path, frame


def numbers_of(rest):
    return np.concatenate([X[:, 0] for X, _ in rest.blocks()])


@pytest.mark.parametrize("most", [10**6, 50])
def test_every_row_is_in_one_part(table, most):
    path, frame = table
    source = stream(path, target="y")
    held = hold_out(path, source, 0.2, 1, most)
    out = held.rows.features["number"].cast(float).to_numpy()
    np.testing.assert_array_equal(out, frame["number"].to_numpy()[held.numbers])
    np.testing.assert_array_equal(held.rows.target, frame["y"].to_numpy()[held.numbers])
    rest = np.concatenate([X for X, _ in held.rest.blocks()])
    assert len(rest) == held.rest.rows == 3000 - len(out)
    whole = np.concatenate([X for X, _ in source.blocks()])
    left = np.setdiff1d(np.arange(3000), held.numbers)
    np.testing.assert_array_equal(rest, whole[left])
    assert len(out) == 50 if most == 50 else 500 < len(out) < 700
    labels = np.concatenate([y for _, y in held.rest.blocks()])
    np.testing.assert_array_equal(labels, frame["y"].to_numpy()[left])


def test_the_seed_decides(table):
    path, _ = table
    source = stream(path, target="y")
    first, same, other = (hold_out(path, source, 0.1, seed).numbers for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_class_needs_rows_to_learn_from(tmp_path):
    path = tmp_path / "rare.csv"
    pl.DataFrame({"x": range(50), "y": ["a"] * 49 + ["b"]}).write_csv(path)
    with pytest.raises(DataError, match="all of 'b'"):
        hold_out(path, stream(path, target="y"), 0.99, 0)
    with pytest.raises(DataError, match="more rows"):
        hold_out(path, stream(path, target="y"), 1e-9, 0)

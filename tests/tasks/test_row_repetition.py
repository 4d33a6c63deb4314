from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from luce.data import Dataset
from luce.tasks.row_repetition import repetition

rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from("ab")), min_size=1)


@given(rows)
def test_rows_are_counted_as_one_by_one(found):
    cells = [row[:2] for row in found]
    labels = np.array([row[2] for row in found], dtype=object)
    repeated = len(found) - len(set(found))
    contradictory = sum(len({row[2] for row in found if row[:2] == cell}) > 1 for cell in cells)
    array = Dataset("t", "array", np.array(cells, float), target=labels)
    table = replace(
        array, kind="table", features=pl.DataFrame(cells, schema=["a", "b"], orient="row")
    )
    for dataset in (array, table):
        assert repetition(dataset) == (repeated, contradictory)

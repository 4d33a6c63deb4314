"""Files without a header: read, learnt from, stored and read again by a model."""

import gzip

import numpy as np
import polars as pl
import pytest

from luce.data import batches, encoding_from_json, learn_encoding, load, stream
from luce.data.column_order import ColumnOrder
from luce.errors import DataError, ModelFileError, ParameterError

ROWS = ["a,1,red", "b,2.5,blue", "a,4,red", "b,8,blue"]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(ROWS) + "\n")
    return path


@pytest.fixture
def encoding(rows):
    """Of a model whose target is the first column."""
    return learn_encoding(load(rows, target="column_1", no_header=True))


def test_the_first_line_is_a_row_and_the_columns_are_numbered(rows):
    dataset = load(rows, no_header=True)
    assert dataset.features.columns == ["column_1", "column_2"]
    assert dataset.features["column_2"].to_list() == ["1", "2.5", "4", "8"]
    assert (dataset.target_name, dataset.target.tolist()) == ("column_3", ["red", "blue"] * 2)
    assert dataset.order == ColumnOrder(3, "column_3")
    assert "There is no header line" in dataset.notes[0]
    assert dataset.header_doubt is None
    assert load(rows).header_doubt is not None


@pytest.mark.parametrize("separator", [";", "\t"])
def test_separator_byte_order_mark_quotes_and_gzip_are_as_with_a_header(tmp_path, separator):
    text = f'7{separator}"x{separator}y"\n8{separator}z\n'
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    dataset = load(path, target="column_2", no_header=True)
    assert dataset.features["column_1"].to_list() == ["7", "8"]
    assert dataset.target.tolist() == [f"x{separator}y", "z"]


def test_rows_of_another_length_are_told_beside_the_first_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,2,3\n1,2\n")
    with pytest.raises(DataError, match="3 fields like the first row, got 2 in line 2"):
        load(path, no_header=True)


def test_repeated_names_name_the_option(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("0,0,a\n1,2,b\n")
    with pytest.raises(DataError, match="--no-header"):
        load(path)


def test_a_file_whose_first_line_has_the_numbered_names_has_a_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("column_1,column_2\n1,a\n2,b\n")
    dataset = load(path, no_header=True)
    assert (len(dataset), dataset.order) == (2, None)


def numbers(source, encoding):
    return np.concatenate([batch.features.X for batch in batches(source, encoding)])


def test_a_model_reads_rows_with_and_without_the_target(rows, encoding, tmp_path):
    wanted = [[1, 1, 0], [2.5, 0, 1], [4, 1, 0], [8, 0, 1]]
    assert encoding.columns == ("column_2", "column_3")
    levels = encoding.feature_names[1:]
    if levels[0].endswith("blue"):
        wanted = [[size, *colour[::-1]] for size, *colour in wanted]
    np.testing.assert_array_equal(numbers(rows, encoding), wanted)
    bare = tmp_path / "bare.csv"  # where the first column is the second of training
    bare.write_text("\n".join(row[2:] for row in ROWS))
    np.testing.assert_array_equal(numbers(bare, encoding), wanted)
    named = tmp_path / "named.csv"
    named.write_text("column_3,column_2\nred,1\nblue,2.5\nred,4\nblue,8\n")
    np.testing.assert_array_equal(numbers(named, encoding), wanted)
    typed = tmp_path / "typed.parquet"
    pl.read_csv(named).write_parquet(typed)
    np.testing.assert_array_equal(numbers(typed, encoding), wanted)


def test_another_count_of_columns_is_refused(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_text("a,1,red,more\n")
    with pytest.raises(DataError, match=r"3 columns .* or 2 without its target 'column_1', got 4"):
        numbers(path, encoding)


def test_the_order_is_stored_and_read_strictly(encoding):
    tree = encoding.to_json()
    assert tree["order"] == {"columns": 3, "target": "column_1"}
    assert encoding_from_json(tree) == encoding
    for order in ({"columns": 3}, {"columns": 3, "target": "column_4"}, {"columns": 1}, None, []):
        with pytest.raises(ModelFileError, match="order"):
            encoding_from_json({**tree, "order": order})
    with pytest.raises(ModelFileError, match="order"):
        encoding_from_json({"kind": "array", "features": 2, "dtype": "float64", "order": {}})


def test_texts_without_a_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("".join(f"the cat sat {i},cat\nthe dog ran {i},dog\n" for i in range(30)))
    dataset = load(path, no_header=True)
    encoding = learn_encoding(dataset)
    assert encoding.order == ColumnOrder(2, "column_2")
    again = encoding_from_json(encoding.to_json(), encoding.tensors)
    alone = tmp_path / "alone.csv"
    alone.write_text("the cat sat\nthe dog ran\n")
    assert [len(batch.features) for batch in batches(alone, again)] == [2]


@pytest.mark.parametrize("no_header", [False, True])
def test_texts_on_standard_input_are_cells_as_in_a_file(tmp_path, monkeypatch, no_header):
    path = tmp_path / "t.csv"
    path.write_text("".join(f'"the cat, {i}",cat\n"the dog, {i}",dog\n' for i in range(30)))
    encoding = learn_encoding(load(path, text=["column_1"], no_header=True))
    monkeypatch.setattr("luce.data.files.stdin_chunks", lambda: iter([path.read_bytes()]))
    (piped,) = batches("-", encoding, no_header=no_header)
    (filed,) = batches(path, encoding, no_header=no_header)
    assert piped.raw["column_1"].to_list() == filed.raw["column_1"].to_list()
    assert piped.raw["column_1"][0] == "the cat, 0"


def test_a_stream_has_the_rows_of_the_whole(rows):
    streamed = stream(rows, target="column_1", no_header=True)
    assert streamed.encoding == learn_encoding(load(rows, target="column_1", no_header=True))
    (block,) = streamed.blocks()
    assert len(block.X) == 4
    assert stream(rows).header_doubt is not None


def test_only_files_that_may_lack_a_header_can(tmp_path, encoding):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1, 2], "label": ["x", "y"]}).write_parquet(path)
    for source in ("digits", path):
        with pytest.raises(DataError, match="only a CSV or TSV file can lack a header"):
            load(source, no_header=True)
    with pytest.raises(DataError, match="only a CSV or TSV file can lack a header"):
        stream(path, no_header=True)


def test_rows_that_have_names_cannot_lack_them(tmp_path, encoding, monkeypatch):
    path = tmp_path / "t.jsonl"
    path.write_text('{"column_2": 1, "column_3": "red"}\n')
    monkeypatch.setattr("luce.data.files.stdin_chunks", lambda: iter([path.read_bytes()]))
    for source in (path, "-"):
        assert len(numbers(source, encoding)) == 1
        with pytest.raises(DataError, match="only a CSV or TSV file can lack a header"):
            next(batches(source, encoding, no_header=True))


def test_a_stream_finds_the_row_numbers_and_the_names_that_the_whole_finds(tmp_path):
    path = tmp_path / "t.csv"  # as pandas writes one, with the index in front
    path.write_text(",size,kind\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    whole, streamed = load(path), stream(path)
    assert streamed.encoding == learn_encoding(whole)
    assert streamed.encoding.columns == ("size",)
    path.write_text(",5.5,a\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    assert stream(path).header_doubt == load(path).header_doubt is not None
    path.write_text("column_1,column_2\n" + "".join(f"{i % 7},{'ab'[i % 2]}\n" for i in range(9)))
    assert stream(path, no_header=True).encoding.order is None


def test_a_model_that_goes_by_names_says_so(rows, tmp_path):
    headed = tmp_path / "headed.csv"
    headed.write_text("size,label\n1,a\n2,b\n")
    encoding = learn_encoding(load(headed))
    with pytest.raises(ParameterError, match="finds its columns by their names"):
        next(batches(rows, encoding, no_header=True))

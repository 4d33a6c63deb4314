import polars as pl
import pytest

from luce.data import learn_encoding, load
from luce.tasks.viewing.missing import missing_cells


@pytest.fixture(scope="module")
def encoding(tmp_path_factory):
    path = tmp_path_factory.mktemp("missing") / "t.csv"
    rows = ["1,,red,true,2024-01-01,a,x", "2,4,blue,false,2024-01-03,b,y", "6,8,red,true,,a,x"]
    names = "size,weight,colour,new,day,maker,label"
    path.write_text("\n".join([names, *rows, *rows]) + "\n")
    return learn_encoding(load(path))


def missing(encoding, **cells):
    whole = {"size": "1", "weight": "4", "colour": "red", "new": "true", "day": "2024-01-01"}
    row = whole | {"maker": "a"} | cells
    frame = pl.DataFrame(
        {name: [cell] for name, cell in row.items()}, schema=dict.fromkeys(row, pl.String)
    )
    return missing_cells(encoding, frame)


def test_a_whole_row_has_nothing_to_tell(encoding):
    assert missing(encoding) == []


@pytest.mark.parametrize("cell", [None, "", "NA", "?"])
def test_the_mean_of_training_is_told(encoding, cell):
    assert missing(encoding, size=cell) == [("size", "3", False)]
    assert missing(encoding, weight=cell) == [("weight", "6", True)]
    assert missing(encoding, day=cell) == [("day", "2024-01-02", True)]


def test_the_mean_of_truth_values_is_a_number(encoding):
    assert missing(encoding, new=None) == [("new", "0.6667", False)]


def test_a_category_without_a_value_has_no_effect(encoding):
    assert missing(encoding, colour=None, maker="") == [
        ("colour", None, False),
        ("maker", None, False),
    ]


def test_images_have_no_cells():
    assert missing_cells(learn_encoding(load("digits")), pl.DataFrame()) == []

import polars as pl
import pytest

from luce.data.header_doubts import header_doubt

IRIS = "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n7.0,3.2,4.7,1.4,versicolor\n"
LETTER = "T,2,8,3,5,1\nI,5,12,3,7,2\nD,4,11,6,8,6\nN,7,11,6,6,3\n"
NURSERY = "usual,proper,complete,recommend\nusual,improper,complete,priority\n" * 4
REVIEWS = "I liked it,good\n" + "".join(f"remark {i},{('good', 'bad')[i % 2]}\n" for i in range(9))
DATES = "2024-01-01,5,a\n2024-01-02,6,b\n2024-01-03,5,a\n"
FLAGS = "yes,true\nno,false\nyes,true\nno,true\nno,false\n"


def doubt(text):
    """What is said of the columns of a file, as `load` has them."""
    names, *rows = [line.split(",") for line in text.splitlines()]
    named = [name or f"column {i}" for i, name in enumerate(names)]
    columns = {name: [row[i] or None for row in rows] for i, name in enumerate(named)}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(named, pl.String))
    return header_doubt(frame, [name for name in named if name not in names], "t.csv")


@pytest.mark.parametrize("text", [IRIS, LETTER, NURSERY, REVIEWS, DATES, FLAGS])
def test_a_row_in_the_place_of_the_names_is_doubted(text):
    said = doubt(text)
    assert "--no-header" in said
    assert repr(text.split(",")[0]) in said


@pytest.mark.parametrize(
    "names",
    ["length,width,depth,x,kind", "1,width,depth,x,kind", "0,1,2,3,4", "0,1,2,3,kind", ",w,d,x,k"],
)
def test_names_over_numbers_are_not_doubted(names):
    assert doubt(f"{names}\n{IRIS}") is None


@pytest.mark.parametrize("names", ["2001,2002,2003,2004,kind", "parents,has_nurs,form,class"])
def test_years_and_words_that_stand_nowhere_below_are_not_doubted(names):
    rows = IRIS if "kind" in names else NURSERY
    assert doubt(f"{names}\n{rows}") is None


def test_numbers_that_do_not_count_up_are_doubted_though_they_are_whole():
    assert doubt("4,1,2,a\n3,1,5,b\n6,5,4,a\n") is not None


def test_one_word_among_many_columns_says_nothing():
    rows = "type,b,c,d,e\n" * 3 + "x,b,c,d,e\n" * 3
    assert doubt("type,size,form,class,way\n" + rows) is None


def test_a_file_without_rows_or_with_empty_columns_is_not_doubted():
    assert doubt("1,2\n") is None
    assert doubt("a,x\n,1\n,2\n") is None
    assert doubt("7,x\n,u\n,v\n") is None


def test_words_for_missing_values_neither_speak_for_nor_against():
    assert doubt("?,3,a\n1,4,b\n2,5,a\n") is not None
    assert doubt("?,a\n1,b\n2,c\n") is None

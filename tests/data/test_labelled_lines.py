import gzip

import pytest

from luce.data import batches, learn_encoding, load
from luce.data.labelled_lines import part_line
from luce.errors import DataError, LabelError

pytestmark = pytest.mark.once


def written(tmp_path, text, name="t.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_lines_become_texts_and_labels(tmp_path):
    dataset = load(written(tmp_path, "\ufeff__label__a one two\n\n __label__b three\n__label__a"))
    assert dataset.features["text"].to_list() == ["one two", "three", ""]
    assert dataset.target.tolist() == ["a", "b", "a"]
    assert dataset.target_name == "label"


def test_labels_may_be_numbers_and_files_packed(tmp_path):
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress(b"__label__1 x\n__label__2 y\n"))
    assert load(path).target.tolist() == [1, 2]
    assert load(path).name == "t"


@pytest.mark.parametrize(
    ("line", "labels", "text"),
    [
        ("__label__a b c", ["a"], "b c"),
        ("  __label__a  __label__b c ", ["a", "b"], "c"),
        ("a __label__b", [], "a __label__b"),
        ("__label__a", ["a"], ""),
        ("__label__a\tb", ["a"], "b"),
    ],
)
def test_labels_stand_in_front(line, labels, text):
    assert part_line(line) == (labels, text)


def test_a_line_without_a_label_is_named(tmp_path):
    path = written(tmp_path, "__label__a x\n\ny\n__label__ z\n")
    with pytest.raises(LabelError, match="2 of 3 do not: line 3, "):
        load(path)
    assert load(path, needs_target=False).features["text"].to_list() == ["x", "y", "z"]


def test_several_labels_are_refused(tmp_path):
    path = written(tmp_path, "__label__a x\n__label__a __label__b y\n")
    with pytest.raises(LabelError, match=r"1 of 2 have several: line 2 has a, b"):
        load(path)


def test_a_file_without_texts_or_of_one_class_is_refused(tmp_path):
    with pytest.raises(DataError, match="all of them are empty"):
        load(written(tmp_path, "\n \n"))
    with pytest.raises(DataError, match="at least two classes"):
        load(written(tmp_path, "__label__a x\n__label__a y\n"))


def test_lines_to_predict_keep_their_order_and_empty_ones(tmp_path):
    path = written(tmp_path, "__label__a one\n__label__b two\n")
    encoding = learn_encoding(load(path))
    lines = written(tmp_path, "two\n\n__label__a one\nthree", "new.txt")
    found = list(batches(lines, encoding))
    assert [text for batch in found for text in batch.raw["text"]] == ["two", "", "one", "three"]
    assert all(batch.features.X.shape[1] == encoding.width for batch in found)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (b"one, two\nthree\n", ["one, two", "three"]),
        (b"text\none\n", ["one"]),
        (b'id,"text"\n1,one\n', ["one"]),
        (b'{"text": "one"}\n', ["one"]),
        (b"a text\n", ["a text"]),
    ],
)
def test_standard_input_is_lines_unless_its_first_names_the_column(
    tmp_path, monkeypatch, given, texts
):
    encoding = learn_encoding(load(written(tmp_path, "__label__a one\n__label__b two\n")))
    monkeypatch.setattr("luce.data.files.stdin_chunks", lambda: iter([given[:3], given[3:]]))
    (batch,) = batches("-", encoding)
    assert batch.raw["text"].to_list() == texts

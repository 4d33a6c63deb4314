"""From texts to a model and back, on the command line."""

import json
import tomllib

import pytest

pytestmark = pytest.mark.once

TOPICS = {
    "bank": ["pay my bill today", "what is the balance", "move money to savings", "pay the rent"],
    "sky": ["will it rain today", "is the sun out now", "rain or snow tomorrow", "cold and rain"],
}


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "topics.txt"
    rows = [f"__label__{label} {text}" for label, texts in TOPICS.items() for text in texts]
    path.write_text("\n".join(rows * 5))
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "topics.csv"
    rows = [f"{label},{text},{len(text)}" for label, texts in TOPICS.items() for text in texts]
    path.write_text("\n".join(["topic,message,size", *rows * 5]))
    return path


def test_a_file_of_fasttext_trains_and_predicts(luce, tmp_path, lines):
    answer = luce("train", str(lines), "--out", "run")
    assert answer.code == 0, answer.err
    assert "n-grams of 1 to 2 words" in answer.err
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert (config["C"], config["text"], config["target"]) == (100.0, "text", "label")
    assert json.loads((tmp_path / "run" / "eval.json").read_text())["accuracy"]["value"] == 1
    (tmp_path / "new.txt").write_text("snow and rain\nmy balance\n")
    answer = luce("predict", "run", "new.txt")
    assert answer.out.splitlines() == ["row,prediction", "0,sky", "1,bank"]
    assert luce("evaluate", "run", str(lines)).code == 0
    assert luce("inspect", "run").code == 0
    assert luce("train", "--config", "run/config.toml", "--out", "again").code == 0


def test_text_beside_other_columns(luce, tmp_path, table):
    answer = luce("train", str(table), "--target", "topic", "--text", "message", "--out", "run")
    assert answer.code == 0, answer.err
    assert "Read as text: 'message'." in answer.err
    assert "Read as numbers: 'size'." in answer.err
    assert (tmp_path / "run" / "report.html").exists()
    (tmp_path / "new.jsonl").write_text('{"message": "snow and rain", "size": 13}\n')
    assert luce("predict", "run", "new.jsonl").out.splitlines()[1] == "0,sky"


def test_text_where_there_is_none_is_refused(luce, table):
    answer = luce("train", "iris", "--text", "remark")
    assert answer.code == 2
    assert "--text must name columns of a table" in answer.err
    answer = luce("train", str(table), "--target", "topic", "--text", "massage")
    assert answer.code == 3
    assert "Did you mean 'message'?" in answer.err
    answer = luce("train", str(table), "--target", "topic", "--text", "message,")
    assert answer.code == 2
    assert "names of columns, commas between" in answer.err


def test_lines_with_several_labels_are_refused(luce, tmp_path):
    (tmp_path / "t.txt").write_text("__label__a __label__b x\n__label__a y\n")
    answer = luce("train", "t.txt")
    assert answer.code == 3
    assert "line 1 has a, b" in answer.err

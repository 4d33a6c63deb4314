"""What can be wrong with data, models, options and disks: one clear error each, and no litter."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from luce.tasks.options import OPTIONS

GOOD = "size,colour,label\n" + "1,red,a\n2,blue,b\n" * 10
HUGE = "size,label\n" + "1e300,a\n-1e300,b\n2e300,a\n-3e300,b\n" * 5


def save(name, content):
    """Return a function that writes a file into a folder."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def save_arrays(name, X, y):
    def write(folder):
        np.savez(folder / name, X=np.asarray(X), y=np.asarray(y))

    return write


def nothing(folder):
    """Write nothing."""


TABLES = {
    "missing file": (nothing, [], "data.csv"),
    "empty file": (save("data.csv", ""), [], "empty"),
    "only blanks": (save("data.csv", "\n\n  \n"), [], "data.csv"),
    "header only": (save("data.csv", "size,label\n"), [], "row"),
    "one class": (save("data.csv", "size,label\n1,a\n2,a\n3,a\n"), [], "two classes"),
    "class with one row": (save("data.csv", GOOD + "3,red,rare\n"), [], "'rare' has only row 21"),
    "no such target": (save("data.csv", GOOD), ["--target", "lable"], "Did you mean 'label'?"),
    "text in a column of numbers": (
        save("data.csv", "size,label\n" + "1,a\n2,b\n" * 10 + "much,a\n"),
        [],
        "much",
    ),
    "ragged rows": (save("data.csv", GOOD + "3,red\n"), [], "line 22"),
    "one cell too many": (save("data.csv", GOOD + "3,red,a,b\n"), [], "line 22"),
    "wrong encoding": (save("data.csv", GOOD.encode() + b"3,gr\xfcn,a\n"), [], "0xfc"),
    "UTF-16": (save("data.csv", GOOD.encode("utf-16")), [], "UTF-16"),
    "NUL bytes": (save("data.csv", GOOD + "3,re\0d,a\n"), [], "NUL"),
    "duplicate columns": (save("data.csv", "x,x,label\n1,2,a\n3,4,b\n"), [], "'x'"),
    "missing label": (save("data.csv", GOOD + "3,red,\n"), [], "21"),
    "infinity": (save("data.csv", GOOD + "inf,red,a\n"), [], "finite"),
    "not closed quotation": (save("data.csv", GOOD + '3,"red,a\n'), [], "quotation"),
    "a spreadsheet": (save("data.csv", b"PK\x03\x04" + b"x" * 100), [], "data.csv"),
    "a quantity": (
        save("data.csv", "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(99))),
        [],
        "different values",
    ),
    "bad JSON": (save("data.csv", '{"a": 1,\n'), [], "data.csv"),
    "a folder without images": (lambda folder: (folder / "data.csv").mkdir(), [], "data.csv"),
}


def listing(folder):
    """All that is in a folder, to compare before and after."""
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("case", TABLES)
def test_bad_tables_are_exit_code_3(luce, tmp_path, case):
    write, flags, hint = TABLES[case]
    write(tmp_path)
    before = listing(tmp_path)
    answer = luce("train", "data.csv", *flags)
    assert_one_clear_error(answer, 3, hint)
    assert listing(tmp_path) == before


def assert_one_clear_error(answer, code, hint):
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert hint in answer.err
    assert "Traceback" not in answer.err
    assert "bug in luce" not in answer.err


ARRAYS = {
    "NaN": ([[1.0, np.nan]] * 4, [0, 1, 0, 1], "finite"),
    "infinity": ([[1.0, np.inf]] * 4, [0, 1, 0, 1], "finite"),
    "different lengths": (np.eye(4), [0, 1, 0], "4"),
    "labels that are NaN": (np.eye(4), [0.0, np.nan, 0.0, 1.0], "label"),
    "one axis": (np.arange(4.0), [0, 1, 0, 1], "shape"),
    "objects": (np.array([[None]] * 4, dtype=object), [0, 1, 0, 1], "data.npz"),
    "no rows": (np.empty((0, 3)), np.empty(0, int), "data.npz"),
    "complex": (np.eye(4) * 1j, [0, 1, 0, 1], "data.npz"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_bad_arrays_are_exit_code_3(luce, tmp_path, case):
    X, y, hint = ARRAYS[case]
    save_arrays("data.npz", X, y)(tmp_path)
    before = listing(tmp_path)
    assert_one_clear_error(luce("train", "data.npz"), 3, hint)
    assert listing(tmp_path) == before


OPTION_CASES = [
    (["--C", "-1"], "C must be a number above 0"),
    (["--C", "nan"], "C must be a number above 0"),
    (["--solver", "newtonn"], "Did you mean 'newton'?"),
    (["--valid", "1.5"], "between 0 and 1"),
    (["--valid", "test"], "standard test split"),
    (["--split", "test"], "split"),
    (["--label-smoothing", "1"], "below 1"),
    (["--config", "no.toml"], "no.toml"),
    (["--config", "data.csv"], "TOML"),
    (["--out", "data.csv"], "a file"),
    (["--threads", "0"], "threads"),
]


@pytest.mark.parametrize(("flags", "hint"), OPTION_CASES)
def test_bad_options_are_exit_code_2(luce, tmp_path, flags, hint):
    save("data.csv", GOOD)(tmp_path)
    before = listing(tmp_path)
    assert_one_clear_error(luce("train", "data.csv", *flags), 2, hint)
    assert listing(tmp_path) == before


def test_a_name_that_is_nearly_a_set_is_told(luce):
    assert_one_clear_error(luce("train", "digts"), 3, "Did you mean 'digits'?")


def test_a_target_where_there_is_none_to_choose_is_wrong_usage(luce):
    assert_one_clear_error(luce("train", "iris", "--target", "petal"), 2, "own labels")


def test_features_like_1e300_train_or_are_refused_and_never_warn(luce, tmp_path):
    save("data.csv", HUGE)(tmp_path)
    answer = luce("train", "data.csv", "--json")
    assert "Warning" not in answer.err
    if answer.code == 0:
        assert answer.json["accuracy"]["value"] == 1.0
    else:
        assert_one_clear_error(answer._replace(out=""), 3, "size")
        assert listing(tmp_path) == [str(tmp_path / "data.csv")]


@pytest.fixture
def model(luce, tmp_path):
    """A good model file; the run folder of its training is gone."""
    save("data.csv", GOOD)(tmp_path)
    assert luce("train", "data.csv", "--out", "run").code == 0
    path = tmp_path / "model.safetensors"
    (tmp_path / "run" / "model.safetensors").rename(path)
    for item in (tmp_path / "run").iterdir():
        item.unlink()
    (tmp_path / "run").rmdir()
    return path


def header_of(data):
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(header, rest):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def overlapping(data):
    header, rest = header_of(data)
    header["intercept"]["data_offsets"] = [0, header["intercept"]["data_offsets"][1]]
    return with_header(header, rest)


def duplicate_keys(data):
    header, rest = header_of(data)
    text = json.dumps(header)
    text = text[:-1] + ', "coef": ' + json.dumps(header["coef"]) + "}"
    return struct.pack("<Q", len(text)) + text.encode() + rest


def nan_weights(data):
    header, rest = header_of(data)
    start, _ = header["coef"]["data_offsets"]
    nan = struct.pack("<d", float("nan"))
    return with_header(header, rest[:start] + nan + rest[start + 8 :])


def flipped_bit(data):
    return data[:-1] + bytes([data[-1] ^ 1])


MODELS = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:-5],
    "7 bytes": lambda data: data[:7],
    "4 GB header": lambda data: struct.pack("<Q", 2**32) + data[8:],
    "duplicate keys": duplicate_keys,
    "overlapping tensors": overlapping,
    "NaN weights": nan_weights,
    "a flipped bit": flipped_bit,
    "bytes after the end": lambda data: data + b"more",
    "a pickle": lambda data: pickle.dumps({"coef": [1, 2]}),
    "a table": lambda data: GOOD.encode(),
}


@pytest.mark.parametrize("verb", ["evaluate", "predict", "inspect"])
@pytest.mark.parametrize("case", MODELS)
def test_bad_models_are_exit_code_4(luce, tmp_path, model, verb, case):
    model.write_bytes(MODELS[case](model.read_bytes()))
    before = listing(tmp_path)
    answer = luce(verb, model, *([] if verb == "inspect" else ["data.csv"]))
    assert_one_clear_error(answer, 4, "model.safetensors")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("name", ["no.safetensors", "."])
def test_a_model_that_is_not_there_is_exit_code_4(luce, tmp_path, name):
    assert_one_clear_error(luce("evaluate", name, "iris"), 4, "model")


NEW_ROWS = {
    "a column is missing": ("size\n1\n", "'colour'"),
    "a column is misspelt": ("size,color\n1,red\n", "'colour'"),
    "text in a column of numbers": ("size,colour\nmuch,red\n", "much"),
    "a ragged row": ("size,colour\n1,red\n1\n", "line 3"),
    "header only": ("", "new.csv"),
    "no header": ("1,red\n2,blue\n", "'colour'"),
}


@pytest.mark.parametrize("case", NEW_ROWS)
def test_rows_that_do_not_fit_the_model_are_exit_code_3(luce, tmp_path, model, case):
    text, hint = NEW_ROWS[case]
    save("new.csv", text)(tmp_path)
    before = listing(tmp_path)
    assert_one_clear_error(luce("predict", model, "new.csv", "-o", "out.csv"), 3, hint)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (GOOD + "1,red,c\n", "'c'"),
        ("size,colour\n1,red\n", "'label'"),
        (GOOD + "1,red,\n", "label"),
    ],
)
def test_labels_that_do_not_fit_the_model_are_exit_code_3(luce, tmp_path, model, text, hint):
    save("test.csv", text)(tmp_path)
    assert_one_clear_error(luce("evaluate", model, "test.csv"), 3, hint)


def test_rows_to_evaluate_on_must_fit_before_training_begins(luce, tmp_path, monkeypatch):
    save("data.csv", GOOD)(tmp_path)
    save("valid.csv", GOOD + "1,red,c\n")(tmp_path)
    before = listing(tmp_path)
    answer = luce("train", "data.csv", "--valid", "valid.csv")
    assert_one_clear_error(answer, 3, "'c'")
    assert listing(tmp_path) == before


def test_a_place_that_cannot_be_written_is_exit_code_1(luce, tmp_path):
    save("file", "")(tmp_path)
    answer = luce("train", "iris", "--out", "file/run")
    assert answer.code == 1
    assert "--out" in answer.err
    assert listing(tmp_path) == [str(tmp_path / "file")]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_exit_code_1(luce, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_one_clear_error(luce("train", "iris", "--out", "locked/run"), 1, "locked")
    assert listing(locked) == []


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_full_disk_is_exit_code_1_and_nothing_half_written_stays(
    luce, tmp_path, monkeypatch, nth
):
    """The n-th file that is forced to the disk does not fit any more, for every n."""
    calls = iter(range(1, 1000))
    fsync = os.fsync

    def full(descriptor):
        if next(calls) >= nth:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    answer = luce("train", "iris", "--out", "run")
    assert answer.code == 1
    assert "No space left on device" in answer.err
    assert "Traceback" not in answer.err
    run = tmp_path / "run"
    if run.exists():  # the model was saved before the disk was full: it is kept, and it is whole
        assert luce("inspect", "run").code == 0
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


def test_every_option_is_refused_by_name_in_a_configuration_too(luce, tmp_path):
    for name, option in OPTIONS.items():
        value = "[]" if option.kind is str else '"much"'
        Path("bad.toml").write_text(f"{name} = {value}\n")
        assert_one_clear_error(luce("train", "--config", "bad.toml"), 2, name)


def test_a_report_needs_a_run(luce, tmp_path):
    answer = luce("report", "no-such-run")
    assert answer.code == 3
    assert "no-such-run" in answer.err

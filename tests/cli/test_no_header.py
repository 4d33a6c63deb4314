"""A file without a header through all verbs that read data."""

import polars as pl
import pytest

from luce.tasks.reporting.record import read_run

pytestmark = pytest.mark.filterwarnings("always::luce.errors.LuceWarning")
ROWS = "".join(f"{'ab'[i % 2]},{i % 7 + 3 * (i % 2)},{i % 5}\n" for i in range(60))
LEARN = ("--no-header", "--target", "column_1")


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def run(luce, rows):
    answer = luce("train", rows, *LEARN, "--out", "run")
    assert answer.code == 0, answer.err
    assert "Warning" not in answer.err
    return "run"


def test_a_lost_first_row_is_warned_of_and_the_option_named(luce, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("5.5,7,a\n" + "".join(f"{i},{i % 5},{'ab'[i % 2]}\n" for i in range(60)))
    for arguments in (("inspect", path), ("train", path, "--out", "first")):
        answer = luce(*arguments)
        assert answer.code == 0, answer.err
        assert answer.err.count("Warning: The first line of") == 1
        assert "--no-header" in answer.err
    found = luce("inspect", path, "--no-header", "--json")
    assert "Warning" not in found.err
    assert found.json["rows"] == 61
    assert found.json["next"].endswith("--target column_3 --no-header")
    assert luce("inspect", path, "--json").json["header_doubt"] is not None


def test_training_out_of_core_warns_and_reads_the_same(luce, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("5.5,7,a\n" + "".join(f"{i},{i % 5},{'ab'[i % 2]}\n" for i in range(60)))
    assert "--no-header" in luce("train", path, "--out-of-core", "--out", "one").err
    answer = luce("train", path, "--out-of-core", "--no-header", "--out", "two")
    assert (answer.code, "Warning" in answer.err) == (0, False), answer.err
    assert luce("predict", "two", path).out.count("\n") == 1 + 61


def test_the_model_reads_the_same_file_without_being_told(luce, run, rows, tmp_path):
    assert luce("evaluate", run, rows, "--json").json["rows"] == 60
    assert luce("evaluate", run, rows, "--no-header", "--json").json["rows"] == 60
    whole = luce("predict", run, rows, "--proba").out
    assert whole.count("\n") == 1 + 60
    bare = tmp_path / "bare.csv"
    bare.write_text("".join(line.partition(",")[2] for line in ROWS.splitlines(keepends=True)))
    assert luce("predict", run, bare, "--proba", "--no-header").out == whole


def test_the_configuration_repeats_it_and_a_resumed_run_keeps_it(luce, run):
    config = (luce("train", "--config", f"{run}/config.toml", "--out", "again"), "again")
    assert config[0].code == 0, config[0].err
    resumed = luce("train", "--resume", run, "--tol", "1e-9")
    assert resumed.code == 0, resumed.err


def test_the_report_finds_the_evaluated_rows(whole_luce, rows, tmp_path):
    answer = whole_luce("train", rows, *LEARN, "--out", "run")
    assert answer.code == 0, answer.err
    record = read_run(tmp_path / "run")
    assert (record.absence, len(record.evaluated)) == ("", 12)
    assert "no_header=True" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_the_report_reads_other_rows_by_their_names(luce, rows, tmp_path, suffix):
    frame = pl.DataFrame(
        {"column_3": [1, 2, 3], "column_1": ["a", "b", "a"], "column_2": [5, 4, 1]}
    )
    other = tmp_path / f"other.{suffix}"
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[suffix](
        other
    )
    answer = luce("train", rows, *LEARN, "--valid", other, "--out", "run")
    assert answer.code == 0, answer.err
    record = read_run(tmp_path / "run")
    assert (record.absence, len(record.evaluated)) == ("", 3)
    piped = luce("evaluate", "run", other, "--no-header")
    assert (piped.code == 0) == (suffix == "csv")


def test_a_model_that_goes_by_names_cannot_do_without(luce, tmp_path, rows):
    headed = tmp_path / "headed.csv"
    headed.write_text("label,size,other\n" + ROWS)
    assert luce("train", headed, "--out", "named").code == 0
    for verb in ("predict", "evaluate"):
        answer = luce(verb, "named", rows, "--no-header")
        assert answer.code == 2
        assert "Write these into the first line" in answer.err

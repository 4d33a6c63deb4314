import csv
import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

ROWS = [(1.0, "red", "a"), (2.0, "blue", "b")] * 10


@pytest.fixture
def run(luce, tmp_path):
    """A run trained on a small table of two columns and the classes a and b."""
    text = "size,colour,label\n" + "".join(f"{s},{c},{y}\n" for s, c, y in ROWS)
    (tmp_path / "train.csv").write_text(text)
    assert luce("train", "train.csv", "--out", "run").code == 0
    return tmp_path / "run"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_keep_their_order_and_columns_may_stand_anywhere(luce, run, tmp_path):
    (tmp_path / "new.csv").write_text("more,colour,size\nx,blue,2\ny,red,1\nz,blue,2\n")
    answer = luce("predict", run, "new.csv")
    assert answer.code == 0
    assert answer.out == "row,prediction\n0,b\n1,a\n2,b\n"


def test_a_long_table_has_one_header_and_all_rows_in_order(luce, run, tmp_path):
    (tmp_path / "new.csv").write_text("size,colour\n" + "2,blue\n1,red\n" * 10_000)
    rows = rows_of(luce("predict", run, "new.csv").out)
    assert [row["row"] for row in rows] == [str(number) for number in range(20_000)]
    assert [row["prediction"] for row in rows] == ["b", "a"] * 10_000


def test_probabilities_and_top_classes(luce, run, tmp_path):
    (tmp_path / "new.csv").write_text("colour,size\nblue,2\nred,1\n")
    for row in rows_of(luce("predict", run, "new.csv", "--proba", "--top", "2").out):
        p = {name: float(row[f"p({name})"]) for name in "ab"}
        assert sum(p.values()) == pytest.approx(1)
        assert row["top1"] == row["prediction"] == max(p, key=p.get)
        assert float(row["p(top1)"]) == max(p.values())
        assert float(row["p(top2)"]) == min(p.values())


def test_json_lines_in_and_out(luce, run, tmp_path):
    (tmp_path / "new.jsonl").write_text('{"size": 1, "colour": "red"}\n{"colour": "blue"}\n')
    answer = luce("predict", run, "new.jsonl", "--json", "--top", "1", "--proba")
    first, second = map(json.loads, answer.out.splitlines())
    assert (first["row"], first["prediction"], first["top"][0]["class"]) == (0, "a", "a")
    assert sum(second["proba"].values()) == pytest.approx(1)


def test_a_category_that_training_did_not_see_is_told(luce, run, tmp_path):
    (tmp_path / "new.csv").write_text("colour,size\nviolet,2\n,1\n")
    answer = luce("predict", run, "new.csv")
    assert answer.code == 0
    assert "Column 'colour': 1 cell with a category that training did not see." in answer.err


def test_out_is_written_whole_and_in_the_form_of_its_name(luce, run, tmp_path):
    (tmp_path / "new.csv").write_text("colour,size\nblue,2\n")
    answer = luce("predict", run, "new.csv", "-o", "out.jsonl")
    assert (answer.code, answer.out) == (0, "")
    assert json.loads((tmp_path / "out.jsonl").read_text())["prediction"] == "b"


def test_a_bad_row_leaves_no_output_behind(luce, run, tmp_path):
    good = "blue,2\n" * 10_000
    (tmp_path / "new.csv").write_text(f"colour,size\n{good}blue,much\n")
    answer = luce("predict", run, "new.csv", "-o", "out.csv")
    assert answer.code == 3
    assert "much" in answer.err
    assert not [item for item in tmp_path.iterdir() if "out.csv" in item.name]


def test_more_top_classes_than_there_are_is_wrong_usage(luce, run, tmp_path):
    answer = luce("predict", run, "train.csv", "--top", "3")
    assert answer.code == 2
    assert "--proba" in answer.err


def test_images_are_predicted_too(luce):
    assert luce("train", "digits", "--out", "digits-run").code == 0
    rows = rows_of(luce("predict", "digits-run", "digits").out)
    assert len(rows) == 1797
    from sklearn.datasets import load_digits

    right = np.mean([int(row["prediction"]) for row in rows] == load_digits().target)
    assert right > 0.95


def test_stdin_is_a_table_and_head_is_quiet(run, tmp_path):
    command = [sys.executable, "-m", "luce.cli", "predict", str(run), "-"]
    done = subprocess.run(
        command, input="colour,size\nblue,2\n", capture_output=True, text=True, check=True
    )
    assert done.stdout == "row,prediction\n0,b\n"
    luce = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    luce.stdout.close()
    _, errors = luce.communicate("colour,size\n" + "blue,2\n" * 50_000)
    assert (luce.returncode, errors) == (0, "")


def test_long_input_takes_no_more_memory_than_short(run, tmp_path):
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells the peak of one process without that of its parent")
    code = textwrap.dedent(f"""
        from pathlib import Path
        from luce.tasks import predict

        def peak(rows):
            Path("some.csv").write_text("colour,size\\n" + "blue,2\\nred,1\\n" * (rows // 2))
            with open("/dev/null", "wb") as nowhere:
                assert predict({str(run)!r}, "some.csv", nowhere).rows == rows
            lines = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if "VmHWM" in line) / 1024

        peak(100_000)
        print(peak(200_000), peak(1_000_000))
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    short, long = map(float, done.stdout.split())
    assert long < short + 40, f"{long - short:.0f} MiB more for five times the rows"


def test_sets_and_abstaining(luce, run, tmp_path):
    (tmp_path / "new.csv").write_text("colour,size\nblue,2\nred,1\n")
    answer = luce("predict", run, "new.csv", "--sets", "0.5", "--max-risk", "0.9")
    assert answer.out.splitlines()[0] == "row,prediction,answered,set"
    assert "Sets hold the truth in 50 %" in answer.err
    assert luce("predict", run, "new.csv", "--sets", "1").code == 2


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_rows_whose_logits_overflow_are_refused_by_row_and_column(luce, run, tmp_path, verb):
    steep = "size,colour,label\n" + "".join(f"{s / 100},{c},{y}\n" for s, c, y in ROWS)
    (tmp_path / "steep.csv").write_text(steep)
    steep = ("train", "steep.csv", "--C", "1e6", "--ignore", "colour", "--out", "steep")
    assert luce(*steep).code == 0
    good = "blue,0.02,b\n" * 10_000
    (tmp_path / "new.csv").write_text(f"colour,size,label\n{good}red,1.7e308,a\n")
    answer = luce(verb, "steep", "new.csv", *(["-o", "out.csv"] if verb == "predict" else []))
    assert answer.code == 3
    assert "row 10001 are too large: 'size' is 1.7e+308" in answer.err
    assert not (tmp_path / "out.csv").exists()

import io
import sys

import pytest


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["2.0", "1.0", "0.1"], [0.659, 0.2424, 0.0986]),
        (["-3", "2", "-1", "0"], [0.0057, 0.8390, 0.0418, 0.1135]),
        (["3", "1", "2", "4"], [0.2369, 0.0321, 0.0871, 0.6439]),
        (["-1e0", "-1", "-.5e1"], [0.4955, 0.4955, 0.0091]),
        (["--", "-3", "2", "-1", "0"], [0.0057, 0.8390, 0.0418, 0.1135]),
        (["-T", "0.5", "2.0", "1.0", "0.1"], [0.8638, 0.1169, 0.0193]),
        (["2.0", "--temperature=0.5", "1.0", "0.1"], [0.8638, 0.1169, 0.0193]),
        (["0", "-inf", "0"], [0.5, 0.0, 0.5]),
    ],
)
def test_probabilities_also_of_negative_numbers(luce, args, expected):
    answer = luce("softmax", "--json", *args)
    assert answer.code == 0
    assert answer.json["probabilities"] == pytest.approx(expected, abs=6e-5)


def test_the_table_is_plain_text_off_a_terminal(luce):
    answer = luce("softmax", "-3", "2")
    assert answer.out == (
        "logit  probability  log-probability\n"
        "   -3     0.006693           -5.007\n"
        "    2       0.9933        -0.006715\n"
        "entropy  0.04018\n"
    )
    assert answer.err == ""


def test_rows_of_stdin_are_apart_by_blanks_or_commas(luce, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1 2\n\n[3, 4]\n5;6\n"))
    answer = luce("softmax", "-", "--json")
    lines = answer.out.splitlines()
    assert len(lines) == 3
    assert '"logits": [3.0, 4.0]' in lines[1]


def test_a_bad_line_of_stdin_is_named(luce, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1 2\n3 x\n"))
    answer = luce("softmax", "-")
    assert answer.code == 3
    assert "line 2" in answer.err


@pytest.mark.parametrize("args", [["x"], [], ["1", "-T", "0"], ["1", "-T", "-1"], ["1", "--x"]])
def test_what_is_no_number_is_wrong_usage(luce, args):
    answer = luce("softmax", *args)
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_what_json_lacks_is_null(luce):
    answer = luce("softmax", "0", "-inf", "--json")
    assert answer.json["log_probabilities"] == [0.0, None]

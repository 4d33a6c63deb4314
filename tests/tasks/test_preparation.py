import os

import numpy as np
import pytest

from luce import data
from luce.errors import ParameterError
from luce.tasks.options import TrainOptions
from luce.tasks.preparation import prepare


def test_a_set_without_a_standard_split_holds_out_a_fifth():
    prepared = prepare(TrainOptions(data="wine"))
    assert (prepared.options.split, prepared.options.valid) == ("all", "0.2")
    assert len(prepared.train) + len(prepared.held_out.rows) == 178
    assert len(prepared.held_out.rows) == pytest.approx(178 / 5, abs=2)


def test_the_held_out_rows_are_those_that_are_numbered():
    prepared = prepare(TrainOptions(data="wine"))
    whole = data.load("wine").take(prepared.held_out.rows)
    np.testing.assert_array_equal(whole.target, prepared.held_out.dataset.target)
    assert whole.features.equals(prepared.held_out.dataset.features)


def test_the_encoding_knows_nothing_of_the_held_out_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("size,label\n" + "".join(f"{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    prepared = prepare(TrainOptions(data=str(path)))
    again = data.learn_encoding(prepared.train)
    assert again.to_json() == prepared.encoding.to_json()


def test_resolved_options_prepare_the_same_again(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("size,colour\n" + "1,red\n2,blue\n" * 20)
    first = prepare(TrainOptions(data=str(path), seed=3))
    assert first.options.target == "colour"
    again = prepare(first.options)
    assert again.options == first.options
    assert again.features.tobytes() == first.features.tobytes()


@pytest.mark.skipif("LUCE_DATA" not in os.environ, reason="LUCE_DATA names no folder of real data")
@pytest.mark.parametrize(
    ("flags", "rows", "held_out"),
    [
        ({}, 60_000, 10_000),
        ({"valid": "0.1"}, 54_000, 6_000),
        ({"split": "all"}, 56_000, 14_000),
    ],
)
def test_a_standard_split_is_used_unless_told_otherwise(flags, rows, held_out):
    prepared = prepare(TrainOptions(data="fashion-mnist", **flags))
    assert (len(prepared.train), len(prepared.held_out.rows)) == (rows, held_out)


@pytest.mark.skipif("LUCE_DATA" not in os.environ, reason="LUCE_DATA names no folder of real data")
def test_training_on_the_rows_to_evaluate_on_is_refused():
    with pytest.raises(ParameterError, match="has not seen the test rows"):
        prepare(TrainOptions(data="fashion-mnist", split="all", valid="test"))


@pytest.mark.parametrize("valid", ["0", "1", "-0.1", "nan", "5"])
def test_a_fraction_lies_between_0_and_1(valid):
    with pytest.raises(ParameterError, match="between 0 and 1"):
        prepare(TrainOptions(data="iris", valid=valid))


@pytest.mark.parametrize(
    ("texts", "given", "calibrate"),
    [(1000, None, "temperature"), (996, None, "none"), (1000, "none", "none"), (8, "auto", "auto")],
)
def test_many_texts_are_calibrated_unless_it_is_forbidden(tmp_path, texts, given, calibrate):
    path = tmp_path / "topics.txt"
    lines = [f"__label__{'ab'[i % 2]} this is text number {i}" for i in range(texts)]
    path.write_text("\n".join(lines))
    prepared = prepare(TrainOptions(data=str(path), calibrate=given))
    assert prepared.options.calibrate == calibrate
    assert prepared.options.C == 100


@pytest.mark.parametrize(
    ("given", "pairs", "letters"),
    [("words", False, False), ("pairs", True, False), ("letters", False, True), (None, True, True)],
)
def test_texts_are_read_as_the_n_grams_asked_for(tmp_path, given, pairs, letters):
    path = tmp_path / "drinks.txt"
    path.write_text("\n".join(f"__label__{'ab'[i % 2]} red wine" for i in range(20)))
    names = prepare(TrainOptions(data=str(path), ngrams=given)).encoding.feature_names
    assert any(name.endswith(": 'red wine'") for name in names) == pairs
    assert any("~" in name for name in names) == letters


def test_n_grams_of_what_is_no_text_are_refused():
    with pytest.raises(ParameterError, match="--ngrams needs columns to read as text, got 'both'"):
        prepare(TrainOptions(data="wine", ngrams="both"))


def test_other_tables_are_not_calibrated_unasked():
    assert prepare(TrainOptions(data="wine")).options.calibrate == "none"

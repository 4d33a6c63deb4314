"""A crowd of requests: each gets what it would get alone."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from luce import data
from luce.errors import DataError
from luce.tasks.crowds import predict_crowd, predict_rows
from luce.tasks.models import load_model
from luce.tasks.options import TrainOptions
from luce.tasks.training import train

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luce.tasks.training.write_report", lambda run: None)
        return load_model(train(TrainOptions(data="iris"), out=tmp_path_factory.mktemp("run")).run)


def test_a_crowd_of_tables_gets_the_bits_of_a_file(model):
    frame = data.load("iris").features
    whole = predict_rows(model, frame)
    crowd = [frame[i : i + i % 4 + 1] for i in range(100)]
    for start, answer in enumerate(predict_crowd(model, crowd)):
        np.testing.assert_array_equal(answer, whole[start : start + len(crowd[start])])


def test_a_long_request_is_worked_on_in_parts(model, monkeypatch):
    frame = data.load("iris").features
    whole = predict_rows(model, frame)
    monkeypatch.setattr("luce.tasks.crowds._TILE", 7)
    np.testing.assert_array_equal(predict_rows(model, frame), whole)


def test_a_fault_is_told_with_the_row_of_its_own_request(model):
    good = data.load("iris").features[:1]
    name = good.columns[0]
    bad = pl.concat([good, good]).with_columns(pl.Series(name, [1.0, float("inf")]))
    answers = predict_crowd(model, [good, bad, good])
    assert isinstance(answers[1], DataError)
    assert "row 2" in str(answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_probabilities_that_are_no_numbers_are_the_fault_of_their_request_alone():
    def probabilities(X):
        return np.where(X > 1e300, np.nan, 0.5).repeat(2, axis=1)

    encoding = SimpleNamespace(
        apply=lambda rows, **kwargs: SimpleNamespace(X=rows), feature_names=("size",)
    )
    model = SimpleNamespace(encoding=encoding, probabilities=probabilities)
    good, bad = np.ones((2, 1)), np.array([[1.0], [1e308]])
    answers = predict_crowd(model, [good, bad, good])
    assert isinstance(answers[1], DataError)
    assert "row 2" in str(answers[1])
    for answer in (answers[0], answers[2]):
        np.testing.assert_array_equal(answer, np.full((2, 2), 0.5))

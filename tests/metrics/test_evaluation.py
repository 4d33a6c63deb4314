import json

import numpy as np
import pytest

from luce.errors import ShapeError
from luce.metrics import evaluate


@pytest.fixture
def figures():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 50)
    return evaluate(rng.integers(3, size=50), p, ["a", "b", "c"])


def test_it_is_strict_json_that_reads_back_equal(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_it_has_the_fields_of_eval_json(figures):
    estimate = {"value", "low", "high"}
    for name in ("accuracy", "log_loss", "calibration_error", "brier_score"):
        assert figures[name].keys() == estimate
    assert 0 < figures["classwise_calibration_error"] < 1
    assert figures["rows"] == 50
    assert figures["classes"] == ["a", "b", "c"]
    assert figures["baseline"].keys() == {"class", "accuracy", "log_loss"}
    assert figures["baseline"]["log_loss"].keys() == estimate
    assert np.sum(figures["confusion"]) == 50
    assert [row["class"] for row in figures["per_class"]] == ["a", "b", "c"]
    assert figures["per_class"][0].keys() == {"class", "precision", "recall", "f1", "support"}
    assert figures["reliability"]["per_class"].keys() == {"a", "b", "c"}
    assert figures["reliability"]["top_label"][0].keys() == {
        "low", "high", "count", "confidence", "accuracy", "accuracy_low", "accuracy_high",
    }  # fmt: skip


def test_what_does_not_exist_is_null():
    figures = evaluate([0], [[0.9, 0.1]], ["a", "b"])
    assert figures["per_class"][1]["precision"] is None
    assert figures["log_loss"]["low"] is None


def test_the_same_rows_give_the_same_bytes():
    rng = np.random.default_rng(3)
    p, labels = rng.dirichlet([1, 1], 30), rng.integers(2, size=30)
    first, second = (evaluate(labels, p, ["a", "b"]) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_names_must_fit_the_columns():
    with pytest.raises(ShapeError, match="3 names"):
        evaluate([0], [[0.9, 0.1]], ["a", "b", "c"])

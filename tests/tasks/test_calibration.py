"""Calibration of a training: on rows that were not seen, kept in the file, told in the report."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file

from luce import Calibrated, SoftmaxRegression, data
from luce.errors import ModelFileError
from luce.metrics import calibration_error
from luce.storage import load_model as load_file_of
from luce.storage import save_model
from luce.tasks import calibration
from luce.tasks.calibration import calibrate
from luce.tasks.models import load_model
from luce.tasks.options import TrainOptions
from luce.tasks.training import train

pytestmark = pytest.mark.once

KINDS = [
    "temperature",
    "isotonic",
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("vector", "matrix")),
]


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    options = TrainOptions(data="digits", C=100.0, valid="0.5", calibrate=request.param)
    return train(options, out=tmp_path_factory.mktemp("calibrated") / "run")


def test_the_file_gives_the_same_probabilities(trained):
    loaded = load_model(trained.run)
    rows = loaded.encoding.apply(data.load("digits").features).X
    p = loaded.probabilities(rows)
    assert p.tobytes() == trained.model.probabilities(rows).tobytes()
    assert not np.allclose(p, loaded.classifier.predict_proba(rows))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    facts = loaded.metadata["calibration"]
    assert facts["kind"] == trained.model.metadata["calibration"]["kind"]
    assert facts["rows"] == loaded.metadata["data"]["rows"]
    assert facts["folds"] == 5


def test_the_figures_are_those_of_calibrated_probabilities_with_those_before(trained):
    figures = json.loads((trained.run / "eval.json").read_text())
    assert figures["uncalibrated"].keys() == {"log_loss", "calibration_error", "reliability"}
    for name in ("log_loss", "calibration_error"):
        assert figures[name]["value"] != figures["uncalibrated"][name]["value"]
    table = np.genfromtxt(trained.run / "predictions.csv", delimiter=",", skip_header=1)
    error = calibration_error(table[:, 1].astype(int), table[:, 3:]).value
    assert error == pytest.approx(figures["calibration_error"]["value"])


def test_the_report_shows_before_and_after(trained):
    page = (trained.run / "report.html").read_text()
    kind = trained.model.metadata["calibration"]["kind"]
    assert re.search(rf"{kind}, learnt from\s+\d+ training rows", page)
    assert "Before the calibration (squares)" in page


def test_it_is_the_calibration_of_the_meta_estimator():
    X, y = data.load("digits").features, data.load("digits").target
    X = X.reshape(len(X), -1) / 16
    model = SoftmaxRegression(C=10.0).fit(X[:500], y[:500])
    found = calibrate("temperature", model, X[:500], y[:500])
    same = Calibrated(SoftmaxRegression(C=10.0)).fit(X[:500], y[:500])
    assert found.calibrator.temperature_ == same.calibrator_.temperature_
    assert found.facts == {"kind": "temperature", "rows": 500, "folds": 5}


def test_what_was_chosen_stands_in_the_facts():
    X, y = data.load("digits").features, data.load("digits").target
    X = X.reshape(len(X), -1) / 16
    even = y % 2
    found = calibrate("auto", SoftmaxRegression(C=10.0).fit(X, even), X, even)
    assert found.facts["kind"] == "vector"
    assert found.tensors().keys() == {"calibration.scale", "calibration.shift"}
    found = calibrate("auto", SoftmaxRegression(C=10.0).fit(X, y), X, y)
    assert found.facts["kind"] == "temperature"


def test_of_many_rows_some_folds_are_enough(monkeypatch):
    monkeypatch.setattr(calibration, "ENOUGH", 150)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 3)), rng.integers(0, 2, 500)
    found = calibrate("isotonic", SoftmaxRegression().fit(X, y), X, y)
    assert found.facts["folds"] == 2
    assert found.facts["rows"] == 200


def test_a_calibration_that_is_unknown_or_does_not_fit_is_refused(trained, tmp_path):
    tensors, metadata = load_file_of(trained.run / "model.safetensors")
    assert tensors.keys() == load_file(trained.run / "model.safetensors").keys()
    kind = metadata["calibration"]["kind"]
    metadata["calibration"]["kind"] = "magic"
    save_model(tmp_path / "m", tensors, metadata)
    with pytest.raises(ModelFileError, match=r"calibration\.kind must be one of temperature"):
        load_model(tmp_path / "m")
    metadata["calibration"]["kind"] = kind
    short = {n: (t if n in ("coef", "intercept") else t[:0]) for n, t in tensors.items()}
    save_model(tmp_path / "m", short, metadata)
    with pytest.raises(ModelFileError, match="its calibration is damaged"):
        load_model(tmp_path / "m")


def test_a_model_without_a_calibration_is_what_it_was(tmp_path):
    run = train(TrainOptions(data="iris"), out=tmp_path / "run").run
    model = load_model(run)
    assert model.calibration is None
    rows = model.encoding.apply(data.load("iris").features).X
    expected = model.classifier.predict_proba(rows)
    assert model.probabilities(rows).tobytes() == expected.tobytes()
    assert "uncalibrated" not in json.loads((run / "eval.json").read_text())


def test_files_of_version_1_are_read(tmp_path):
    run = train(TrainOptions(data="iris"), out=tmp_path / "run").run
    tensors, metadata = load_file_of(run / "model.safetensors")
    del metadata["calibration"]
    save_model(tmp_path / "old", tensors, metadata | {"version": 1})
    assert load_model(tmp_path / "old").calibration is None


def test_a_temperature_needs_one_fold_of_many_rows(monkeypatch):
    monkeypatch.setattr(calibration, "ENOUGH_FOR_TEMPERATURE", 60)
    digits = data.load("digits")
    X, y = digits.features[:500].reshape(500, -1) / 16, digits.target[:500]
    model = SoftmaxRegression().fit(X, y)
    assert calibrate("temperature", model, X, y).facts["folds"] == 1
    assert calibrate("isotonic", model, X, y).facts["folds"] == 5


def test_no_calibration_where_none_is_wanted(tmp_path):
    options = TrainOptions(data="wine", calibrate="none")
    assert train(options, out=tmp_path / "run").model.metadata["calibration"] is None

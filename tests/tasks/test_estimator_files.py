import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.svm import SVC

from luce import (
    Calibrated,
    GaussianNaiveBayes,
    IsotonicCalibration,
    OneVsOne,
    OneVsRest,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    VectorScaling,
    storage,
)
from luce.errors import ModelFileError, ParameterError
from luce.tasks import load_estimator, load_model, save_estimator

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
WORDS = np.array(["ant", "bee", "cat"])[Y]
OPTIONS = [
    SoftmaxRegression(C=np.inf, class_weight={"ant": 2.0}, callbacks=[lambda entry: None]),
    OneVsRest(class_weight="balanced", coupling="softmax"),
    OneVsOne(C=np.float64(0.5)),
    GaussianNaiveBayes(priors=np.array([0.2, 0.3, 0.5])),
    SoftmaxRegressionCV(Cs=np.array([0.1, 1.0]), cv=3, rule="one_standard_error"),
    SoftmaxRegressionCV(Cs=[0.1, 1.0], cv="alo"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # C=inf: separable
@pytest.mark.parametrize("model", OPTIONS, ids=lambda model: type(model).__name__)
def test_what_is_saved_loads_with_its_options(model, tmp_path):
    fitted = model.fit(X, WORDS)
    save_estimator(fitted, tmp_path / "m.safetensors")
    loaded = load_estimator(tmp_path / "m.safetensors")
    assert type(loaded) is type(fitted)
    assert loaded.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert loaded.predict(X).tolist() == fitted.predict(X).tolist()
    kept, given = loaded.get_params(), fitted.get_params()
    assert kept.keys() == given.keys()
    for name in kept.keys() - {"callbacks"}:
        assert np.array_equal(kept[name], given[name]), name


def test_names_of_columns_and_the_proof_are_kept(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = OneVsRest().fit(frame, Y)
    save_estimator(fitted, tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    assert loaded.feature_names_in_.tolist() == list("abcd")
    assert (loaded.gap_, loaded.converged_) == (fitted.gap_, True)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"a": "z"}))


def test_what_a_cross_validation_found_is_kept(tmp_path):
    fitted = SoftmaxRegressionCV(Cs=[1.0, 0.1], cv=3).fit(X, Y)
    save_estimator(fitted, tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    assert (loaded.C_, loaded.standard_error_) == (fitted.C_, fitted.standard_error_)
    assert (loaded.gap_, loaded.converged_) == (fitted.gap_, True)
    np.testing.assert_array_equal(loaded.Cs_, fitted.Cs_)
    np.testing.assert_array_equal(loaded.scores_, fitted.scores_)
    tensors, metadata = storage.load_model(tmp_path / "m")
    wrong = tensors | {"estimator.Cs": np.array([1.0])}
    storage.save_model(tmp_path / "n", wrong, metadata)
    with pytest.raises(ModelFileError, match="Cs, C, scores and standard_error must fit"):
        load_estimator(tmp_path / "n")


CALIBRATED = [
    Calibrated(),
    Calibrated(OneVsOne(C=10.0), method="auto", cv=3),
    Calibrated(GaussianNaiveBayes(), method=VectorScaling(C=0.5, tol=1e-8)),
    Calibrated(SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3), method="isotonic", cv=3),
    Calibrated(OneVsRest(), method=IsotonicCalibration(prior_rows=0.5), cv=3),
]


@pytest.mark.parametrize("model", CALIBRATED, ids=str)
def test_a_calibrated_classifier_keeps_both(model, tmp_path):
    fitted = model.fit(X, WORDS)
    save_estimator(fitted, tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    assert loaded.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert loaded.predict(X).tolist() == fitted.predict(X).tolist()
    assert str(loaded) == str(fitted)
    assert type(loaded.calibrator_) is type(fitted.calibrator_)
    assert loaded.calibrator_.get_params() == fitted.calibrator_.get_params()
    again = loaded.fit(X, WORDS)  # it is a model like any other
    assert again.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()


def test_a_classifier_that_was_calibrated_afterwards_comes_back_fitted(tmp_path):
    base = SoftmaxRegression().fit(X[::2], Y[::2])
    fitted = Calibrated(base, prefit=True).fit(X[1::2], Y[1::2])
    save_estimator(fitted, tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    assert loaded.estimator is loaded.estimator_
    assert loaded.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert (loaded.estimator_.gap_, loaded.n_features_in_) == (base.gap_, 4)


def test_a_calibrated_classifier_of_others_or_not_fitted_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"must be one of SoftmaxRegression, .* got a SVC"):
        save_estimator(Calibrated(SVC(), cv=3).fit(X, Y), tmp_path / "m")
    with pytest.raises(NotFittedError):
        save_estimator(Calibrated(), tmp_path / "m")


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"kind": "magic"}, "one of the kinds temperature"),
        ({"more": 1}, "must have the fields"),
        ({"of_calibrator": {"pairs": [["D", 1]]}}, "must be those of TemperatureScaling, got 'D'"),
        ({"kind": "vector"}, "arrays must be scale, shift"),
    ],
    ids=str,
)
def test_a_calibration_that_does_not_fit_is_refused(tmp_path, change, hint):
    save_estimator(Calibrated(cv=3).fit(X, Y), tmp_path / "m")
    tensors, metadata = storage.load_model(tmp_path / "m")
    metadata["calibration"] |= change
    storage.save_model(tmp_path / "n", tensors, metadata)
    with pytest.raises(ModelFileError, match=hint):
        load_estimator(tmp_path / "n")


def test_an_option_that_a_file_cannot_hold_is_named(tmp_path):
    model = OneVsRest().fit(X, Y)
    model.set_params(tol=Path("x"))
    with pytest.raises(ParameterError, match="tol must be a number, text, or a list"):
        save_estimator(model, tmp_path / "m")


def test_an_impossible_class_is_not_saved(tmp_path):
    some = Y < 2
    model = GaussianNaiveBayes().partial_fit(X[some], Y[some], classes=[0, 1, 2])
    with pytest.raises(ModelFileError, match="tensor intercept must be finite"):
        save_estimator(model, tmp_path / "m")


@pytest.fixture(name="file")
def of_one_vs_one(tmp_path):
    save_estimator(OneVsOne().fit(X, Y), tmp_path / "m")
    return storage.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"options": {"no_such": 1}}, "no_such"),
        ({"options": {"coupling": "votes"}}, "coupling must be one of"),
        ({"options": {"coupling": ["wu-lin-weng"]}}, "coupling must be one of"),
        ({"options": {"C": {"run": "me"}}}, "a value that luce writes"),
        ({"estimator": "OneVsRest"}, "OneVsRest"),
        ({"encoding": {"kind": "array", "features": 4, "dtype": "float64"}}, "load_model"),
    ],
    ids=json.dumps,
)
def test_metadata_that_do_not_fit_are_refused(file, tmp_path, change, hint):
    tensors = dict(file.tensors)
    if "estimator" in change:
        del tensors["estimator.pair_weight"]
        tensors |= {"coef": np.zeros((3, 4)), "intercept": np.zeros(3)}
        change = change | {"options": {"coupling": "wu-lin-weng"}}
        hint = "coupling must be one of normalised"
    storage.save_model(tmp_path / "n", tensors, {**file.metadata, **change})
    with pytest.raises(ModelFileError, match=hint):
        load_estimator(tmp_path / "n")


def test_a_file_of_arrays_is_no_model_of_the_command_line(file, tmp_path):
    storage.save_model(tmp_path / "n", file.tensors, file.metadata)
    with pytest.raises(ModelFileError, match="kind"):
        load_model(tmp_path / "n")


def test_a_pair_too_few_is_refused_by_the_storage(file, tmp_path):
    tensors = dict(file.tensors) | {"coef": np.zeros((2, 4)), "intercept": np.zeros(2)}
    with pytest.raises(ModelFileError, match=r"have the shape \(3, features\) for 3 classes"):
        storage.save_model(tmp_path / "n", tensors, file.metadata)


def test_version_1_knows_one_estimator(file, tmp_path):
    metadata = {name: value for name, value in file.metadata.items() if name != "calibration"}
    with pytest.raises(ModelFileError, match="estimator must be one of SoftmaxRegression, got"):
        storage.save_model(tmp_path / "n", file.tensors, metadata | {"version": 1})

"""scikit-learn's own checks, and its tools around the estimator."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from luce import (
    GaussianNaiveBayes,
    LinearDiscriminantAnalysis,
    SoftmaxRegression,
    estimators,
)

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)


def is_classifier_class(thing):
    return isinstance(thing, type) and issubclass(thing, ClassifierMixin)


# Every classifier of luce with its defaults, and with options that lead through other code.
CLASSIFIERS = [
    *(thing() for thing in vars(estimators).values() if is_classifier_class(thing)),
    SoftmaxRegression(solver="lbfgs"),
    SoftmaxRegression(solver="newton"),
    GaussianNaiveBayes(shared_variance=True),
    LinearDiscriminantAnalysis(shrinkage="auto"),
]
EACH = pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)


def every_check():
    """scikit-learn's checks as a list: some of its versions give pytest a generator."""
    mark = parametrize_with_checks(CLASSIFIERS)
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)


# No expected failure, no exception. "sgd" and "adam" draw rows: repeated rows are not weights.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # array API is optional
@pytest.mark.filterwarnings("ignore:The least populated class")  # its data are too few for folds
@every_check()
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


@EACH
def test_named_columns_of_any_package_are_kept_and_asked_for(model):
    names = ["a", "b", "c", "d"]
    plain = clone(model).fit(X, Y)
    assert not hasattr(plain, "feature_names_in_")
    for make in (lambda n: pd.DataFrame(X, columns=n), lambda n: pl.DataFrame(X, schema=n)):
        frame = make(names)
        named = clone(model).fit(frame, Y)
        assert named.feature_names_in_.tolist() == names
        np.testing.assert_allclose(
            named.predict_proba(frame), plain.predict_proba(X), rtol=1e-9, atol=1e-300
        )  # not the same bits: frames lie in memory column by column
        with pytest.raises(ValueError, match="feature names should match"):
            named.predict(make(["a", "b", "c", "z"]))


@EACH
def test_labels_may_be_columns_of_any_package(model):
    words = np.array(["ant", "bee", "cat"], dtype=object)[Y]
    expected = clone(model).fit(X, words)
    assert expected.classes_.tolist() == ["ant", "bee", "cat"]
    for column in (pd.Series(words), pl.Series(words)):
        got = clone(model).fit(X, column)
        np.testing.assert_array_equal(got.predict(X), expected.predict(X))


@EACH
def test_weights_are_routed_through_a_search(model):
    weight = np.random.default_rng(0).integers(0, 3, len(Y)).astype(float)
    with config_context(enable_metadata_routing=True):
        asking = clone(model).set_fit_request(sample_weight=True)
        search = GridSearchCV(asking.set_score_request(sample_weight=True), {}, cv=3)
        routed = search.fit(X, Y, sample_weight=weight).best_estimator_
        direct = clone(model).fit(X, Y, sample_weight=weight)
        np.testing.assert_allclose(routed.predict_proba(X), direct.predict_proba(X), atol=1e-12)
        with pytest.raises(UnsetMetadataPassedError):
            GridSearchCV(clone(model), {}, cv=3).fit(X, Y, sample_weight=weight)


@EACH
def test_the_picture_of_a_notebook_tells_whether_it_is_fitted(model):
    assert "Not fitted" in clone(model)._repr_html_()
    drawn = clone(model).fit(X, Y)._repr_html_()
    assert "Not fitted" not in drawn
    assert "Fitted" in drawn


@EACH
def test_a_clone_and_a_pickle_are_whole(model):
    fitted = clone(model).fit(X, Y)
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    assert not hasattr(again, "classes_")
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


@EACH
def test_a_pipeline_is_scored_out_of_fold(model):
    pipeline = make_pipeline(MinMaxScaler(), model)
    assert cross_val_score(pipeline, X, Y, cv=3, scoring="neg_log_loss").min() > -1.0


def test_a_clone_has_the_same_parameters():
    model = SoftmaxRegression(C=3.0, solver="adam", callbacks=[print], class_weight={0: 2.0})
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(C=5).C == 5


def test_a_grid_search_finds_the_best_c():
    search = GridSearchCV(SoftmaxRegression(), {"C": [1e-4, 1.0, 100.0]}, cv=3).fit(X, Y)
    assert search.best_params_["C"] >= 1.0
    assert search.best_score_ > 0.95


def test_a_pipeline_predicts_out_of_fold():
    model = make_pipeline(StandardScaler(), SoftmaxRegression())
    proba = cross_val_predict(model, X, Y, method="predict_proba", cv=3)
    assert (proba.argmax(axis=1) == Y).mean() > 0.94


def test_a_pickle_predicts_the_same():
    model = SoftmaxRegression().fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.history_ == model.history_

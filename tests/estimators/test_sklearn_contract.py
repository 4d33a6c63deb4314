"""scikit-learn's own checks, and its tools around the estimator."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from luce import SoftmaxRegression

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)


# No expected failure, no exception. "sgd" and "adam" draw rows: repeated rows are not weights.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # array API is optional
@parametrize_with_checks(
    [SoftmaxRegression(), SoftmaxRegression(solver="lbfgs"), SoftmaxRegression(solver="newton")]
)
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


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


def test_feature_names_are_kept_and_asked_for():
    frame = load_iris(as_frame=True).data
    model = SoftmaxRegression().fit(frame, Y)
    assert list(model.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns=str.upper))


def test_sparse_features_are_refused_clearly():
    with pytest.raises(TypeError, match="dense data is required"):
        SoftmaxRegression().fit(csr_matrix(X), Y)
    with pytest.raises(TypeError, match="dense data is required"):
        SoftmaxRegression().fit(X, Y).predict(csr_matrix(X))

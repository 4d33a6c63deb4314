"""Cross-fitted calibration: what is calibrated by whom, and against scikit-learn's."""

import numpy as np
import pytest
from reference.versions import since_scikit_learn
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from luce import Calibrated, SoftmaxRegression, TemperatureScaling, VectorScaling
from luce.errors import LabelError, ParameterError
from luce.estimators.cross_fitting import folds, out_of_fold_logits
from luce.metrics import calibration_error, log_loss

pytestmark = pytest.mark.once

X, Y = load_digits(return_X_y=True)
TRAIN, TEST = slice(0, 600), slice(600, None)


def test_a_model_that_is_too_sure_becomes_honest():
    sure = SoftmaxRegression(C=1e4, tol=1e-2).fit(X[TRAIN], Y[TRAIN])
    honest = Calibrated(SoftmaxRegression(C=1e4, tol=1e-2)).fit(X[TRAIN], Y[TRAIN])
    before, after = (one.predict_proba(X[TEST]) for one in (sure, honest))
    assert calibration_error(Y[TEST], after).value < 0.6 * calibration_error(Y[TEST], before).value
    assert log_loss(Y[TEST], after).value < 0.5 * log_loss(Y[TEST], before).value
    np.testing.assert_array_equal(honest.predict(X[TEST]), sure.predict(X[TEST]))


@since_scikit_learn("1.8", "temperature scaling")
@pytest.mark.parametrize("estimator", [LogisticRegression(max_iter=5000), GaussianNB()])
def test_with_the_same_splits_it_is_scikit_learns(estimator):
    wine, y = load_wine(return_X_y=True)
    wine = StandardScaler().fit_transform(wine)
    splits = list(KFold(4, shuffle=True, random_state=0).split(wine))
    theirs = CalibratedClassifierCV(estimator, method="temperature", ensemble=False, cv=splits)
    ours = Calibrated(estimator, cv=splits).fit(wine, y)
    expected = theirs.fit(wine, y).predict_proba(wine)
    np.testing.assert_allclose(ours.predict_proba(wine), expected, atol=2e-3)


def test_every_row_is_judged_by_a_classifier_that_has_not_seen_it():
    class Memory(LogisticRegression):
        """Sure of exactly the rows that it has seen."""

        def fit(self, X, y, sample_weight=None):
            self.seen_ = {row.tobytes() for row in X}
            self.classes_ = np.unique(y)
            return self

        def decision_function(self, X):
            known = np.array([row.tobytes() in self.seen_ for row in X])
            return np.where(known[:, None], 100.0, 0.0) * np.ones((1, 10))

    doubled = np.repeat(X[:200], 2, axis=0)  # a copy in the training part would betray its twin
    labels = np.repeat(Y[:200], 2)
    found = out_of_fold_logits(Memory(), doubled, labels, None, np.arange(10), 5)
    np.testing.assert_array_equal(found.logits, 0)
    np.testing.assert_array_equal(found.rows, np.arange(400))


def test_folds_depend_on_the_rows_alone_and_are_even():
    fold = folds(X, Y, 5)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(folds(X[order], Y[order], 5), fold[order])
    np.testing.assert_array_equal(folds(csr_matrix(X), Y, 5), folds(csr_matrix(X).tocsc(), Y, 5))
    table = np.array([[j == Y, fold == f] for j in range(10) for f in range(5)])
    counts = table.all(axis=1).sum(axis=1).reshape(10, 5)
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()


def test_a_class_of_one_row_and_classes_without_any_other():
    labels = np.where(np.arange(600) == 5, 99, Y[TRAIN])
    model = Calibrated(SoftmaxRegression(C=1e-3)).fit(X[TRAIN], labels)
    p = model.predict_proba(X[TEST])
    assert p.shape == (len(X) - 600, 11)
    assert (p > 0).all()
    with pytest.raises(LabelError, match="two classes or more"):
        Calibrated().fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("method", ["temperature", "vector", "matrix", "isotonic"])
def test_two_classes_and_each_method(method):
    y = np.array(["even", "odd"])[Y % 2]
    model = Calibrated(SoftmaxRegression(C=1e-2), method=method).fit(X[TRAIN], y[TRAIN])
    odds, p = model.decision_function(X[TEST]), model.predict_proba(X[TEST])
    assert odds.shape == (len(X) - 600,)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-odds)), atol=1e-12)
    np.testing.assert_array_equal(model.predict(X[TEST]) == "odd", odds > 0)
    assert model.score(X[TEST], y[TEST]) > 0.8


def test_a_fitted_classifier_is_left_alone():
    base = LinearSVC(C=1e-3).fit(X[TRAIN], Y[TRAIN])
    model = Calibrated(base, method=VectorScaling(C=0.5), prefit=True).fit(X[TEST], Y[TEST])
    assert model.estimator_ is base
    assert model.calibrator_.C == 0.5
    scaling = TemperatureScaling().fit(base.decision_function(X[TEST]), Y[TEST])
    same = Calibrated(base, prefit=True).fit(X[TEST], Y[TEST])
    np.testing.assert_array_equal(
        same.predict_proba(X), scaling.predict_proba(base.decision_function(X))
    )


def test_pipelines_and_sparse_rows_go_through():
    pipe = make_pipeline(StandardScaler(with_mean=False), LogisticRegression(max_iter=2000))
    plain = Calibrated(pipe, cv=3).fit(X[TRAIN], Y[TRAIN])
    sparse = Calibrated(pipe, cv=3).fit(csr_matrix(X[TRAIN]), Y[TRAIN])
    assert plain.n_features_in_ == 64
    assert (sparse.predict(csr_matrix(X[TEST])) == plain.predict(X[TEST])).mean() > 0.95


def test_impossible_options_are_refused():
    with pytest.raises(ParameterError, match="cv must be a whole number from 2"):
        Calibrated(cv=1).fit(X, Y)
    with pytest.raises(ParameterError, match="Did you mean 'temperature'"):
        Calibrated(method="temprature").fit(X, Y)
    base = SoftmaxRegression(C=1e-3).fit(X[TRAIN], Y[TRAIN])
    with pytest.raises(LabelError, match="classes that the classifier knows, got 11"):
        Calibrated(base, prefit=True).fit(X[TEST], Y[TEST] + 2)

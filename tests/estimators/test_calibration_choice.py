"""The choice of a calibration: what is there to learn, and how many rows there are to learn it."""

from functools import partial

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import BaseEstimator

from luce import Calibrated, MatrixScaling, TemperatureScaling, VectorScaling
from luce.errors import ParameterError
from luce.estimators import calibration_choice
from luce.estimators.calibration_choice import as_calibrator, fitted_calibrator

pytestmark = pytest.mark.once


def too_sure(n=2000, k=4, seed=0, sureness=3.0):
    """Logits that are all too sure alike, and labels drawn from what is true."""
    rng = np.random.default_rng(seed)
    honest = 1.5 * rng.normal(size=(n, k))
    y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)
    return sureness * honest, y


def confused(**options):
    """The same, with each class taken in part for the next one."""
    z, y = too_sure(**options)
    return z + 0.8 * np.roll(z, 1, axis=1), y


def mean_loss(log_p, y):
    return -log_p[np.arange(len(y)), y].mean()


def test_classes_that_are_taken_for_each_other_take_a_matrix():
    chosen = fitted_calibrator("auto", *confused())
    assert type(chosen) is MatrixScaling
    z, y = confused(seed=1)
    by_vector = VectorScaling().fit(*confused()).predict_log_proba(z)
    assert mean_loss(chosen.predict_log_proba(z), y) < mean_loss(by_vector, y) - 0.05


@pytest.mark.parametrize("seed", range(4))
def test_where_all_are_too_sure_alike_nothing_is_lost_to_temperature(seed):
    z, y = too_sure(seed=seed)
    chosen = fitted_calibrator("auto", z, y)
    assert not isinstance(chosen, MatrixScaling)
    new, truth = too_sure(n=20_000, seed=100 + seed)
    temperature = TemperatureScaling().fit(z, y).predict_log_proba(new)
    assert mean_loss(chosen.predict_log_proba(new), truth) < mean_loss(temperature, truth) + 4e-3


def test_a_class_that_is_stated_too_often_takes_the_vector():
    z, y = too_sure()
    assert type(fitted_calibrator("auto", z + np.array([0, 0, 0, 4]), y)) is VectorScaling


def test_a_vector_that_learns_noise_gives_way_to_temperature(monkeypatch):
    z, y = too_sure(n=150, k=20)
    assert type(fitted_calibrator("auto", z, y)) is VectorScaling
    loose = partial(VectorScaling, C=1e6)
    monkeypatch.setattr(calibration_choice, "VectorScaling", loose)
    assert type(fitted_calibrator("auto", z, y)) is TemperatureScaling


def test_few_rows_take_temperature_whatever_they_say():
    z, y = confused(n=100)
    assert type(fitted_calibrator("auto", z, y)) is MatrixScaling
    assert type(fitted_calibrator("auto", z[:99], y[:99])) is TemperatureScaling
    without = np.ones(100)
    without[7] = 0.0
    assert type(fitted_calibrator("auto", z, y, without)) is TemperatureScaling


def test_a_matrix_never_has_more_numbers_than_there_are_rows():
    z, y = too_sure(n=156, k=12)
    z = np.roll(z, 1, axis=1)  # each class under the name of the next
    assert type(fitted_calibrator("auto", z, y)) is MatrixScaling
    assert type(fitted_calibrator("auto", z[1:], y[1:])) is not MatrixScaling


def test_weights_count_in_the_choice():
    a, b = too_sure(n=1000), confused(n=1000, seed=1)
    z, y = np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
    weights = np.repeat([1.0, 1e-6], 1000)
    assert type(fitted_calibrator("auto", z, y, weights)) is not MatrixScaling
    assert type(fitted_calibrator("auto", z, y, weights[::-1])) is MatrixScaling


def test_the_order_of_the_rows_and_numbers_added_to_them_do_not_matter():
    z, y = confused()
    order = np.random.default_rng(0).permutation(len(y))
    p = fitted_calibrator("auto", z, y).predict_proba(z)
    again = fitted_calibrator("auto", z[order], y[order]).predict_proba(z)
    np.testing.assert_allclose(again, p, atol=1e-4)  # the solver's tolerance


def test_a_name_an_object_and_one_that_nobody_knows():
    z, y = too_sure(n=200)
    assert as_calibrator("auto") is None
    given = VectorScaling(C=0.5)
    taken = fitted_calibrator(given, z, y)
    assert taken.C == 0.5
    assert taken is not given
    assert type(fitted_calibrator("temperature", *confused())) is TemperatureScaling
    with pytest.raises(ParameterError, match="method must be one of 'auto'"):
        as_calibrator("platt")


def test_calibrated_makes_the_same_choice():
    z, y = confused()

    class Stated(BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.arange(4)
            return self

        def decision_function(self, X):
            return X

    model = Calibrated(Stated().fit(z, y), method="auto", prefit=True).fit(z, y)
    assert type(model.calibrator_) is MatrixScaling
    expected = fitted_calibrator("auto", z, y).predict_log_proba(z)
    found = log_softmax(model.decision_function(z), axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-12)

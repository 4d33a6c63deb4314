"""Calibrations of given logits: against scikit-learn, laws, and what is degenerate."""

import numpy as np
import pytest
from reference.versions import since_scikit_learn
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from luce import IsotonicCalibration, MatrixScaling, TemperatureScaling, VectorScaling
from luce.errors import DataError, LabelError, ParameterError, ShapeError

pytestmark = pytest.mark.once

ALL = [TemperatureScaling(), VectorScaling(), MatrixScaling(), IsotonicCalibration()]
ANY = pytest.mark.parametrize("calibrator", ALL, ids=lambda one: type(one).__name__)


def problem(n=600, k=4, seed=0, sureness=3.0):
    """Logits that are too sure of themselves, and labels drawn from what is true."""
    rng = np.random.default_rng(seed)
    honest = 1.5 * rng.normal(size=(n, k))
    y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)
    return sureness * honest, y


def mean_loss(log_p, y):
    return -log_p[np.arange(len(y)), y].mean()


@ANY
def test_rows_sum_to_one_and_the_loss_falls_on_new_rows(calibrator):
    z, y = problem()
    new, truth = problem(n=2000, seed=1)
    fitted = clone(calibrator).fit(z, y)
    p = fitted.predict_proba(new)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(new)), p, atol=1e-15)
    honest = mean_loss(log_softmax(new / 3, axis=1), truth)
    stated = mean_loss(log_softmax(new, axis=1), truth)
    # at least nine tenths of what the sureness costs are won back
    assert mean_loss(fitted.predict_log_proba(new), truth) < honest + 0.1 * (stated - honest)


@ANY
def test_a_number_added_to_a_row_and_probabilities_for_logits_change_nothing(calibrator):
    z, y = problem(n=200)
    shift = np.random.default_rng(0).normal(size=(200, 1)) * 10
    p = clone(calibrator).fit(z, y).predict_proba(z)
    moved = clone(calibrator).fit(z + shift, y)
    np.testing.assert_allclose(moved.predict_proba(z - shift), p, atol=1e-7)
    logs = log_softmax(z, axis=1)
    np.testing.assert_allclose(clone(calibrator).fit(logs, y).predict_proba(logs), p, atol=1e-7)


@ANY
def test_a_weight_is_a_number_of_rows(calibrator):
    z, y = problem(n=150)
    times = np.random.default_rng(0).integers(0, 4, size=150)
    weak = {"C": 1e6, "tol": 1e-10}  # the pull counts rows, so it is made too weak to matter
    options = weak if isinstance(calibrator, VectorScaling | MatrixScaling) else {}
    options |= {"prior_rows": 0.0} if isinstance(calibrator, IsotonicCalibration) else {}
    one, other = (clone(calibrator).set_params(**options) for _ in range(2))
    weighted = one.fit(z, y, sample_weight=times).predict_proba(z)
    repeated = other.fit(np.repeat(z, times, axis=0), np.repeat(y, times)).predict_proba(z)
    np.testing.assert_allclose(weighted, repeated, atol=1e-5)


@ANY
def test_one_column_is_the_log_odds_of_the_second_class(calibrator):
    z, y = problem(k=2)
    odds = z[:, 1] - z[:, 0]
    both = clone(calibrator).fit(z, y).predict_proba(z)
    np.testing.assert_allclose(clone(calibrator).fit(odds, y).predict_proba(odds), both, atol=1e-9)


@ANY
def test_arrays_give_the_same_calibration_back(calibrator):
    z, y = problem()
    fitted = clone(calibrator).fit(z, y)
    again = type(calibrator).from_arrays(fitted.to_arrays(), 4)
    np.testing.assert_array_equal(again.predict_proba(z), fitted.predict_proba(z))
    with pytest.raises(ParameterError, match="arrays must be"):
        type(calibrator).from_arrays({}, 4)
    with pytest.raises(ParameterError):
        type(calibrator).from_arrays({n: a[:0] for n, a in fitted.to_arrays().items()}, 4)


@ANY
def test_a_class_that_never_came_keeps_a_probability(calibrator):
    z, y = problem()
    kept = y != 3
    p = clone(calibrator).fit(z[kept], y[kept]).predict_proba(z)
    assert np.isfinite(np.log(p)).all()
    assert p[:, 3].max() < 1


@ANY
def test_impossible_input_is_refused(calibrator):
    z, y = problem(n=20)
    one = clone(calibrator)
    with pytest.raises(DataError, match="finite, got -inf at row 1, class 2"):
        one.fit(np.where(np.arange(80).reshape(20, 4) == 6, -np.inf, z), y)
    with pytest.raises(LabelError, match="labels must lie in"):
        one.fit(z, y + 3)
    with pytest.raises(ShapeError, match="sample_weight"):
        one.fit(z, y, sample_weight=[1.0])
    with pytest.raises(ParameterError, match="not negative"):
        one.fit(z, y, sample_weight=-np.ones(20))
    with pytest.raises(ShapeError, match="rows, classes"):
        one.fit(z[:0], y[:0])
    with pytest.raises(ShapeError, match="4 columns"):
        one.fit(z, y).predict_proba(z[:, :3])


class Stated(LogisticRegression):
    """A classifier whose features are its logits."""

    def decision_function(self, X):
        return X


def sklearns(method, z, y):
    base = Stated().fit(z, y)
    return CalibratedClassifierCV(FrozenEstimator(base), method=method).fit(z, y).predict_proba(z)


@since_scikit_learn("1.8", "temperature scaling")
def test_temperature_is_scikit_learns():
    z, y = problem()
    ours = TemperatureScaling().fit(z, y)
    np.testing.assert_allclose(ours.predict_proba(z), sklearns("temperature", z, y), atol=1e-5)
    assert ours.temperature_ == pytest.approx(3, rel=0.2)
    assert ours.gap_ < 1e-11


def test_isotonic_without_prior_rows_is_scikit_learns():
    z, y = problem(k=3)
    p = softmax(z, axis=1)
    ours = IsotonicCalibration(prior_rows=0.0).fit(z, y)
    np.testing.assert_allclose(ours.predict_proba(z), sklearns("isotonic", p, y), atol=1e-12)


def test_prior_rows_keep_certainty_away():
    z, y = problem(k=3, n=100)
    far = [[50.0, 0, 0], [-50.0, 0, 0]]
    bold = IsotonicCalibration(prior_rows=0.0).fit(z, y).predict_proba(far)
    careful = IsotonicCalibration().fit(z, y).predict_proba(far)
    assert bold.min() == 0
    assert careful.min() > 1e-3


def test_rows_whose_classes_are_all_impossible_get_equal_probabilities():
    z = np.array([[2.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0], [1, 1, 1]])
    fitted = IsotonicCalibration(prior_rows=0.0).fit(z, [0, 1, 2, 0])
    np.testing.assert_allclose(fitted.predict_proba([[0.2, 0.1, 0.1]]), 1 / 3, atol=1)
    low = IsotonicCalibration.from_arrays(
        {"knots": np.zeros(3), "values": np.zeros(3), "lengths": np.ones(3)}, 3
    )
    np.testing.assert_allclose(low.predict_proba(z), 1 / 3)


def test_separated_labels_leave_a_doubt():
    z, _ = problem(n=98, k=2)
    ours = TemperatureScaling().fit(z, z.argmax(axis=1))
    assert ours.separated_
    assert 0 < ours.temperature_ < np.inf
    p = ours.predict_proba(z)
    assert 0.5 / 100 < (1 - p.max(axis=1)).mean() < 5 / 100
    assert not TemperatureScaling().fit(*problem()).separated_


def test_logits_worse_than_none_give_equal_probabilities():
    z, _ = problem()
    ours = TemperatureScaling().fit(z, z.argmin(axis=1))
    np.testing.assert_allclose(ours.predict_proba(z), 1 / 4, atol=1e-5)
    np.testing.assert_array_equal(ours.predict_proba(z).argmax(axis=1), z.argmax(axis=1))
    same = TemperatureScaling().fit(np.ones((4, 3)), [0, 1, 2, 1])
    np.testing.assert_allclose(same.predict_proba(np.ones((1, 3))), 1 / 3)


def test_vector_scaling_is_the_optimum_of_its_docstring():
    z, y = problem(n=200, k=3)
    logs = log_softmax(z, axis=1)
    ours = VectorScaling(C=0.5, tol=1e-10).fit(z, y)
    cold = TemperatureScaling().fit(z, y).inverse_temperature_
    variance = np.var(logs, axis=1).mean()

    def loss(both):
        w, b = both[:3], both[3:]
        pull = 0.5 * (variance * ((w - cold) ** 2).sum() + (b**2).sum())
        return mean_loss(log_softmax(w * logs + b, axis=1), y) + pull / (0.5 * 200)

    best = minimize(loss, np.append(np.full(3, cold), np.zeros(3)), method="BFGS", tol=1e-9)
    assert ours.objective_ == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(np.append(ours.scale_, ours.shift_), best.x, atol=1e-4)


@pytest.mark.parametrize("scaling", [VectorScaling, MatrixScaling])
def test_a_small_c_is_temperature_scaling(scaling):
    z, y = problem()
    cold = TemperatureScaling().fit(z, y).predict_proba(z)
    np.testing.assert_allclose(scaling(C=1e-9).fit(z, y).predict_proba(z), cold, atol=1e-6)


def test_matrix_scaling_is_the_optimum_of_its_docstring():
    z, y = problem(n=200, k=3)
    logs = log_softmax(z, axis=1)
    ours = MatrixScaling(C=0.5, tol=1e-10).fit(z, y)
    cold = TemperatureScaling().fit(z, y).inverse_temperature_
    variance, mean = np.var(logs, axis=1).mean(), logs.mean(axis=0)

    def loss(both):
        w, b = both[:9].reshape(3, 3), both[9:]
        change = w - cold * np.eye(3)
        pull = 0.5 * (variance * (change**2).sum() + ((b + change @ mean) ** 2).sum())
        return mean_loss(log_softmax(logs @ w.T + b, axis=1), y) + pull / (0.5 * 200)

    start = np.append(cold * np.eye(3).ravel(), np.zeros(3))
    best = minimize(loss, start, method="BFGS", tol=1e-9)
    assert ours.objective_ == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(np.append(ours.matrix_, ours.shift_), best.x, atol=1e-4)


def test_matrix_scaling_separates_what_is_mixed():
    z, y = problem(n=3000)
    mix = np.eye(4) + 0.2 * np.random.default_rng(0).normal(size=(4, 4))
    mix /= mix.sum(axis=0)  # what is the same for all classes stays so: probabilities forget it
    honest = mean_loss(log_softmax(z / 3, axis=1), y)
    mixed = z @ mix
    matrix = MatrixScaling().fit(mixed, y)
    assert matrix.gap_ <= 1e-4
    assert mean_loss(matrix.predict_log_proba(mixed), y) == pytest.approx(honest, abs=0.01)
    vector = VectorScaling().fit(mixed, y)
    assert mean_loss(vector.predict_log_proba(mixed), y) > honest + 0.02


def test_options_are_checked_and_too_few_steps_are_told():
    z, y = problem()
    with pytest.raises(ParameterError, match="C must be a positive number, got 0"):
        VectorScaling(C=0).fit(z, y)
    with pytest.raises(ParameterError, match="prior_rows must be a number from 0"):
        IsotonicCalibration(prior_rows=-1).fit(z, y)
    with pytest.warns(UserWarning, match="must reach tol=1e-12"):
        VectorScaling(C=100, tol=1e-12, max_iter=1).fit(z, y)
    with pytest.warns(UserWarning, match="must reach tol=1e-12"):
        MatrixScaling(C=100, tol=1e-12, max_iter=1).fit(z, y)

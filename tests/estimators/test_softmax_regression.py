"""Labels, options, interruption, warm starts, minibatches: what the estimator promises."""

import json
from importlib import import_module

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression

from luce import SoftmaxRegression
from luce.errors import ConvergenceError, LabelError, ParameterError

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
RARE = X[:100], np.arange(100) == 7


# Labels and predictions


@pytest.mark.parametrize(
    "names",
    [
        np.array(["ant", "bee", "cow"]),
        np.array(["ant", "bee", "cow"], dtype=object),
        np.array([10, -3, 7]),
        np.array([0.5, 2.5, 1.0]) * 2,
    ],
)
def test_labels_of_any_kind_come_back(names):
    if names.dtype.kind == "f":
        names = names.round()
    y = names[Y]
    model = SoftmaxRegression().fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.unique(names))
    predicted = model.predict(X)
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.95
    column = {name: j for j, name in enumerate(model.classes_)}
    best = model.predict_proba(X).argmax(axis=1)
    np.testing.assert_array_equal(best, [column[name] for name in predicted])


def test_boolean_labels():
    model = SoftmaxRegression().fit(X[:100], Y[:100] == 1)
    assert model.predict(X[:100]).dtype == bool
    assert model.score(X[:100], Y[:100] == 1) == 1.0
    assert model.coef_.shape == (1, 4)


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_consistent(classes):
    X, y = (part[classes > Y] for part in (load_iris().data, Y))
    model = SoftmaxRegression(C=100.0).fit(X, y)
    proba, logits = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=4e-16)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), proba, rtol=1e-12)
    if classes == 2:
        assert logits.shape == (len(X),)
        np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-12)
    else:
        assert logits.shape == proba.shape


def test_log_probabilities_keep_their_digits_where_a_class_wins_clearly():
    model = SoftmaxRegression(C=1e6).fit(X[:100], Y[:100])
    far = model.predict_log_proba(X[:1] - 10 * (X[50:51] - X[:1]))
    assert (far[:, 1] < -40).all()
    np.testing.assert_allclose(far[:, 0], -np.exp(far[:, 1]), rtol=1e-9)
    assert (far[:, 0] < 0).all()


@pytest.mark.parametrize("y", [np.zeros(5), ["a"] * 5])
def test_one_class_is_refused(y):
    with pytest.raises(LabelError, match=r"at least two classes, got one class.*right column"):
        SoftmaxRegression().fit(X[:5], y)


def test_a_class_without_weight_is_kept_but_never_predicted():
    model = SoftmaxRegression().fit(X, Y, (Y != 2) * 1.0)
    assert list(model.classes_) == [0, 1, 2]
    assert model.converged_
    assert model.predict_proba(X[:100])[:, 2].max() < 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_must_be_finite(bad):
    broken = X.copy()
    broken[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        SoftmaxRegression().fit(broken, Y)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        SoftmaxRegression().fit(X, Y).predict(broken)


# Options

BAD = [
    ("C", 0), ("C", -1.0), ("C", np.nan), ("C", "1"), ("C", True), ("C", None),
    ("l1_ratio", -0.1), ("l1_ratio", 1.5), ("l1_ratio", None),
    ("tol", 0), ("tol", np.inf), ("tol", np.nan), ("tol", "small"),
    ("max_iter", 0), ("max_iter", 10.0), ("max_iter", True),
    ("solver", "saga"), ("solver", None), ("solver", ["newton"]),
    ("schedule", "step"), ("schedule", {}),
    ("label_smoothing", 1.0), ("label_smoothing", -0.1), ("label_smoothing", None),
    ("fit_intercept", "yes"), ("fit_intercept", 1), ("warm_start", None),
    ("class_weight", "even"), ("class_weight", 3), ("class_weight", {0: -1.0}),
    ("class_weight", {0: np.nan}), ("class_weight", {0: "heavy"}),
    ("random_state", "x"), ("random_state", -1), ("random_state", np.random.default_rng(0)),
    ("callbacks", 3), ("callbacks", [3]), ("callbacks", (print for _ in range(1))),
    ("epochs", 0), ("epochs", 1.5), ("batch_size", 0), ("batch_size", None),
    ("learning_rate", 0.0), ("learning_rate", np.inf), ("clip_norm", -1), ("clip_norm", "1"),
    ("momentum", 1.0), ("momentum", -0.5), ("validation_fraction", 1.0), ("patience", 0),
    ("patience", 2.5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_option_is_named(name, value):
    with pytest.raises(ParameterError, match=rf"^{name} must be .*got .*Pass"):
        SoftmaxRegression(**{name: value}).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("C", np.float32(1)), ("C", 2), ("max_iter", np.int64(50)), ("tol", 1e-3),
        ("fit_intercept", np.True_), ("patience", None), ("class_weight", {1: 2}),
        ("random_state", np.random.RandomState(0)), ("callbacks", ()),
    ],
)  # fmt: skip
def test_a_good_option_is_taken(name, value):
    assert SoftmaxRegression(**{name: value}).fit(X, Y).score(X, Y) > 0.9


@pytest.mark.parametrize(
    "weights", [-np.ones(150), np.zeros(150), np.full(150, np.nan), np.ones(3)]
)
def test_bad_weights_are_refused(weights):
    with pytest.raises(ValueError, match=r"(?i)weight"):
        SoftmaxRegression().fit(X, Y, weights)


# The record, and Ctrl-C


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adam"])
def test_callbacks_see_the_history_as_it_is_written(solver):
    seen, again = [], []
    model = SoftmaxRegression(solver=solver, callbacks=[seen.append, again.append], epochs=3)
    model.fit(X, Y)
    assert seen == again == model.history_
    assert len(seen) == model.n_iter_[0]
    json.dumps(model.history_, allow_nan=False)
    needed = (
        {"iteration", "objective", "gap", "gradient_norm", "seconds"}
        if solver in ("newton", "lbfgs")
        else {"epoch", "train_loss", "train_accuracy", "valid_loss", "valid_accuracy",
              "learning_rate", "seconds"}
    )  # fmt: skip
    assert all(needed <= set(entry) for entry in seen)


def test_the_objective_falls():
    values = [e["objective"] for e in SoftmaxRegression(solver="lbfgs").fit(*DIGITS).history_]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adam"])
@pytest.mark.parametrize("at", [2, 4])
def test_ctrl_c_leaves_a_usable_model(solver, at):
    def interrupt(entry):
        if entry.get("iteration", entry.get("epoch")) == at:
            raise KeyboardInterrupt

    model = SoftmaxRegression(
        solver=solver, callbacks=[interrupt], tol=1e-12, random_state=0, C=100.0
    ).fit(*DIGITS)  # and no warning: the user knows
    assert model.interrupted_
    assert model.n_iter_[0] == at
    assert len(model.history_) == at
    assert model.converged_ == (solver in ("sgd", "adam"))
    assert model.score(*DIGITS) > 0.8
    assert not SoftmaxRegression().fit(X, Y).interrupted_


def test_an_error_in_a_callback_is_not_swallowed():
    def fail(entry):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        SoftmaxRegression(callbacks=[fail]).fit(X, Y)


def test_verbose_prints_a_line_an_iteration(capsys):
    model = SoftmaxRegression(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_[0]
    assert lines[0].startswith("iteration=1 objective=1.09861 ")
    SoftmaxRegression().fit(X, Y)
    assert capsys.readouterr().out == ""


# Warm starts


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_a_warm_start_takes_fewer_iterations_to_the_same_optimum(classes, intercept, solver):
    x, y = X[classes > Y], Y[classes > Y]
    options = {"solver": solver, "fit_intercept": intercept, "tol": 1e-9}
    model = SoftmaxRegression(warm_start=True, C=1.0, **options).fit(x, y)
    again = int(model.fit(x, y).n_iter_[0])
    assert again <= 2
    model.set_params(C=1.2).fit(x, y)
    cold = SoftmaxRegression(C=1.2, **options).fit(x, y)
    assert model.n_iter_[0] < cold.n_iter_[0] or solver == "lbfgs"  # it must learn its metric
    np.testing.assert_allclose(model.coef_, cold.coef_, atol=1e-3 * np.abs(cold.coef_).max())


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_minibatches_go_on_from_a_warm_start(solver):
    options = {"solver": solver, "epochs": 2, "random_state": 0, "validation_fraction": 0.0}
    model = SoftmaxRegression(warm_start=True, **options).fit(*DIGITS)
    first = model.objective_
    assert model.fit(*DIGITS).objective_ < first
    assert model.history_[0]["train_loss"] < SoftmaxRegression(**options).fit(*DIGITS).objective_


def test_a_warm_start_with_other_classes_or_columns_starts_anew():
    model = SoftmaxRegression(warm_start=True).fit(X, Y)
    model.fit(X[:100], Y[:100])
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression().fit(X[:100], Y[:100]).coef_)
    model.fit(X[:100, :2], Y[:100])
    assert model.coef_.shape == (1, 2)


def test_without_warm_start_a_second_fit_is_the_first():
    model = SoftmaxRegression().fit(X, Y)
    first = model.coef_
    np.testing.assert_array_equal(model.fit(X, Y).coef_, first)


# Minibatches


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_minibatches_learn_digits(solver):
    model = SoftmaxRegression(solver=solver, random_state=0, epochs=10).fit(*DIGITS)
    exact = LogisticRegression(solver="newton-cholesky", max_iter=200).fit(*DIGITS)
    assert model.score(*DIGITS) > 0.95
    assert (model.predict(DIGITS[0]) == exact.predict(DIGITS[0])).mean() > 0.95
    again = SoftmaxRegression(solver=solver, random_state=0, epochs=10).fit(*DIGITS)
    np.testing.assert_array_equal(model.coef_, again.coef_)


def test_the_held_out_rows_are_those_of_the_fraction():
    model = SoftmaxRegression(solver="sgd", random_state=0, validation_fraction=0.2, epochs=2)
    entry = model.fit(X, Y).history_[-1]
    assert 0 < entry["valid_accuracy"] <= 1
    assert entry["valid_accuracy"] * 30 == pytest.approx(round(entry["valid_accuracy"] * 30))
    none = SoftmaxRegression(solver="sgd", validation_fraction=0.0, epochs=2).fit(X, Y)
    assert none.history_[-1]["valid_loss"] is None
    rare = SoftmaxRegression(solver="sgd", epochs=2).fit(*RARE)  # a class of one row
    assert rare.history_[-1]["valid_loss"] is None


def test_value_and_gap_of_minibatches_are_over_all_rows():
    model = SoftmaxRegression(solver="sgd", random_state=0, epochs=3).fit(X, Y)
    from_there = SoftmaxRegression(solver="newton", warm_start=True)
    for name in ("coef_", "intercept_", "classes_", "n_features_in_"):
        setattr(from_there, name, getattr(model, name))
    first = from_there.fit(X, Y).history_[0]
    assert model.objective_ == pytest.approx(first["objective"], rel=1e-9)
    assert (model.objective_ - from_there.objective_) / from_there.objective_ <= model.gap_


def test_a_learning_rate_that_is_too_large_is_told():
    with pytest.raises(ConvergenceError, match="smaller learning_rate"):
        SoftmaxRegression(solver="sgd", learning_rate=1e307, random_state=0).fit(X, Y)


def test_importing_luce_does_not_load_scikit_learn_but_the_estimator_is_there():
    assert import_module("luce").SoftmaxRegression is SoftmaxRegression

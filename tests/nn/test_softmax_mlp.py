import pickle

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.utils.estimator_checks import parametrize_with_checks

import luce
from luce.errors import ConvergenceError, DataError, LabelError, ParameterError
from luce.nn import SoftmaxMLP

pytestmark = pytest.mark.once

X, Y = load_digits(return_X_y=True)
X, Y = X[:400], Y[:400]


@pytest.fixture(autouse=True)
def _one_thread():
    before = luce.get_num_threads()
    luce.set_num_threads(1)
    yield
    luce.set_num_threads(before)


def every_check():
    """scikit-learn's checks as a list: some of its versions give pytest a generator."""
    mark = parametrize_with_checks([SoftmaxMLP(hidden=(32,))])
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)


# No expected failure, no exception.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # array API is optional
@every_check()
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


QUICK_CHECKS = (
    "check_classifiers_train",
    "check_sample_weight_equivalence_on_dense_data",
    "check_class_weight_classifiers",
    "check_dict_unchanged",
    "check_dont_overwrite_attributes",
    "check_n_features_in",
    "check_estimator_sparse_matrix",
    "check_estimators_pickle",
)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@every_check()
def test_scikit_learn_finds_nothing_in_the_checks_that_matter_most(estimator, check):
    if getattr(check, "func", check).__name__ not in QUICK_CHECKS:
        pytest.skip("with the slow tests")
    check(estimator)


def test_predictions_are_those_of_the_network_in_torch():
    model = SoftmaxMLP(hidden=(16, 8), epochs=2, random_state=0).fit(X, Y)
    layers = []
    for weight, bias in zip(model.coefs_, model.intercepts_, strict=True):
        layer = torch.nn.Linear(*weight.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.from_numpy(weight.T), torch.from_numpy(bias)
        layers += [layer, torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    inputs = torch.from_numpy((X - model.centre_) / model.scale_)
    expected = network(inputs).detach()
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), expected.softmax(1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        model.predict_log_proba(X), expected.log_softmax(1), rtol=1e-9, atol=1e-12
    )


def test_it_learns_digits_and_has_the_classical_shape():
    model = SoftmaxMLP(random_state=0).fit(X[:300].astype(np.uint8), Y[:300])
    assert model.score(X[300:].astype(np.uint8), Y[300:]) > 0.9
    assert [weight.shape for weight in model.coefs_] == [(64, 128), (128, 10)]
    assert model.coefs_[0].dtype == np.float32
    assert np.ptp(model.centre_) == np.ptp(model.scale_) == 0  # bytes share one unit
    assert model.n_iter_ == 200  # 2 steps an epoch, 400 at least


def test_raw_units_do_not_matter():
    raw, labels = load_iris(return_X_y=True)
    twisted = raw * [1e6, 1.0, 1e-6, 1e3] + [1e7, -5.0, 1e-5, 0.0]
    models = [
        SoftmaxMLP(hidden=(8,), epochs=30, random_state=0).fit(rows, labels)
        for rows in (raw, twisted)
    ]
    np.testing.assert_allclose(
        models[0].predict_proba(raw), models[1].predict_proba(twisted), atol=1e-5
    )


def test_the_same_seed_gives_the_same_bits():
    options = {"hidden": (8,), "epochs": 3, "dropout": 0.5, "random_state": 3}
    a, b = (SoftmaxMLP(**options).fit(X, Y) for _ in range(2))
    for mine, other in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_images_and_sparse_rows_are_learnt_as_rows():
    flat = SoftmaxMLP(hidden=(8,), epochs=2, random_state=0).fit(X, Y)
    images = SoftmaxMLP(hidden=(8,), epochs=2, random_state=0).fit(X.reshape(-1, 8, 8), Y)
    np.testing.assert_array_equal(images.predict_proba(X.reshape(-1, 8, 8)), flat.predict_proba(X))
    counts = sparse.csr_matrix(X)
    thin = SoftmaxMLP(hidden=(8,), learning_rate=0.01, random_state=0).fit(counts, Y)
    assert (thin.centre_ == 0).all()
    np.testing.assert_allclose(thin.predict_proba(counts), thin.predict_proba(X), atol=1e-12)
    assert thin.score(counts, Y) > 0.9


def test_early_stopping_holds_out_rows_and_keeps_the_best_epoch():
    model = SoftmaxMLP(
        hidden=(64,), early_stopping=True, patience=3, learning_rate=0.03, epochs=60, random_state=0
    ).fit(X, Y)
    losses = [entry["valid_loss"] for entry in model.history_]
    assert model.best_epoch_ == 1 + int(np.argmin(losses))
    assert len(losses) == model.best_epoch_ + 3 < 60


def test_a_weight_of_two_counts_as_two_rows():
    weight = np.where(Y % 2 == 0, 2.0, 1.0)
    twice = np.concatenate([X, X[Y % 2 == 0]]), np.concatenate([Y, Y[Y % 2 == 0]])
    options = {"hidden": (8,), "epochs": 20, "batch_size": 1000, "dropout": 0.0, "random_state": 0}
    weighted = SoftmaxMLP(**options).fit(X, Y, sample_weight=weight)
    repeated = SoftmaxMLP(**options).fit(*twice)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)


def test_class_weights_and_smoothing_move_the_probabilities():
    rare = np.concatenate([np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:4]])
    noisy = X[rare] * 0 + np.random.default_rng(0).normal(size=(len(rare), 64))
    options = {"hidden": (), "epochs": 30, "learning_rate": 1e-3, "random_state": 0}
    plain = SoftmaxMLP(**options).fit(noisy, Y[rare])
    balanced = SoftmaxMLP(**options, class_weight="balanced").fit(noisy, Y[rare])
    given = SoftmaxMLP(**options, class_weight={0: 0.5, 1: len(rare) / 8}).fit(noisy, Y[rare])
    assert balanced.predict_proba(noisy)[:, 1].mean() > plain.predict_proba(noisy)[:, 1].mean()
    assert given.predict_proba(noisy)[:, 1].mean() > plain.predict_proba(noisy)[:, 1].mean()
    long = {"hidden": (32,), "epochs": 60, "random_state": 0, "learning_rate": 0.01}
    smooth = SoftmaxMLP(**long, label_smoothing=0.3).fit(X, Y).predict_proba(X).max(axis=1)
    assert smooth.mean() < SoftmaxMLP(**long).fit(X, Y).predict_proba(X).max(axis=1).mean() - 0.1


def test_a_class_of_weight_zero_is_as_if_its_rows_were_not_there():
    rare = np.flatnonzero(Y < 3)
    inputs, labels = X[rare], Y[rare]
    options = {"hidden": (8,), "epochs": 3, "random_state": 0, "class_weight": {0: 0, 1: 1, 2: 2}}
    for batch_size in (128, 1):  # of one row: steps with nothing to learn from
        left_out = SoftmaxMLP(**options, batch_size=batch_size).fit(inputs, labels)
        assert all(np.isfinite(weights).all() for weights in left_out.coefs_)
        assert left_out.classes_.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match=r"weights of the rows must not all be 0.*its class"):
        SoftmaxMLP(class_weight=dict.fromkeys(range(3), 0)).fit(inputs, labels)


def test_a_batch_of_a_class_of_weight_zero_changes_nothing():
    model = SoftmaxMLP(hidden=(8,), class_weight={n: int(n > 0) for n in range(10)})
    model.partial_fit(X, Y, classes=range(10))
    before = [weights.copy() for weights in model.coefs_]
    model.partial_fit(X[Y == 0], Y[Y == 0])
    assert model.history_[-1]["train_loss"] is None
    for mine, other in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("hidden", [16, np.int64(16), [16], np.array([16])])
def test_one_hidden_layer_may_be_a_number(hidden):
    model = SoftmaxMLP(hidden=hidden, epochs=1, random_state=0, warm_start=True).fit(X, Y)
    assert [weights.shape for weights in model.coefs_] == [(64, 16), (16, 10)]
    assert model.fit(X, Y).n_iter_ == 1


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_a_loss_of_ones_own(reduction):
    def loss(logits, labels):
        return torch.nn.functional.cross_entropy(logits, labels, reduction=reduction)

    options = {"hidden": (8,), "epochs": 3, "random_state": 0}
    own = SoftmaxMLP(**options, loss=loss).fit(X, Y)
    built_in = SoftmaxMLP(**options).fit(X, Y)
    np.testing.assert_allclose(own.predict_proba(X), built_in.predict_proba(X), rtol=1e-6)


def test_a_warm_start_goes_on_where_the_last_fit_ended():
    options = {"hidden": (16,), "learning_rate": 0.01, "random_state": 0}
    model = SoftmaxMLP(**options, epochs=20, warm_start=True).fit(X, Y)
    before = model.history_[-1]["train_loss"]
    model.set_params(epochs=1).fit(X, Y)
    assert model.history_[0]["train_loss"] < 1.05 * before
    colder = SoftmaxMLP(**options, epochs=1).fit(X, Y)
    assert colder.history_[0]["train_loss"] > 2 * before
    model.set_params(hidden=(4,)).fit(X, Y)  # another shape: from the beginning
    assert model.coefs_[0].shape == (64, 4)


def test_partial_fit_learns_batch_by_batch():
    model = SoftmaxMLP(hidden=(32,), learning_rate=0.01, random_state=0)
    for _ in range(15):
        for start in range(0, 400, 100):
            part = slice(start, start + 100)
            model.partial_fit(X[part], Y[part], classes=range(10))
    assert model.score(X, Y) > 0.9
    assert model.n_iter_ == len(model.history_) == 60
    with pytest.raises(LabelError, match="known from the first call"):
        model.partial_fit(X[:3], [0, 1, 99])


def test_partial_fit_remembers_what_the_optimizer_knew():
    """Two passes of Adam on the same rows are not two first passes."""
    options = {"hidden": (), "batch_size": 400, "dropout": 0.0, "random_state": 0}
    model = SoftmaxMLP(**options).partial_fit(X, Y, classes=range(10))
    first = model.coefs_[0].copy()
    model.partial_fit(X, Y)
    assert int(model._moments["0.weight/step"]) == 2
    assert np.abs(model.coefs_[0] - first).max() <= 1.01e-3  # a step of Adam


def test_a_pickle_predicts_the_same_and_a_callback_hears_each_epoch():
    heard = []
    model = SoftmaxMLP(hidden=(8,), epochs=3, callbacks=[heard.append], random_state=0).fit(X, Y)
    assert [entry["epoch"] for entry in heard] == [1, 2, 3]
    model.set_params(callbacks=None)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_ctrl_c_keeps_the_model_so_far():
    def stop(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    model = SoftmaxMLP(hidden=(8,), epochs=9, callbacks=[stop], random_state=0).fit(X, Y)
    assert model.interrupted_
    assert (model.n_iter_, model.predict(X).shape) == (2, (400,))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": 2.5}, "hidden"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"solver": "lbfgs"}, "solver"),
        ({"standardize": "rows"}, "standardize"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"loss": lambda z, y: z, "label_smoothing": 0.1}, "loss of your own"),
    ],
)
def test_an_impossible_option_is_named(options, named):
    with pytest.raises(ParameterError, match=named):
        SoftmaxMLP(**options).fit(X, Y)


def test_a_loss_that_explodes_is_told():
    with pytest.raises(ConvergenceError, match="smaller learning_rate"):
        SoftmaxMLP(solver="sgd", learning_rate=1e30, epochs=20, hidden=(8,)).fit(X, Y)


def test_corrected_probabilities_are_balanced_ones_divided_by_the_weights_of_their_classes():
    some = np.concatenate([np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:8]])
    inputs, labels = X[some], Y[some]
    options = {
        "hidden": (8,), "epochs": 5, "warm_start": True, "random_state": 0,
        "class_weight": "balanced",
    }  # fmt: skip
    balanced, corrected = SoftmaxMLP(**options), SoftmaxMLP(**options, correct_prior=True)
    weights = len(labels) / (2 * np.bincount(labels))
    for _ in range(2):  # the second goes on from where the first was, without the correction
        balanced.fit(inputs, labels)
        corrected.fit(inputs, labels)
        p = balanced.predict_proba(inputs) / weights
        np.testing.assert_allclose(
            corrected.predict_proba(inputs), p / p.sum(axis=1, keepdims=True), rtol=1e-6
        )

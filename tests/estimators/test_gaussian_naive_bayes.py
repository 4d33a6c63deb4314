import mpmath as mp
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.naive_bayes import GaussianNB

from luce import GaussianNaiveBayes
from luce.errors import LabelError, ParameterError, ShapeError

pytestmark = pytest.mark.once

SETS = {
    load.__name__: load(return_X_y=True)
    for load in (load_iris, load_wine, load_digits, load_breast_cancer)
}
ANY_SET = pytest.mark.parametrize(("X", "y"), SETS.values(), ids=SETS)


@ANY_SET
def test_equals_scikit_learn(X, y):
    ours, theirs = GaussianNaiveBayes().fit(X, y), GaussianNB().fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-12)
    np.testing.assert_allclose(
        ours.predict_joint_log_proba(X), theirs.predict_joint_log_proba(X), rtol=1e-10, atol=1e-10
    )
    np.testing.assert_allclose(ours.var_, theirs.var_, rtol=1e-9)


def test_equals_scikit_learn_with_weights_and_priors():
    X, y = SETS["load_wine"]
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    options = {"priors": [0.2, 0.3, 0.5], "var_smoothing": 1e-12}
    ours = GaussianNaiveBayes(**options).fit(X, y, weight)
    theirs = GaussianNB(**options).fit(X, y, weight)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)


@ANY_SET
@pytest.mark.parametrize("shared", [False, True], ids=["own variances", "shared variance"])
def test_its_twin_predicts_the_same(X, y, shared):
    model = GaussianNaiveBayes(shared_variance=shared).fit(X, y)
    twin, columns = model.to_softmax(), model.softmax_features(X)
    np.testing.assert_allclose(
        twin.predict_proba(columns), model.predict_proba(X), rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(twin.predict(columns), model.predict(X))


def test_the_shape_of_the_features_of_the_twin():
    X, y = SETS["load_iris"]
    assert GaussianNaiveBayes().fit(X, y).softmax_features(X).shape == (150, 8)
    shared = GaussianNaiveBayes(shared_variance=True).fit(X, y)
    np.testing.assert_array_equal(shared.softmax_features(X), X)


def test_a_shared_variance_is_the_mean_square_about_the_class_means():
    X, y = SETS["load_iris"]
    model = GaussianNaiveBayes(shared_variance=True).fit(X, y)
    apart = X - np.array([X[y == j].mean(axis=0) for j in range(3)])[y]
    np.testing.assert_allclose(
        model.var_ - model.epsilon_, np.tile((apart**2).mean(axis=0), (3, 1))
    )


def exact_log_posteriors(model, row):
    """The definition, to 400 digits, from the means and variances that the model has measured."""
    joint = []
    for prior, mean, variance in zip(
        np.exp(model.class_log_prior_), model.theta_, model.var_, strict=True
    ):
        terms = [
            mp.log(2 * mp.pi * v) / 2 + (mp.mpf(float(x)) - m) ** 2 / (2 * mp.mpf(float(v)))
            for x, m, v in zip(row, mean, variance, strict=True)
        ]
        joint.append(mp.log(prior) - mp.fsum(terms))
    total = mp.log(mp.fsum(mp.exp(j) for j in joint))
    return [j - total for j in joint]


@pytest.mark.parametrize("classes", [2, 3])
def test_confident_rows_keep_the_digits_of_their_logarithms(classes):
    X, y = SETS["load_iris"]
    kept = y < classes
    model = GaussianNaiveBayes().fit(X[kept], y[kept])
    got = model.predict_log_proba(X[:60:7])
    with mp.workdps(400):
        for row, logs in zip(X[:60:7], got, strict=True):
            for exact, log in zip(exact_log_posteriors(model, row), logs, strict=True):
                assert abs(log - exact) <= 1e-11 * abs(exact)
    assert got.max() > -1e-15  # where 1 - p is all that is left of the answer


def test_pieces_and_the_whole_give_the_same():
    X, y = SETS["load_wine"]
    weight = np.random.default_rng(1).uniform(0, 2, len(y))
    order = np.random.default_rng(2).permutation(len(y))
    pieces = GaussianNaiveBayes()
    for part in (order[:5], order[5:60], order[60:]):
        pieces.partial_fit(X[part], y[part], classes=[0, 1, 2], sample_weight=weight[part])
    whole = GaussianNaiveBayes().fit(X, y, weight)
    np.testing.assert_allclose(pieces.var_, whole.var_, rtol=1e-10)
    np.testing.assert_allclose(pieces.predict_proba(X), whole.predict_proba(X), atol=1e-10)


def test_a_class_not_seen_yet_is_impossible():
    X, y = SETS["load_iris"]
    some = y < 2
    model = GaussianNaiveBayes().partial_fit(X[some], y[some], classes=[0, 1, 2])
    assert (model.predict_proba(X)[:, 2] == 0).all()
    given = GaussianNaiveBayes(priors=[0.2, 0.3, 0.5])
    given.partial_fit(X[some], y[some], classes=[0, 1, 2])
    np.testing.assert_allclose(np.exp(given.class_log_prior_), [0.2, 0.3, 0.0])
    features = model.softmax_features(X)
    np.testing.assert_allclose(
        model.to_softmax().predict_proba(features), model.predict_proba(X), atol=1e-12
    )


def test_fit_forgets_what_partial_fit_has_seen():
    X, y = SETS["load_iris"]
    model = GaussianNaiveBayes().partial_fit(X + 5, y, classes=[0, 1, 2]).fit(X, y)
    np.testing.assert_array_equal(model.theta_, GaussianNaiveBayes().fit(X, y).theta_)


def test_columns_that_never_vary_leave_the_priors():
    model = GaussianNaiveBayes().fit(np.ones((4, 2)), [0, 1, 1, 1])
    np.testing.assert_allclose(model.predict_proba(np.ones((1, 2))), [[0.25, 0.75]])


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"var_smoothing": -1.0}, "var_smoothing must be 0 or more, got -1.0"),
        ({"shared_variance": "yes"}, "shared_variance must be True or False"),
        ({"priors": [0.5, 0.6, 0.1]}, "priors must be probabilities that sum to 1"),
        ({"priors": [1.5, -0.5, 0.0]}, "smallest -0.5"),
        ({"var_smoothing": 0}, "variance 0 in column 1 of class 0"),
    ],
)
def test_bad_options_are_named(options, hint):
    X = np.random.default_rng(0).normal(size=(6, 2))
    X[:, 1] = [3, 3, 0, 1, 2, 3]
    with pytest.raises(ParameterError, match=hint):
        GaussianNaiveBayes(**options).fit(X, [0, 0, 1, 1, 2, 2])


def test_priors_of_another_number_of_classes_are_refused():
    with pytest.raises(ShapeError, match="one probability a class, 3, got shape"):
        GaussianNaiveBayes(priors=[0.5, 0.5]).fit(*SETS["load_iris"])


def test_an_unknown_class_is_named_with_its_row():
    model = GaussianNaiveBayes().partial_fit([[0.0], [1.0]], ["a", "b"], classes=["a", "b"])
    with pytest.raises(LabelError, match="got 'c' at row 1"):
        model.partial_fit([[0.0], [1.0]], ["a", "c"])

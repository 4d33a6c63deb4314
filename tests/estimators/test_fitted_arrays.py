import numpy as np
import pytest
from sklearn.datasets import load_iris

from luce import (
    GaussianNaiveBayes,
    LinearDiscriminantAnalysis,
    MultinomialNaiveBayes,
    OneVsOne,
    OneVsRest,
    SoftmaxRegression,
    TemperatureScaling,
)
from luce.errors import ParameterError
from luce.estimators.fitted_arrays import from_arrays, to_arrays

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
MODELS = [
    SoftmaxRegression(C=3.0),
    OneVsRest(coupling="likelihood"),
    OneVsOne(coupling="hastie-tibshirani"),
    GaussianNaiveBayes(priors=[0.2, 0.3, 0.5]),
    GaussianNaiveBayes(shared_variance=True),
    MultinomialNaiveBayes(alpha=0.5),
    LinearDiscriminantAnalysis(shrinkage="auto"),
]
EACH = pytest.mark.parametrize("model", MODELS, ids=repr)


def again(model, **changes):
    arrays = to_arrays(model) | changes.pop("arrays", {})
    return from_arrays(type(model).__name__, model.get_params() | changes, model.classes_, arrays)


@EACH
@pytest.mark.parametrize("classes", [2, 3])
def test_what_comes_back_predicts_the_same_bits(model, classes):
    kept = classes > Y
    if classes == 2 and isinstance(model, GaussianNaiveBayes):
        model = model.set_params(priors=None)
    fitted = model.fit(X[kept], Y[kept])
    loaded = again(fitted)
    assert loaded.predict_log_proba(X).tobytes() == fitted.predict_log_proba(X).tobytes()
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


@EACH
def test_every_array_has_weights_that_any_program_can_read(model):
    fitted = model.fit(X, Y)
    arrays = to_arrays(fitted)
    assert arrays["intercept"].shape == arrays["coef"].shape[:1]
    assert all(array.dtype == np.float64 for array in arrays.values())


@pytest.mark.parametrize("model", [GaussianNaiveBayes(), MultinomialNaiveBayes()], ids=repr)
def test_counting_goes_on_where_it_ended(model):
    loaded = again(model.fit(X[:100], Y[:100]))
    rest = Y[100:] - 1  # more rows of the classes that are known
    expected = model.partial_fit(X[100:], rest).predict_proba(X)
    np.testing.assert_array_equal(loaded.partial_fit(X[100:], rest).predict_proba(X), expected)


def test_what_cannot_be_kept_is_named():
    with pytest.raises(
        ParameterError, match="must be one of SoftmaxRegression, SoftmaxRegressionCV, OneVsRest"
    ):
        to_arrays(TemperatureScaling())


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"no_such_option": 1}, "options must be those of OneVsOne, got 'no_such_option'"),
        ({"coupling": "votes"}, "coupling must be one of wu-lin-weng"),
        ({"arrays": {"pair_weight": np.ones(4)}}, r"pair_weight must have the shape \(3,\)"),
        ({"arrays": {"more": np.ones(4)}}, "those of OneVsOne, got or missed 'more'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, hint):
    with pytest.raises(ParameterError, match=hint):
        again(OneVsOne().fit(X, Y), **changes)

"""`to_sklearn`: scikit-learn's estimator predicts what ours predicts."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from luce import SoftmaxRegression

pytestmark = pytest.mark.once

X, Y = load_wine(return_X_y=True)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predicts_the_same(k, dtype):
    y = np.array(["ant", "bee", "cow"])[Y.clip(max=k - 1)]
    model = SoftmaxRegression(C=10.0, class_weight="balanced").fit(X.astype(dtype), y)
    twin = model.to_sklearn()
    assert isinstance(twin, LogisticRegression)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for name in ("decision_function", "predict_proba"):
        ours, theirs = (getattr(one, name)(X.astype(dtype)) for one in (model, twin))
        np.testing.assert_allclose(theirs, ours, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    assert (twin.C, twin.class_weight) == (10.0, "balanced")
    twin.coef_[:] = 0  # a copy
    assert model.coef_.any()


def test_keeps_the_names_of_columns():
    frame = pytest.importorskip("pandas").DataFrame(X, columns=[f"c{i}" for i in range(13)])
    model = SoftmaxRegression().fit(frame, Y)
    twin = model.to_sklearn()
    np.testing.assert_array_equal(twin.feature_names_in_, frame.columns)
    np.testing.assert_array_equal(twin.predict(frame), model.predict(frame))


def test_must_be_fitted_first():
    with pytest.raises(NotFittedError):
        SoftmaxRegression().to_sklearn()

"""scikit-learn's own estimator with the coefficients of ours."""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression


def logistic_regression(model: Any) -> LogisticRegression:
    """Return a fitted ``LogisticRegression`` with the coefficients of a fitted softmax regression.

    The options that mean the same in both are taken over; `tol` and `max_iter` are not among them.
    """
    options = {"C": model.C, "fit_intercept": model.fit_intercept}
    if model.l1_ratio > 0 and model.penalty_groups is None:
        options |= {"l1_ratio": model.l1_ratio, "solver": "saga"}
    if model.class_weight is not None:
        options["class_weight"] = model.class_weight
    twin = LogisticRegression(**options)
    twin.classes_ = model.classes_.copy()
    twin.coef_, twin.intercept_ = model.coef_.copy(), model.intercept_.copy()
    twin.n_features_in_ = model.n_features_in_
    twin.n_iter_ = np.array(getattr(model, "n_iter_", [0]), dtype=np.int32)
    if hasattr(model, "feature_names_in_"):
        twin.feature_names_in_ = model.feature_names_in_.copy()
    return twin

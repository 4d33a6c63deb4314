"""Real tables in raw units: proven, without a warning, at the optimum."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from reference.softmax_regression import of_estimator

from luce import SoftmaxRegression

pytestmark = pytest.mark.once

HOME = os.environ.get("LUCE_DATA")
TABLES = Path(HOME or "", "tabular")


def table(name):
    path = TABLES / f"{name}.csv.gz"
    if not HOME or not path.exists():
        pytest.skip("LUCE_DATA does not name the folder of real data")
    with gzip.open(path, "rt", newline="") as file:
        _, *rows = csv.reader(file)
    features = np.array([row[:-1] for row in rows], dtype=float)
    _, labels = np.unique([row[-1] for row in rows], return_inverse=True)
    return features, labels


@pytest.mark.parametrize("name", ["segmentation", "vehicle", "yeast", "vowel"])
@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_the_optimum_of_raw_tables_is_proven(name, solver):
    X, y = table(name)
    model = SoftmaxRegression(solver=solver).fit(X, y)
    assert model.converged_
    assert model.gap_ <= 1e-4
    exact = of_estimator(X, y)
    value = exact.value(np.column_stack([model.coef_, model.intercept_]))
    assert value == pytest.approx(model.objective_, rel=1e-9)
    tight = SoftmaxRegression(solver="newton", tol=1e-11).fit(X, y)
    assert tight.converged_
    assert tight.objective_ * (1 - 1e-12) <= value <= tight.objective_ * (1 + model.gap_ + 1e-9)
    theta = np.column_stack([tight.coef_, tight.intercept_])
    units = np.append(np.where(X.std(axis=0) > 0, X.std(axis=0), 1), 1)
    assert np.abs(exact.gradient(theta) / units).max() < 1e-5 * tight.objective_

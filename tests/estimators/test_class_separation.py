"""What is said of classes that can be separated, and that nothing is said of others."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from luce import SeparationWarning, SoftmaxRegression, separation
from luce.errors import LabelError, ParameterError

pytestmark = pytest.mark.once


def leaking(n=200):
    """One column gives the third class away; the others say little."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"age": random.normal(40, 10, n), "income": random.lognormal(10, 1, n)})
    y = random.choice(["no", "yes", "late"], n)
    table["days_late"] = np.where(y == "late", random.integers(1, 30, n), 0)
    return table, y


@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs"])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_complete_separation_is_told_and_coefficients_stay_finite(solver, size):
    X = size * np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with pytest.warns(SeparationWarning, match=r"separated completely: column 0 can tell 0 from 1"):
        model = SoftmaxRegression(C=np.inf, solver=solver).fit(X, [0, 0, 1, 1])
    assert 0 <= model.gap_ <= 1e-14
    assert np.isfinite(model.coef_).all()
    assert np.abs(size * model.coef_).max() < 100


def test_the_message_has_its_parts_and_names_the_column_that_leaks():
    table, y = leaking()
    with pytest.warns(SeparationWarning) as caught:
        SoftmaxRegression(C=np.inf).fit(table, y)
    assert len(caught) == 1
    text = str(caught[0].message)
    assert text.startswith("without a penalty (C=inf) the classes must overlap, got")
    assert re.search(r"in part \(quasi-completely\): 'days_late'.* can tell 'late' from 'no'", text)
    assert "Pass a finite C" in text
    assert issubclass(SeparationWarning, ConvergenceWarning)
    assert caught[0].filename == __file__


def test_the_direction_is_in_the_units_of_the_features():
    table, y = leaking()
    found = separation(table, y)
    assert found.kind == "quasi-complete"
    assert found.features[0] == 2
    assert set(found.pairs) == {("late", "no"), ("late", "yes")}
    z = table.to_numpy() @ found.coef.T + found.intercept
    own = np.searchsorted(found.classes, y)
    margins = z[np.arange(len(z)), own][:, None] - z
    assert margins.min() >= -1e-9 * np.abs(z).max()
    assert margins.max() > 0
    assert not separation(table[["age", "income"]], y).coef.any()


def test_a_finite_c_says_nothing():
    table, y = leaking()
    model = SoftmaxRegression(C=1e6).fit(table, y)
    assert model.converged_


def test_overlapping_classes_are_none_of_its_business():
    random = np.random.default_rng(1)
    X, y = random.normal(size=(100, 3)), random.integers(0, 3, 100)
    assert separation(X, y).kind == "none"
    assert SoftmaxRegression(C=np.inf).fit(X, y).converged_
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SoftmaxRegression(C=np.inf, max_iter=1).fit(X, y)
    assert [w.category for w in caught] == [ConvergenceWarning]


def test_smoothed_labels_always_have_an_optimum():
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    assert SoftmaxRegression(C=np.inf, label_smoothing=0.1).fit(X, [0, 0, 1, 1]).converged_


def test_an_intercept_can_be_what_separates():
    X, y = np.array([[1.0], [2.0], [3.0], [4.0]]), [0, 0, 1, 1]
    assert separation(X, y).kind == "complete"
    assert separation(X, y, fit_intercept=False).kind == "none"


@pytest.mark.parametrize(
    ("load", "kind"),
    [(load_iris, "quasi-complete"), (load_breast_cancer, "complete"), (load_digits, "complete")],
)
def test_known_tables_dense_and_sparse(load, kind):
    X, y = load(return_X_y=True)
    assert separation(X, y).kind == kind
    assert separation(sparse.csr_array(X), y).kind == kind


def test_a_rare_dummy_column_is_found_in_many_rows():
    random = np.random.default_rng(4)
    n = 20000
    X = np.column_stack([random.normal(size=(n, 3)), np.zeros(n)])
    y = random.integers(0, 3, n)
    X[np.flatnonzero(y == 1)[:5], 3] = 1  # the five rows with it are all of one class
    found = separation(X, y)
    assert found.kind == "quasi-complete"
    assert list(found.features) == [3]
    assert set(found.pairs) == {(0, 1), (1, 2)}


def test_bad_arguments_are_named():
    with pytest.raises(LabelError, match="at least two classes"):
        separation([[1.0], [2.0]], [1, 1])
    with pytest.raises(ParameterError, match="fit_intercept must be"):
        separation([[1.0], [2.0]], [0, 1], fit_intercept="no")
    with pytest.raises(ValueError, match="NaN"):
        separation([[np.nan], [2.0]], [0, 1])

"""Path and folds against scikit-learn's, approximate leave-one-out against the exact one."""

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, LeaveOneOut, StratifiedKFold, cross_val_score
from sklearn.preprocessing import scale

from luce import SoftmaxRegression, SoftmaxRegressionCV
from luce.errors import ParameterError

pytestmark = pytest.mark.once

CS = [0.01, 0.3, 10.0]
IRIS = load_iris(return_X_y=True)


def wine(rows=None):
    X, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:rows]
    return scale(X)[order], y[order]


def rival(C):
    return LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=200)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_scores_are_those_of_scikit_learns_models(load):
    X, y = load(return_X_y=True)
    X = scale(X)
    model = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    for column, C in enumerate(CS):
        theirs = cross_val_score(rival(C), X, y, cv=5, scoring="neg_log_loss")
        np.testing.assert_allclose(model.scores_[:, 0, column], theirs, rtol=0.02)
        assert model.scores_[:, 0, column].mean() == pytest.approx(theirs.mean(), rel=5e-3)
    theirs = rival(model.C_).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=5e-3)
    assert model.gap_ <= 1e-4


def test_attributes_have_the_shapes_of_scikit_learns():
    X, y = IRIS
    model = SoftmaxRegressionCV(Cs=CS, cv=4).fit(X, y)
    assert model.scores_.shape == model.n_iter_.shape == (4, 1, 3)
    assert model.coefs_paths_.shape == (4, 1, 3, 3, 5)
    assert model.Cs_.tolist() == CS
    assert model.C_ in CS
    assert SoftmaxRegressionCV(Cs=3).fit(X, y).Cs_.tolist() == [1e-4, 1.0, 1e4]
    binary = SoftmaxRegressionCV(Cs=CS, fit_intercept=False).fit(X[y > 0], y[y > 0])
    assert binary.coefs_paths_.shape == (5, 1, 3, 1, 4)


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="the new attributes"
)
@pytest.mark.parametrize("refit", [True, False])
def test_stands_in_for_logistic_regression_cv(refit):
    from sklearn.linear_model import LogisticRegressionCV

    X, y = wine()
    theirs = LogisticRegressionCV(
        Cs=CS,
        cv=4,
        scoring="neg_log_loss",
        refit=refit,
        solver="newton-cholesky",
        tol=1e-8,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    ).fit(X, y)
    model = SoftmaxRegressionCV(Cs=CS, cv=4, refit=refit, tol=1e-8).fit(X, y)
    assert pytest.approx(theirs.C_) == model.C_
    assert model.scores_.shape == theirs.scores_.shape
    np.testing.assert_allclose(model.scores_, theirs.scores_, rtol=0.02)
    np.testing.assert_allclose(model.coefs_paths_, theirs.coefs_paths_, atol=0.05)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-3 if refit else 0.05)
    assert model.score(X, y) == pytest.approx(theirs.score(X, y), rel=0.02)


def test_approximate_leave_one_out_comes_near_the_exact_one():
    X, y = wine(70)
    found = SoftmaxRegressionCV(Cs=CS, cv="alo").fit(X, y)
    exact = SoftmaxRegressionCV(Cs=CS, cv=LeaveOneOut()).fit(X, y)
    assert found.scores_.shape == exact.scores_.shape == (70, 1, 3)
    assert found.C_ == exact.C_
    training = np.mean(
        [SoftmaxRegression(C=C).fit(X, y).predict_log_proba(X)[np.arange(70), y] for C in CS], 1
    )
    near, true = found.scores_.mean(axis=0)[0], exact.scores_.mean(axis=0)[0]
    np.testing.assert_array_less(np.abs(near - true), 0.2 * np.abs(true - training) + 1e-4)


def test_the_order_of_the_cs_does_not_matter():
    X, y = IRIS
    rising, mixed = SoftmaxRegressionCV(Cs=CS).fit(X, y), SoftmaxRegressionCV(Cs=[10, 0.01, 0.3])
    mixed.fit(X, y)
    assert mixed.C_ == rising.C_
    np.testing.assert_allclose(mixed.scores_[..., [1, 2, 0]], rising.scores_)


def test_one_standard_error_takes_a_smaller_c():
    X, y = load_wine(return_X_y=True)
    best, careful = (
        SoftmaxRegressionCV(rule=rule).fit(X, y) for rule in ("best", "one_standard_error")
    )
    means = best.scores_.mean(axis=(0, 1))
    assert careful.C_ < best.C_
    below = means[list(best.Cs_).index(careful.C_)]
    assert means.max() - best.standard_error_ <= below < means.max()


def test_other_scores_weights_and_sparse_rows_are_known():
    X, y = IRIS
    names = np.array(["a", "b", "c"])[y]
    by_auc = SoftmaxRegressionCV(Cs=CS, scoring="roc_auc_ovr", cv=3).fit(X, names)
    assert by_auc.scores_.mean() > 0.9
    own = SoftmaxRegressionCV(Cs=CS, scoring=lambda model, X, y: -model.coef_.max()).fit(X, names)
    assert CS[0] == own.C_
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    weighted = SoftmaxRegressionCV(Cs=CS, cv="alo").fit(X, y, weights)
    sparse = SoftmaxRegressionCV(Cs=CS, cv="alo").fit(csr_matrix(X), y, weights)
    np.testing.assert_allclose(weighted.scores_, sparse.scores_, atol=1e-6)
    assert SoftmaxRegressionCV(Cs=CS, scoring=None).fit(X, y).score(X, y) > 0.9


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("_routing")
def test_groups_reach_the_splitter_where_metadata_are_routed():
    X, y = IRIS
    groups = np.arange(len(y)) % 7
    model = SoftmaxRegressionCV(Cs=CS, cv=GroupKFold(7)).fit(X, y, groups=groups)
    plain = SoftmaxRegressionCV(Cs=CS, cv=list(GroupKFold(7).split(X, y, groups))).fit(X, y)
    np.testing.assert_array_equal(model.scores_, plain.scores_)


@pytest.mark.parametrize("after", [1, 2, 4])
def test_ctrl_c_keeps_the_best_model_so_far(after):
    seen = []

    def interrupt(entry):
        seen.append(entry)
        if len(seen) == after:
            raise KeyboardInterrupt

    X, y = IRIS
    model = SoftmaxRegressionCV(Cs=CS, callbacks=[interrupt]).fit(X, y)
    assert model.interrupted_
    assert len(model.history_) == after
    assert CS[min(after, 3) - 1] == model.C_
    assert model.predict(X).shape == y.shape
    assert np.isnan(model.scores_).any() == (after < 3)


def test_says_what_it_did(capsys):
    model = SoftmaxRegressionCV(Cs=CS, cv=StratifiedKFold(3), verbose=1).fit(*IRIS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("C=0.01 score=-")
    assert [entry["C"] for entry in model.history_[:3]] == CS
    assert "objective" in model.history_[-1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"Cs": 0}, "Cs must be a whole number from 1 or a list"),
        ({"Cs": [1.0, -1.0]}, "Cs must be"),
        ({"cv": "loo"}, "cv must be a number of folds"),
        ({"cv": "alo", "scoring": "roc_auc_ovr"}, "cv='alo' scores single rows"),
        ({"rule": "worst"}, "rule must be one of best, one_standard_error"),
        ({"solver": "adam"}, "solver must be one of"),
        ({"refit": "yes"}, "refit must be True or False"),
        ({"cv": [(np.arange(5), np.arange(0))]}, "each fold must hold rows"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        SoftmaxRegressionCV(**options).fit(*IRIS)

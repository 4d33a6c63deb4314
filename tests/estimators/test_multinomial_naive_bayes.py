import mpmath as mp
import numpy as np
import pytest
from scipy.sparse import csc_array, csr_matrix
from sklearn.datasets import load_digits
from sklearn.naive_bayes import MultinomialNB

from luce import MultinomialNaiveBayes
from luce.errors import ParameterError

pytestmark = pytest.mark.once

X, Y = load_digits(return_X_y=True)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("fit_prior", [False, True])
@pytest.mark.parametrize("classes", [2, 10])
def test_equals_scikit_learn(alpha, fit_prior, classes):
    kept = classes > Y
    options = {"alpha": alpha, "fit_prior": fit_prior}
    ours = MultinomialNaiveBayes(**options).fit(X[kept], Y[kept])
    theirs = MultinomialNB(**options).fit(X[kept], Y[kept])
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-11)
    np.testing.assert_allclose(
        ours.predict_joint_log_proba(X), theirs.predict_joint_log_proba(X), rtol=1e-12
    )


def test_equals_scikit_learn_with_weights_and_priors():
    weight = np.random.default_rng(0).uniform(0, 2, len(Y))
    priors = np.arange(1, 11) / 55
    ours = MultinomialNaiveBayes(class_prior=priors).fit(X, Y, weight)
    theirs = MultinomialNB(class_prior=priors).fit(X, Y, weight)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-11)


@pytest.mark.parametrize("kind", [csr_matrix, csc_array])
def test_sparse_rows_give_the_same(kind):
    dense = MultinomialNaiveBayes().fit(X, Y)
    sparse = MultinomialNaiveBayes().fit(kind(X), Y)
    np.testing.assert_allclose(sparse.feature_count_, dense.feature_count_, rtol=1e-14)
    np.testing.assert_allclose(sparse.predict_proba(kind(X)), dense.predict_proba(X), atol=1e-13)


@pytest.mark.parametrize("classes", [2, 10])
def test_its_twin_predicts_the_same(classes):
    kept = classes > Y
    model = MultinomialNaiveBayes().fit(X[kept], Y[kept])
    twin = model.to_softmax()
    np.testing.assert_allclose(twin.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_long_texts_keep_the_digits_of_their_logarithms():
    """Sums over 10^5 words: the joint logarithms are near -4 10^5."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(50, 20.0))
    counts = rng.multinomial(1000, shares, size=40).astype(float)
    model = MultinomialNaiveBayes().fit(counts, np.arange(40) % 3)
    row = rng.multinomial(100_000, model.feature_count_.sum(axis=0) / counts.sum())
    with mp.workdps(50):
        joint = [
            mp.log(w) - mp.log(40) + mp.fsum(
                int(n) * (mp.log(c + 1) - mp.log(sum(map(float, counts_j)) + 50))
                for n, c in zip(row, counts_j, strict=True)
            )
            for w, counts_j in zip(model.class_count_, model.feature_count_, strict=True)
        ]  # fmt: skip
        total = mp.log(mp.fsum(mp.exp(j) for j in joint))
        exact = [float(j - total) for j in joint]
    (got,) = model.predict_log_proba([row])
    np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-11)


def test_pieces_and_the_whole_give_the_same():
    weight = np.random.default_rng(1).uniform(0, 2, len(Y))
    pieces = MultinomialNaiveBayes()
    for part in np.array_split(np.arange(len(Y)), 7):
        pieces.partial_fit(X[part], Y[part], classes=range(10), sample_weight=weight[part])
    whole = MultinomialNaiveBayes().fit(X, Y, weight)
    np.testing.assert_allclose(pieces.coef_, whole.coef_, atol=1e-12)


def test_a_class_not_seen_yet_is_impossible():
    some = Y < 9
    model = MultinomialNaiveBayes().partial_fit(X[some], Y[some], classes=range(10))
    assert (model.predict_proba(X)[:, 9] == 0).all()
    assert (model.to_softmax().predict_proba(X)[:, 9] == 0).all()


def test_bad_options_and_data_are_named():
    with pytest.raises(ParameterError, match="alpha must be 0 or more, got -1"):
        MultinomialNaiveBayes(alpha=-1).fit(X, Y)
    with pytest.raises(ParameterError, match="fit_prior must be True or False"):
        MultinomialNaiveBayes(fit_prior=1).fit(X, Y)
    with pytest.raises(ParameterError, match="got none of column 0 in class 0"):
        MultinomialNaiveBayes(alpha=0).fit(X, Y)
    with pytest.raises(ValueError, match="Negative values"):
        MultinomialNaiveBayes().fit(-X, Y)

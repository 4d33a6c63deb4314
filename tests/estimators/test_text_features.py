"""The features are those of scikit-learn's vectorizers, and the contract is its own."""

import csv
import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.texts import hard_texts, prose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from luce import TextFeatures
from luce.errors import DataError, DtypeError, ParameterError, ShapeError

pytestmark = pytest.mark.once

TEXTS = prose(300)
NEWS = Path(os.environ.get("LUCE_DATA", "")) / "newsgroups20" / "train.csv.gz"


def assert_same_matrix(ours, theirs, rtol=1e-12):
    theirs.sort_indices()
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=rtol, atol=rtol)


def assert_same_features(texts, others=(), rtol=1e-12, **options):
    ours, theirs = TextFeatures(**options), TfidfVectorizer(**options)
    assert_same_matrix(ours.fit_transform(texts), theirs.fit_transform(texts), rtol)
    assert ours.vocabulary_ == theirs.vocabulary_
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    if options.get("use_idf", True):
        np.testing.assert_allclose(ours.idf_, theirs.idf_, rtol=rtol)
    assert_same_matrix(ours.transform(others), theirs.transform(others), rtol)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ngram_range": (1, 3), "min_df": 2, "max_df": 0.6},
        {"ngram_range": (2, 2), "max_features": 100},
        {"max_features": 7, "binary": True},
        {"max_features": 77, "dtype": np.float32},
        {"analyzer": "char_wb", "ngram_range": (2, 4), "sublinear_tf": True},
        {"analyzer": "char", "ngram_range": (1, 2), "lowercase": False},
        {"use_idf": False, "norm": "l1"},
        {"smooth_idf": False, "norm": None, "min_df": 0.01},
        {"strip_accents": "unicode"},
        {"strip_accents": "ascii", "binary": True},
        {"strip_accents": "unicode", "lowercase": False, "analyzer": "char"},
    ],
    ids=str,
)
def test_features_are_those_of_the_tfidf_vectorizer(options):
    rtol = 1e-6 if options.get("dtype") == np.float32 else 1e-12
    assert_same_features(TEXTS, prose(50, seed=1), rtol, **options)


@given(
    hard_texts,
    st.sampled_from(["word", "char", "char_wb"]),
    st.sampled_from([None, "unicode", "ascii"]),
    st.booleans(),
)
def test_features_of_odd_texts_are_those_of_the_tfidf_vectorizer(
    texts, analyzer, accents, lowercase
):
    options = {"analyzer": analyzer, "strip_accents": accents, "lowercase": lowercase}
    try:
        TfidfVectorizer(**options).fit(texts)
    except ValueError:  # without a term there are no features
        with pytest.raises(DataError, match="at least one term must be left"):
            TextFeatures(**options).fit(texts)
    else:
        assert_same_features(texts, texts[::-1], ngram_range=(1, 2), **options)


@pytest.mark.parametrize("columns", [3, 1000, 2**20])
@pytest.mark.parametrize("options", [{}, {"norm": None}, {"binary": True, "norm": "l1"}], ids=str)
def test_hashed_features_are_those_of_the_hashing_vectorizer(columns, options):
    ours = TextFeatures(hash_columns=columns, ngram_range=(1, 2), **options)
    theirs = HashingVectorizer(n_features=columns, ngram_range=(1, 2), **options)
    assert_same_matrix(ours.transform(TEXTS), theirs.transform(TEXTS))


@pytest.mark.slow
@pytest.mark.skipif(not NEWS.is_file(), reason="LUCE_DATA has no 20 Newsgroups")
@pytest.mark.parametrize(
    "options",
    [{}, {"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 3)}],
    ids=str,
)
def test_features_of_20_newsgroups_are_those_of_the_tfidf_vectorizer(options):
    with gzip.open(NEWS, "rt", encoding="utf-8", newline="") as file:
        texts = [text for _, _, text in csv.reader(file)]
    assert_same_features(texts, texts[:100], **options)


# `check_estimator` tests nothing that reads texts; these of its checks need no data.
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_mixin_order,
        estimator_checks.check_valid_tag_types,
    ],
)
def test_scikit_learn_finds_nothing(check):
    check("TextFeatures", TextFeatures(ngram_range=(1, 2)))


def test_a_pipeline_searches_over_it():
    labels = [i % 3 for i in range(300)]
    texts = [f"{text} {'abc'[label] * 3}" for text, label in zip(TEXTS, labels, strict=True)]
    search = GridSearchCV(
        make_pipeline(TextFeatures(), LogisticRegression(C=100)),
        {"textfeatures__ngram_range": [(1, 1), (1, 2)]},
        cv=2,
    ).fit(texts, labels)
    assert search.best_score_ > 0.8


def test_it_can_be_cloned_and_pickled():
    features = TextFeatures(ngram_range=(1, 2)).fit(TEXTS)
    expected = features.transform(TEXTS)
    copy = pickle.loads(pickle.dumps(features))
    assert (copy.transform(TEXTS) != expected).nnz == 0
    fresh = clone(features)
    with pytest.raises(NotFittedError):
        fresh.transform(TEXTS)
    assert not hasattr(fresh, "vocabulary_")


def test_a_second_fit_forgets_the_first():
    features = TextFeatures().fit(["aa bb"])
    features.set_params(use_idf=False).fit(["cc dd ee"])
    assert list(features.vocabulary_) == ["cc", "dd", "ee"]
    assert not hasattr(features, "idf_")


def test_hashing_needs_no_fit_and_has_no_vocabulary():
    features = TextFeatures(hash_columns=4)
    assert features.transform(["aa bb"]).shape == (1, 4)
    assert features.get_feature_names_out().tolist() == ["hash0", "hash1", "hash2", "hash3"]
    assert not hasattr(features.fit(["aa"]), "vocabulary_")


def test_texts_come_from_arrays_columns_and_bytes():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    texts = ["Äpfel und", "中文 und"]
    expected = TextFeatures().fit_transform(texts).toarray()
    for given_texts in (
        np.array(texts),
        np.array(texts, object),
        pandas.Series(texts),
        polars.Series(texts),
        iter(texts),
        [text.encode() for text in texts],
    ):
        np.testing.assert_array_equal(TextFeatures().fit_transform(given_texts).toarray(), expected)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("one text", ParameterError, r"several texts, got one str"),
        (["aa", None], DtypeError, r"NoneType None in row 1"),
        (["aa", 3.5], DtypeError, r"float 3.5 in row 1"),
        ([b"aa", b"\xff"], DtypeError, r"byte 0xff in row 1 at offset 0"),
        (np.array([["aa"], ["bb"]]), ShapeError, r"2 dimensions of shape \(2, 1\)"),
        (["a"], DataError, "at least one term"),
    ],
)
def test_what_is_no_text_is_named(texts, error, message):
    with pytest.raises(error, match=message):
        TextFeatures().fit(texts)

import numpy as np
import pytest
from reference.texts import prose

from luce.errors import DataError, ParameterError
from luce.texts import LearntText, Terms, TextOptions, learn_text

pytestmark = pytest.mark.once


def test_what_was_learnt_gives_its_own_texts_the_same_rows():
    texts = prose(200)
    for options in (
        TextOptions(analyzer="script", ngram_range=(1, 2), min_df=3, sublinear_tf=True),
        TextOptions(strip_accents="unicode", max_features=50, norm="l1"),
        TextOptions(hash_columns=31),
    ):
        learnt, rows = learn_text(texts, options)
        again = learnt.apply(texts)
        np.testing.assert_array_equal(again.indices, rows.indices)
        np.testing.assert_allclose(again.data, rows.data, rtol=1e-14)
        assert rows.has_sorted_indices
        assert rows.shape == (200, learnt.width)


def test_it_can_be_made_again_from_its_arrays():
    texts = prose(50)
    learnt, rows = learn_text(texts, TextOptions())
    terms = Terms(learnt.terms.utf8.copy(), learnt.terms.ends.copy())
    again = LearntText(learnt.options, terms, learnt.idf.copy()).apply(texts)
    assert (again != rows).nnz == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("analyzer", "words"),
        ("ngram_range", (2, 1)),
        ("ngram_range", (0, 1)),
        ("ngram_range", 2),
        ("lowercase", 1),
        ("strip_accents", "latin"),
        ("min_df", 0),
        ("min_df", -0.5),
        ("max_df", 1.5),
        ("max_df", True),
        ("max_features", 0),
        ("norm", "max"),
        ("hash_columns", 2**31),
        ("dtype", np.int64),
        ("dtype", "text"),
    ],
)
def test_impossible_options_are_named(option, value):
    with pytest.raises(ParameterError, match=rf"^{option} must be .*Pass another {option}"):
        TextOptions(**{option: value})


@pytest.mark.parametrize(
    ("texts", "options"),
    [([], {}), (["a b", "- -"], {}), (["aa", "bb"], {"min_df": 2}), (["aa"], {"max_df": 0.0})],
)
def test_texts_without_terms_are_refused(texts, options):
    with pytest.raises(DataError, match="at least one term must be left"):
        learn_text(texts, TextOptions(**options))

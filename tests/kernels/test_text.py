"""Both cores cut and count alike, on every number of threads."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference.texts import hard_texts, prose
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import murmurhash3_32

from luce.kernels import _text_twin as twin
from luce.kernels import dispatch
from luce.kernels import text as kernel

pytestmark = pytest.mark.once
native_only = pytest.mark.skipif(dispatch.simd() == "numpy", reason="the native core is not in use")

# Lower cases that depend on the place, or are longer.
SIGMAS = ["ΑΣ ΣΑΣ. Σ ΑΣ\u0301Α", "İstanbul DİYARBAKIRΣ", "aΣ", "\ud800Σ_"]

analyses = st.builds(
    lambda analyzer, lowercase, shortest, more: kernel.Analysis(
        analyzer, lowercase, shortest, shortest + more
    ),
    st.sampled_from(kernel.ANALYZERS),
    st.booleans(),
    st.integers(1, 4),
    st.integers(0, 2),
)


def assert_equal_arrays(got, expected):
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@native_only
@example(SIGMAS, kernel.Analysis())
@example(SIGMAS, kernel.Analysis("char"))
@given(hard_texts, analyses)
def test_the_native_core_counts_as_the_twin(texts, how):
    texts = tuple(texts)
    ours = kernel.count_terms(texts, how)
    theirs = twin.CountedTerms(texts, *kernel._arguments(how))
    assert_equal_arrays(ours.select(1, 99), theirs.select(1, 99))
    assert_equal_arrays(ours.terms(), theirs.terms())
    assert_equal_arrays(ours.rows(), theirs.rows())
    assert kernel.terms_as_strings(*ours.terms()) == twin.terms_as_strings(*theirs.terms())
    known = kernel.KnownTerms(*ours.terms())
    assert_equal_arrays(known.count(texts, how), ours.rows())
    columns = 5  # so few that signs meet
    assert_equal_arrays(
        kernel.hash_terms(texts, how, columns, signed=True),
        twin.hashed_terms(texts, *kernel._arguments(how), columns, True),
    )


@example(SIGMAS, kernel.Analysis())
@example(SIGMAS, kernel.Analysis("char_wb", True, 2, 3))
@given(hard_texts, analyses.filter(lambda how: how.analyzer != "script"))
def test_terms_are_those_of_scikit_learn(texts, how):
    ours = kernel.count_terms(tuple(texts), how)
    ours.select(1, 99)
    reference = CountVectorizer(
        analyzer=how.analyzer,
        lowercase=how.lowercase,
        ngram_range=(how.shortest, how.longest),
    )
    try:
        theirs = reference.fit_transform(texts)
    except ValueError:  # it has no vocabulary
        assert not len(ours.terms()[1])
        return
    theirs.sort_indices()
    assert kernel.terms_as_strings(*ours.terms()) == list(reference.get_feature_names_out())
    for got, expected in zip(
        ours.rows(), (theirs.indptr, theirs.indices, theirs.data), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@native_only
@pytest.mark.parametrize("analyzer", kernel.ANALYZERS)
def test_the_result_does_not_depend_on_the_number_of_threads(analyzer):
    texts, how = tuple(prose(1500)), kernel.Analysis(analyzer, True, 1, 2)

    def result(threads):
        dispatch.set_num_threads(threads)
        counted = kernel.count_terms(texts, how)
        known = kernel.KnownTerms(*counted.terms())
        return [
            *counted.select(2, 1000),
            *counted.terms(),
            *counted.rows(),
            *known.count(texts, how),
            *kernel.hash_terms(texts, how, 1000, signed=True),
        ]

    before = dispatch.get_num_threads()
    try:
        expected = result(1)
        for threads in (2, 5):
            assert_equal_arrays(result(threads), expected)
    finally:
        dispatch.set_num_threads(before)


def test_many_terms_are_sorted_as_python_sorts_them():
    texts = tuple(" ".join(f"{(i * 7919) % 30011:x}é{i % 7}" for i in range(9001)).split("7"))
    counted = kernel.count_terms(texts, kernel.Analysis("char_wb", True, 2, 6))
    counted.select(1, len(texts))
    terms = kernel.terms_as_strings(*counted.terms())
    assert len(terms) > 17_000
    assert terms == sorted(set(terms))


def test_select_and_keep_leave_out_terms_and_renumber_the_others():
    counted = kernel.count_terms(("aa bb", "bb cc cc", "bb dd"), kernel.Analysis())
    documents, occurrences = counted.select(1, 2)
    assert kernel.terms_as_strings(*counted.terms()) == ["aa", "cc", "dd"]
    assert (documents.tolist(), occurrences.tolist()) == ([1, 1, 1], [1, 2, 1])
    documents, _ = counted.keep(np.array([0, 1, 1], np.uint8))
    assert kernel.terms_as_strings(*counted.terms()) == ["cc", "dd"]
    starts, columns, counts = counted.rows()
    assert (starts.tolist(), columns.tolist(), counts.tolist()) == ([0, 0, 1, 2], [0, 1], [2, 1])


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("床前明月光", ["床", "前", "明", "月", "光", "床前", "前明", "明月", "月光"]),
        ("明月，光", ["明", "月", "光", "明月", "月 光"]),
        ("iPhone手机 5", ["iphone", "手", "机", "iphone 手", "手机"]),
        ("ที่บ้าน", ["ที่", "บ้", "า", "น", "ที่บ้", "บ้า", "าน"]),
        ("हिन्दी is fine", ["हिन्दी", "is", "fine", "हिन्दी is", "is fine"]),
        (
            "東京タワーへ go",
            [*"東京タワーへ", "go", "東京", "京タ", "タワ", "ワー", "ーへ", "へ go"],
        ),
        ("한국어 문장", ["한국어", "문장", "한국어 문장"]),
        ("𠀀𠀁", ["𠀀", "𠀁", "𠀀𠀁"]),
    ],
)
def test_scripts_without_spaces_are_cut_into_characters(text, terms):
    counted = kernel.count_terms((text,), kernel.Analysis("script", True, 1, 2))
    counted.select(1, 1)
    assert kernel.terms_as_strings(*counted.terms()) == sorted(terms)


@given(st.text(max_size=40), st.sampled_from([1, 7, 2**20, kernel.MOST_COLUMNS]))
def test_a_hashed_term_stands_where_its_murmurhash_says(text, columns):
    whole = re.sub(r"\s\s+", " ", text) or "a"
    how = kernel.Analysis("char", False, len(whole), len(whole))
    code = int(murmurhash3_32(whole.encode(), 0))
    _, column, value = kernel.hash_terms((whole,), how, columns, signed=True)
    assert column.tolist() == [abs(code) % columns]
    assert value.tolist() == [1 if code >= 0 else -1]


@pytest.mark.parametrize(
    "ends", [[1, 3], [3, 2], [-1, 2], [1, 4], []], ids=["long", "falling", "minus", "far", "none"]
)
def test_ends_that_do_not_fit_the_bytes_are_refused(ends):
    with pytest.raises(ValueError, match="end"):
        kernel.terms_as_strings(np.frombuffer(b"ab", np.uint8), np.array(ends, np.int64))


def test_a_vocabulary_holds_each_term_once():
    with pytest.raises(ValueError, match="once"):
        kernel.KnownTerms(np.frombuffer(b"abab", np.uint8), np.array([2, 4]))


def test_a_table_of_characters_agrees_with_python():
    lower, irregular = kernel._lower_table()
    every = list(map(chr, range(0x110000)))
    lowered = [c.lower() for c in every]
    differ = [a for a, b, c in zip(every, lowered, map(chr, lower.tolist()), strict=True) if b != c]
    assert set(differ) == set(irregular)
    kinds = kernel._kind_table()
    words = [c.isalnum() or c == "_" for c in every]
    np.testing.assert_array_equal(words, (kinds & kernel._WORD) > 0)
    white = [c.isspace() for c in every]
    np.testing.assert_array_equal(white, (kinds & kernel._SPACE) > 0)

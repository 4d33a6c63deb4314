"""Texts as features: n-grams of words or characters, weighted by tf-idf."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from luce.errors import DtypeError, ParameterError, ShapeError
from luce.texts import LearntText, TextOptions, learn_text

Texts = Iterable[str]


class TextFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    r"""Turn texts into a sparse matrix of weighted n-grams, on all cores.

    With the same options the features are those of scikit-learn's ``TfidfVectorizer`` (and of
    ``HashingVectorizer`` with `hash_columns`): the same columns in the same order, the same
    numbers, for texts in any script. In row i, column j stands

    .. math:: tf_{ij} \cdot \left(1 + \ln\frac{n + 1}{df_j + 1}\right)

    divided by the norm of the row.

    Parameters
    ----------
    analyzer : {"word", "script", "char", "char_wb"}, default="word"
        What n-grams are made of. "word": runs of two and more letters, digits and underscores,
        scikit-learn's ``(?u)\b\w\w+\b``. "script": the same, but marks belong to their letter, and
        in scripts written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan)
        each character is a word; n-grams of such neighbours are joined without a space. "char":
        characters of the whole text; "char_wb": of single words, with a space before and after.
    ngram_range : (int, int), default=(1, 1)
        Shortest and longest n-gram.
    lowercase : bool, default=True
        Whether to take texts in lower case.
    strip_accents : {"unicode", "ascii"}, optional
        Remove accents by Unicode's decomposition, or everything that is not ASCII after it.
    min_df, max_df : int or float, default=1, 1.0
        Leave out terms of fewer or more texts: a number of texts (int) or a share (float).
    max_features : int, optional
        Keep only so many terms, the most frequent ones.
    binary : bool, default=False
        Count each term of a text once.
    use_idf : bool, default=True
        Whether to weight terms by how few texts hold them. Not used with `hash_columns`.
    smooth_idf : bool, default=True
        Whether to add one to the counts of texts, as in the formula.
    sublinear_tf : bool, default=False
        Whether to take ``1 + ln(tf)`` for tf.
    norm : {"l2", "l1"}, optional, default="l2"
        Norm that rows have; None leaves them as they are.
    hash_columns : int, optional
        Number of columns into which terms are hashed, with a sign, without a vocabulary. Nothing
        is learnt then, and memory is bounded; which term a column stands for cannot be told.
    dtype : {np.float64, np.float32}, default=np.float64
        Type of the features.

    Attributes
    ----------
    vocabulary_ : dict
        The column of each term. Made when it is first asked for.
    idf_ : array of shape (n_terms,)
        The weight of each term, with `use_idf`.

    Notes
    -----
    The threads are those of `luce.set_num_threads`; the result does not depend on their number.
    Strings are read where Python keeps them, without a copy. Memory: the matrix twice, and the
    terms of every thread until they are merged.

    Source: scikit-learn's user guide, "Text feature extraction", for the features; A. Appleby's
    MurmurHash3 for the hashed ones.

    Examples
    --------
    >>> from luce import TextFeatures
    >>> features = TextFeatures(analyzer="script", ngram_range=(1, 2))
    >>> X = features.fit_transform(["床前明月光", "Moonlight before my bed"])
    >>> X.shape
    (2, 16)
    >>> features.get_feature_names_out()[:6].tolist()
    ['bed', 'before', 'before my', 'moonlight', 'moonlight before', 'my']
    """

    def __init__(
        self,
        *,
        analyzer: str = "word",
        ngram_range: tuple[int, int] = (1, 1),
        lowercase: bool = True,
        strip_accents: str | None = None,
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        binary: bool = False,
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        norm: str | None = "l2",
        hash_columns: int | None = None,
        dtype: Any = np.float64,
    ) -> None:
        self.analyzer = analyzer
        self.ngram_range = ngram_range
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.binary = binary
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.norm = norm
        self.hash_columns = hash_columns
        self.dtype = dtype

    def fit(self, X: Texts, y: object = None) -> Self:
        """Learn the vocabulary and its weights.

        Parameters
        ----------
        X : iterable of str
            The texts: a list, an array, a column of a table. bytes are read as UTF-8.
        y : object
            Not used.

        Returns
        -------
        TextFeatures
            The transformer itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        DataError
            If X holds something else than texts, or no term remains.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Texts, y: object = None) -> csr_matrix:
        """Learn the vocabulary and return the features of the same texts.

        Parameters
        ----------
        X : iterable of str
            The texts.
        y : object
            Not used.

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_texts, n_terms)
            The features, in sorted columns.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        DataError
            If X holds something else than texts, or no term remains.
        """
        learnt, rows = learn_text(as_texts(X), self._options())
        self._learnt = learnt
        if learnt.idf is not None:
            self.idf_ = learnt.idf
        elif hasattr(self, "idf_"):
            del self.idf_
        return rows

    def transform(self, X: Texts) -> csr_matrix:
        """Return the features of texts; terms that are not in the vocabulary are left out.

        Parameters
        ----------
        X : iterable of str
            The texts.

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_texts, n_terms)
            The features, in sorted columns.

        Raises
        ------
        DataError
            If X holds something else than texts.
        """
        if self.hash_columns is not None:
            return LearntText(self._options()).apply(as_texts(X))
        check_is_fitted(self)
        return self._learnt.apply(as_texts(X))

    @property
    def vocabulary_(self) -> dict[str, int]:
        check_is_fitted(self, "_learnt")
        if self._learnt.terms is None:
            raise AttributeError("hashed terms have no vocabulary: fit without hash_columns")
        return self._learnt.terms.columns

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the terms in the order of the columns.

        Parameters
        ----------
        input_features : object
            Not used.

        Returns
        -------
        array of str
            The terms; of hashed ones ``"hash0"``, ``"hash1"``, ...
        """
        if self.hash_columns is not None:
            width = LearntText(self._options()).width
            return np.array([f"hash{i}" for i in range(width)], dtype=object)
        check_is_fitted(self)
        assert self._learnt.terms is not None
        return np.array(self._learnt.terms.strings, dtype=object)

    def _options(self) -> TextOptions:
        options = TextOptions(**self.get_params(deep=False))
        return options.replaced(dtype=np.dtype(options.dtype).type)

    def __sklearn_is_fitted__(self) -> bool:
        return self.hash_columns is not None or hasattr(self, "_learnt")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = self.hash_columns is None
        return tags


def as_texts(X: Texts) -> tuple[str, ...]:
    """Return the texts of an iterable; raise a DataError that says which one is none."""
    if isinstance(X, str | bytes):
        raise ParameterError(
            f"X must be several texts, got one {type(X).__name__}, {X[:40]!r}. Pass [text]."
        )
    if getattr(X, "ndim", 1) != 1:
        raise ShapeError(
            f"X must be one column of texts, got {getattr(X, 'ndim', 0)} dimensions of shape "
            f"{getattr(X, 'shape', None)}. Pass one column, such as X[:, 0] or frame['text']."
        )
    if callable(getattr(X, "tolist", None)):  # arrays: plain strings instead of NumPy's
        X = X.tolist()  # type: ignore[attr-defined]
    return tuple(text if isinstance(text, str) else _decoded(text, i) for i, text in enumerate(X))


def _decoded(text: object, row: int) -> str:
    if isinstance(text, bytes):
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise DtypeError(
                f"texts in bytes must be UTF-8, got the byte 0x{text[error.start]:02x} in row {row}"
                f" at offset {error.start}. Decode the texts before."
            ) from None
    raise DtypeError(
        f"X must hold texts (str, or bytes in UTF-8), got {type(text).__name__} {text!r:.40} in row"
        f" {row}. Fill in missing texts with ''."
    )

"""Running text as a stream of numbered words, for language models."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.data import files
from luce.errors import DataError, ParameterError

UNKNOWN = "<unk>"

# A word keeps its inner apostrophes; any other sign that is not a space stands alone.
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def read_tokens(path: str | Path, *, skip: str | None = None) -> list[str]:
    """Return the words and signs of a text file, in their order.

    Parameters
    ----------
    path : str or Path
        A UTF-8 file, gzipped if its name ends in ``.gz``.
    skip : str, optional
        Lines that begin so are left out, such as ``"= "`` before titles.

    Returns
    -------
    list of str
        ``"Don't go!"`` gives ``["Don't", "go", "!"]``.

    Raises
    ------
    DataError
        If the file cannot be read or is not UTF-8.
    """
    place = Path(path)
    files.require_file(place)
    try:
        text = b"".join(files.chunks(place)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place} must be UTF-8, but byte {error.start} is not. Convert the file."
        ) from error
    if skip is not None:
        kept = (line for line in text.splitlines() if not line.startswith(skip))
        text = "\n".join(kept)
    return _TOKEN.findall(text)


class Vocabulary(NamedTuple):
    """The most frequent words, the most frequent first; 0 stands for every other.

    Parameters
    ----------
    words : tuple of str
        What each number means; the first is ``<unk>``.
    counts : ndarray of int64
        How often each occurs in the text that it was made of.

    Examples
    --------
    >>> from luce.data import Vocabulary
    >>> vocabulary = Vocabulary.of("a b a c b a".split(), size=3)
    >>> vocabulary.words, vocabulary.counts.tolist()
    (('<unk>', 'a', 'b'), [1, 3, 2])
    >>> vocabulary.encode(["b", "x", "a"]).tolist()
    [2, 0, 1]
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, tokens: Iterable[str], size: int) -> "Vocabulary":
        """Return the `size` most frequent tokens, ``<unk>`` among them.

        Parameters
        ----------
        tokens : iterable of str
            The text to learn from.
        size : int
            The number of words, at least 2; there are fewer if the text has fewer.

        Returns
        -------
        Vocabulary
            Words that are equally frequent stand in the order of the text.
        """
        if size < 2:
            raise ParameterError(f"size must be at least 2, got {size!r}. Usual are 10,000 and up.")
        counted = Counter(tokens)
        total, common = counted.total(), counted.most_common(size - 1)
        rest = total - sum(count for _, count in common)
        return cls(
            (UNKNOWN, *(word for word, _ in common)),
            np.array([rest, *(count for _, count in common)], np.int64),
        )

    def encode(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of each token, 0 for one that is not in the vocabulary.

        Parameters
        ----------
        tokens : sequence of str
            A text.

        Returns
        -------
        ndarray of int64, shape (len(tokens),)
            The numbers.
        """
        number = {word: i for i, word in enumerate(self.words)}
        return np.fromiter((number.get(word, 0) for word in tokens), np.int64, len(tokens))


class TokenBatch(NamedTuple):
    """The next piece of each stream, and what follows each token."""

    inputs: NDArray[np.int64]
    """(steps, streams)."""
    targets: NDArray[np.int64]
    """(steps, streams): the inputs one step later."""


def token_batches(ids: NDArray[np.int64], *, streams: int, steps: int) -> Iterator[TokenBatch]:
    """Yield a text as pieces for truncated backpropagation through time.

    The text is cut into `streams` equal parts that are read side by side: each batch goes on where
    the one before ended, so that a recurrent state can be kept. What is left over at the end of
    a part, and the last token, which nothing follows, are not used twice.

    Parameters
    ----------
    ids : ndarray of int64, shape (n,)
        The text.
    streams : int
        The number of parts.
    steps : int
        The tokens of each part in a batch; the last batch may have fewer.

    Yields
    ------
    TokenBatch
        Contiguous arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from luce.data import token_batches
    >>> [batch.inputs.tolist() for batch in token_batches(np.arange(9), streams=2, steps=2)]
    [[[0, 4], [1, 5]], [[2, 6], [3, 7]]]
    """
    if streams < 1 or steps < 1:
        raise ParameterError(
            f"streams and steps must be at least 1, got {streams} and {steps}. Pass 20 and 35."
        )
    length = (len(ids) - 1) // streams
    if length < 1:
        raise DataError(
            f"a text for {streams} streams must have at least {streams + 1} tokens, got {len(ids)}."
            " Ask for fewer streams."
        )
    inputs = np.ascontiguousarray(ids[: length * streams].reshape(streams, length).T)
    targets = np.ascontiguousarray(ids[1 : length * streams + 1].reshape(streams, length).T)
    for start in range(0, length, steps):
        yield TokenBatch(inputs[start : start + steps], targets[start : start + steps])

import gzip

import numpy as np
import pytest

from luce.data import Vocabulary, read_tokens, token_batches
from luce.errors import DataError, ParameterError

pytestmark = pytest.mark.once


def test_words_keep_their_apostrophes_and_signs_stand_alone(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("= A Title =\n“Don’t go,” she said;\nit's 5 o'clock!\n", "utf-8")
    assert read_tokens(path, skip="= ") == (
        ["“", "Don’t", "go", ",", "”", "she", "said", ";", "it's", "5", "o'clock", "!"]
    )
    assert read_tokens(path)[:3] == ["=", "A", "Title"]


def test_packed_files_are_read_and_wrong_bytes_are_told(tmp_path):
    packed, wrong = tmp_path / "a.txt.gz", tmp_path / "b.txt"
    packed.write_bytes(gzip.compress("à la carte".encode()))
    wrong.write_bytes(b"ab\xff")
    assert read_tokens(packed) == ["à", "la", "carte"]
    with pytest.raises(DataError, match="byte 2"):
        read_tokens(wrong)
    with pytest.raises(DataError, match="Check the path"):
        read_tokens(tmp_path / "none.txt")


def test_rare_words_are_one_word():
    vocabulary = Vocabulary.of(["x", "y", "y", "z", "z", "z"], 3)
    assert vocabulary.words == ("<unk>", "z", "y")
    assert vocabulary.counts.tolist() == [1, 3, 2]
    assert vocabulary.encode(["y", "never", "z"]).tolist() == [2, 0, 1]
    assert Vocabulary.of("ab", 100).words == ("<unk>", "a", "b")


@pytest.mark.parametrize(("n", "streams", "steps"), [(100, 4, 7), (13, 3, 4), (5, 4, 2)])
def test_batches_go_on_where_the_last_one_ended(n, streams, steps):
    found = list(token_batches(np.arange(n), streams=streams, steps=steps))
    inputs = np.concatenate([batch.inputs for batch in found])  # (length, streams)
    length = (n - 1) // streams
    assert inputs.T.ravel().tolist() == list(range(length * streams))
    targets = np.concatenate([batch.targets for batch in found])
    assert (targets == inputs + 1).all()
    assert all(batch.inputs.flags.c_contiguous for batch in found)


def test_too_little_text_is_told():
    with pytest.raises(DataError, match="at least 5 tokens"):
        next(token_batches(np.arange(4), streams=4, steps=1))
    with pytest.raises(ParameterError, match="steps"):
        next(token_batches(np.arange(4), streams=1, steps=0))
    with pytest.raises(ParameterError, match="size"):
        Vocabulary.of(["a"], 1)

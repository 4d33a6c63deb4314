import numpy as np
import polars as pl
import pytest
from reference.explained_models import text_model

from luce.tasks.explaining.words import without, word_losses, words_of

pytestmark = pytest.mark.once


def test_words_stand_between_blanks_and_chinese_characters_alone():
    assert words_of("床前 moon, 光") == {
        "床": [(0, 1)], "前": [(1, 2)], "moon,": [(3, 8)], "光": [(9, 10)],
    }  # fmt: skip
    assert without("床前 moon 前", {"前"}) == "床 moon "


def test_places_are_counted_in_characters_not_in_bytes_or_halves():
    assert words_of("😀 cat") == {"😀": [(0, 1)], "cat": [(2, 5)]}


def test_the_loss_of_a_word_is_that_of_the_text_without_it():
    model, _ = text_model()
    text = "the cat and the boat"
    frame = pl.DataFrame({"body": [text]})
    found = {word.text: word.loss for word in word_losses(model, frame, "body", 0, 1)}
    assert set(found) == {"the", "cat", "and", "boat"}

    def lead(words):
        X = model.encoding.apply(pl.DataFrame({"body": [words]})).X
        p = model.probabilities(X)[0].astype(float)
        return np.log(p[0]) - np.log(p[1])

    for word, loss in found.items():
        rest = " ".join(other for other in text.split() if other != word)
        assert loss == pytest.approx(lead(text) - lead(rest), rel=1e-4, abs=1e-5)


def test_an_empty_text_has_no_words():
    model, _ = text_model()
    assert (
        word_losses(model, pl.DataFrame({"body": [None]}, {"body": pl.String}), "body", 0, 1) == []
    )

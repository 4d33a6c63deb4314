"""Flips are compared with brute force: a fine grid of values, every level, every word."""

import numpy as np
import polars as pl
import pytest
from reference.explained_models import calibrated, fitted, network_model, table_model, text_model

from luce.tasks.explaining.flips import Span, flips

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def of_table():
    return table_model()


def answer(model, frame):
    return int(model.probabilities(model.encoding.apply(frame).X)[0].argmax())


def answers(model, frame, column, values):
    """The answers of the row with each of many values in a column."""
    rows = pl.concat([frame] * len(values))
    cells = pl.Series(column, [str(value) for value in values], dtype=pl.String)
    X = model.encoding.apply(rows.with_columns(cells)).X
    return model.probabilities(X).argmax(axis=1)


def with_cell(frame, column, value):
    text = None if value is None else str(value)
    return frame.with_columns(pl.Series(column, [text], dtype=pl.String))


@pytest.mark.parametrize("row", range(0, 240, 12))
def test_the_boundary_of_a_number_is_the_nearest_one(of_table, row):
    model, frame, _, _ = of_table
    here = frame[row : row + 1]
    now, mine = float(frame["size"][row]), answer(model, here)
    found = {flip.after > now: flip for flip in flips(model, here) if flip.column == "size"}
    for upward in (True, False):
        grid = now + (1 if upward else -1) * np.arange(0, 200, 0.1)
        other = np.flatnonzero(answers(model, here, "size", grid) != mine)
        if len(other) == 0:
            assert upward not in found or abs(found[upward].boundary - now) > 199
            continue
        flip = found[upward]
        assert flip.exact
        assert abs(flip.boundary - grid[other[0]]) <= 0.1001
        assert answer(model, with_cell(here, "size", flip.after)) == flip.answer != mine
        near = flip.boundary - (1e-6 if upward else -1e-6) * max(1.0, abs(flip.boundary))
        assert answer(model, with_cell(here, "size", near)) == mine


@pytest.mark.parametrize("row", range(0, 240, 24))
def test_categories_and_truth_values_are_all_tried(of_table, row):
    model, frame, _, _ = of_table
    here = frame[row : row + 1]
    mine = answer(model, here)
    found = {flip.column: flip for flip in flips(model, here)}
    for column, levels in {"colour": ["red", "green", "blue"], "new": ["true", "false"]}.items():
        others = {
            level: answer(model, with_cell(here, column, level))
            for level in levels
            if answer(model, with_cell(here, column, level)) != mine
        }
        assert (column in found) == bool(others)
        if others:
            after = str(found[column].after).lower() if column == "new" else found[column].after
            assert others[after] == found[column].answer
            assert found[column].exact


def test_the_value_is_short_where_the_slack_allows_it(of_table):
    model, frame, _, _ = of_table
    short = [flip for flip in flips(model, frame[:1]) if flip.column in ("size", "weight")]
    assert short
    for flip in short:
        assert len(f"{flip.after:g}".replace(".", "").replace("-", "")) <= 5
        assert abs(flip.after - flip.boundary) <= 0.011 * abs(flip.boundary - float(flip.before))


def test_a_missing_number_counts_as_the_mean_and_gets_a_value(of_table):
    model, frame, _, _ = of_table
    row = next(i for i, cell in enumerate(frame["weight"]) if cell is None)
    here = frame[row : row + 1]
    for flip in flips(model, here):
        if flip.column == "weight":
            assert flip.before is None
            assert answer(model, with_cell(here, "weight", flip.after)) == flip.answer


def test_the_smallest_come_first_in_standard_deviations(of_table):
    model, frame, _, _ = of_table
    spans = {"size": Span(-10, 30, 9.0), "weight": Span(80, 280, 35.0)}
    found = flips(model, frame[:1], spans)
    sizes = [(flip.outside, flip.size) for flip in found]
    assert sizes == sorted(sizes)
    size = next(flip for flip in found if flip.column == "size")
    assert size.size == pytest.approx(abs(size.after - float(frame["size"][0])) / 9.0)


def test_whole_numbers_stay_whole_and_what_is_outside_comes_last(of_table):
    model, frame, _, _ = of_table
    here = with_cell(frame[:1], "size", 7)
    spans = {"size": Span(-10, 12, 9.0, whole=True), "weight": Span(80, 280, 35.0)}
    found = flips(model, here, spans)
    assert [flip.outside for flip in found] == sorted(flip.outside for flip in found)
    sizes = [flip for flip in found if flip.column == "size"]
    assert sizes
    for flip in sizes:
        assert flip.after == round(flip.after)
        assert 0 <= (flip.after - flip.boundary) * (1 if flip.after > 7 else -1) < 1.1
        assert flip.outside == (not -10 <= flip.after <= 12)
        assert answer(model, with_cell(here, "size", flip.after)) == flip.answer


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_of_a_calibrated_model_it_is_the_calibrated_answer_that_flips(of_table, kind):
    model, frame, X, y = of_table
    model = calibrated(model, X, y, kind)
    for row in range(0, 60, 7):
        here = frame[row : row + 1]
        mine = answer(model, here)
        for flip in flips(model, here, {"size": Span(-15, 45, 9.0)}):
            if flip.column == "size":
                assert flip.exact == (kind == "temperature")
                assert answer(model, with_cell(here, "size", flip.after)) == flip.answer != mine


def test_of_a_network_the_search_finds_what_a_grid_finds(of_table):
    model, frame, X, y = of_table
    network = network_model(model.encoding, X, y)
    spans = {"size": Span(-20.0, 40.0, 9.0)}
    for row in range(0, 40, 5):
        here = frame[row : row + 1]
        now, mine = float(frame["size"][row]), answer(network, here)
        for flip in flips(network, here, spans):
            if flip.column != "size":
                continue
            assert not flip.exact
            assert answer(network, with_cell(here, "size", flip.after)) == flip.answer != mine
            way = np.linspace(now, flip.boundary, 400)[:-2]
            assert set(answers(network, here, "size", way)) == {mine}


def test_an_array_has_flips_by_feature():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 100)
    X = rng.normal(size=(100, 3)) + 2 * y[:, None]
    model, _, _ = fitted(X, y, kind="array")
    found = flips(model, X[:1])
    assert {flip.column for flip in found} == {"x1", "x2", "x3"}
    for flip in found:
        moved = X[:1].copy()
        moved[0, int(flip.column[1]) - 1] = flip.after
        assert answer(model, moved) == flip.answer != answer(model, X[:1])


def test_the_one_word_is_found_that_changes_the_answer():
    model, _ = text_model()
    frame = pl.DataFrame({"body": ["the old cat and the boat boat"]})
    mine = answer(model, frame)
    (flip,) = flips(model, frame)
    words = ["the", "old", "cat", "and", "the", "boat", "boat"]
    alone = {
        word
        for word in words
        if answer(model, pl.DataFrame({"body": [" ".join(w for w in words if w != word)]})) != mine
    }
    assert flip.exact == bool(alone)
    if alone:
        assert set(flip.after) <= alone
    rest = " ".join(word for word in words if word not in flip.after)
    assert answer(model, pl.DataFrame({"body": [rest]})) == flip.answer != mine


def test_where_no_word_does_it_alone_several_are_left_out():
    model, _ = text_model()
    frame = pl.DataFrame({"body": ["cat purrs mouse boat"]})
    (flip,) = flips(model, frame)
    assert len(flip.after) > 1
    assert not flip.exact
    rest = [word for word in ["cat", "purrs", "mouse", "boat"] if word not in flip.after]
    assert answer(model, pl.DataFrame({"body": [" ".join(rest)]})) == flip.answer


def test_an_empty_text_has_no_flip():
    model, _ = text_model()
    assert flips(model, pl.DataFrame({"body": [""]})) == []

"""Effects add up to the lead, and each is what brute force says: the lead with and without."""

import numpy as np
import pytest
from reference.explained_models import (
    calibrated,
    digits_model,
    network_model,
    table_model,
    text_model,
)

from luce.errors import ParameterError, ShapeError
from luce.estimators.held_out import logits_of
from luce.tasks import explain
from luce.tasks.explaining.effects import explain_rows, reference_of

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def of_table():
    return table_model()


@pytest.mark.parametrize("reference", ["zero", "mean"])
@pytest.mark.parametrize("row", [0, 5, 77])
def test_effects_of_a_table_add_up_to_the_lead(of_table, row, reference):
    model, frame, X, _ = of_table
    why = explain(model, frame[row : row + 1], reference=reference)
    z = logits_of(model.classifier, X[row : row + 1])[0]
    assert why.answer == int(z.argmax())
    assert why.against == int(np.argsort(-z)[1])
    assert why.lead == pytest.approx(z[why.answer] - z[why.against], rel=1e-12)
    assert why.offset + why.effects.sum() == pytest.approx(why.lead, rel=1e-9)


def test_an_effect_is_what_the_lead_loses_without_the_feature(of_table):
    model, frame, X, _ = of_table
    why = explain(model, frame[3:4])
    for feature in range(X.shape[1]):
        without = X[3:4].copy()
        without[0, feature] = 0.0
        z = logits_of(model.classifier, without)[0]
        lost = why.lead - (z[why.answer] - z[why.against])
        assert why.effects[feature] == pytest.approx(lost, rel=1e-6, abs=1e-8)


def test_a_missing_number_has_no_effect_counted_from_the_mean(of_table):
    model, frame, _, _ = of_table
    row = next(i for i, cell in enumerate(frame["weight"]) if cell is None)
    why = explain(model, frame[row : row + 1], reference="mean")
    names = model.encoding.feature_names
    assert why.effects[names.index("weight")] == 0
    assert explain(model, frame[row : row + 1]).effects[names.index("weight")] != 0


def test_the_reference_holds_the_means_of_the_numbers_alone(of_table):
    model, _, X, _ = of_table
    reference = dict(zip(model.encoding.feature_names, reference_of(model.encoding), strict=True))
    assert reference["size"] == pytest.approx(X[:, 0].mean())
    assert reference["colour=red"] == reference["weight is missing"] == 0


def test_columns_are_taken_together(of_table):
    model, frame, _, _ = of_table
    why = explain(model, frame[:1])
    strongest = why.strongest(model.encoding, 10)
    assert {effect.feature for effect in strongest} <= set(frame.columns)
    sizes = [abs(effect.logit) for effect in strongest]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(e.logit for e in strongest) == pytest.approx(float(why.effects.sum()), rel=1e-12)


def test_of_texts_the_terms_stand_alone():
    model, frame = text_model()
    why = explain(model, frame[:1])
    strongest = why.strongest(model.encoding, 1000)
    assert all(effect.value > 0 for effect in strongest)
    assert sum(e.logit for e in strongest) + why.offset == pytest.approx(why.lead, rel=1e-5)
    present = frame["body"][0].split()
    assert all(
        term.split("'")[1].split()[0].strip() in " ".join(present)
        for term in (effect.feature for effect in strongest)
    )


def test_another_class_to_compare_with(of_table):
    model, frame, X, _ = of_table
    z = logits_of(model.classifier, X[:1])[0]
    last = int(z.argmin())
    why = explain(model, frame[:1], against=last)
    assert why.lead == pytest.approx(z.max() - z.min())
    with pytest.raises(ParameterError, match="another class"):
        explain(model, frame[:1], against=why.answer)
    with pytest.raises(ParameterError, match="another class"):
        explain(model, frame[:1], against=3)
    with pytest.raises(ShapeError, match="one row, got 2"):
        explain(model, frame[:2])


def test_effects_of_a_network_are_those_of_the_piece_on_which_the_row_lies(of_table):
    model, frame, X, y = of_table
    network = network_model(model.encoding, X, y)
    why = explain(network, frame[:1])
    assert not why.linear
    x = X[:1]
    assert why.offset + why.effects.sum() == pytest.approx(why.lead, rel=1e-9)
    for feature in range(X.shape[1]):
        step = 1e-6 * max(1.0, abs(x[0, feature]))
        leads = []
        for sign in (1, -1):
            moved = x.copy()
            moved[0, feature] += sign * step
            z = logits_of(network.classifier, moved)[0]
            leads.append(z[why.answer] - z[why.against])
        slope = (leads[0] - leads[1]) / (2 * step)
        assert why.effects[feature] == pytest.approx(slope * x[0, feature], rel=1e-4, abs=1e-7)


def test_two_classes_share_one_row_of_coefficients():
    model, frame = text_model()
    z = logits_of(model.classifier, model.encoding.apply(frame[:1]).X)[0]
    why = explain(model, frame[:1])
    assert why.lead == pytest.approx(abs(z[1] - z[0]), rel=1e-5)


def test_a_calibration_changes_the_probabilities_and_not_the_effects(of_table):
    model, frame, X, y = of_table
    honest = calibrated(model, X, y, "temperature")
    plain, why = explain(model, frame[:1]), explain(honest, frame[:1])
    np.testing.assert_array_equal(plain.effects, why.effects)
    assert (plain.probabilities != why.probabilities).any()


def test_pixels_have_effects_too():
    model, images, _, _ = digits_model()
    why = explain(model, images[:1])
    assert why.effects.shape == (64,)
    assert why.offset + why.effects.sum() == pytest.approx(why.lead, rel=1e-4)
    assert why.strongest(model.encoding, 1)[0].feature.startswith("pixel ")


@pytest.mark.parametrize("made", [table_model, text_model])
def test_rows_together_are_explained_as_each_alone(made):
    model, frame, *_ = made()
    X = model.encoding.apply(frame[:9]).X
    found = list(explain_rows(model, X, model.probabilities(X), reference="mean"))
    assert len(found) == 9
    for row, why in enumerate(found):
        alone = explain(model, frame[row : row + 1], reference="mean")
        assert (why.answer, why.against) == (alone.answer, alone.against)
        np.testing.assert_allclose(why.effects, alone.effects, rtol=1e-12)
        np.testing.assert_array_equal(why.probabilities, alone.probabilities)
        assert why.lead == pytest.approx(alone.lead, rel=1e-6)
        strongest = why.strongest(model.encoding, None)
        assert strongest == sorted(strongest, key=lambda effect: -abs(effect.logit))
        assert all(effect.logit for effect in strongest)

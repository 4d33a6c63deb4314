"""The record of a run."""

import json

import numpy as np
import pytest

from luce.solvers import Journal

pytestmark = pytest.mark.once

GRADIENT = np.array([[3.0, 4.0]])


def test_the_best_lower_bound_is_kept():
    journal = Journal()
    assert journal.relative_gap(1.0) == np.inf
    journal.raise_lower_bound(0.5)
    journal.raise_lower_bound(0.4)
    journal.raise_lower_bound(np.nan)
    assert journal.relative_gap(1.0) == 1.0
    assert journal.relative_gap(0.4) == 0.0  # the bound exceeds the value by rounding


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_proven(value):
    journal = Journal(lower_bound=0.5)
    assert journal.relative_gap(value) == np.inf
    assert not journal.result(GRADIENT, value, 1e-4, interrupted=False).converged


def test_a_bound_that_is_not_positive_proves_nothing_relative():
    assert Journal(lower_bound=0.0).relative_gap(1.0) == np.inf
    assert Journal(lower_bound=-1.0).relative_gap(1.0) == np.inf


def test_a_negligible_value_is_its_own_proof():
    journal = Journal(negligible=1e-14)
    assert journal.relative_gap(5e-15) == 5e-15
    assert journal.relative_gap(2e-14) == np.inf
    assert journal.relative_gap(-5e-15) == np.inf


def test_entries_are_json_and_the_callback_sees_them():
    seen = []
    journal = Journal(seen.append)
    journal.step(1.0, GRADIENT, 0.75, extra_penalty=np.float64(0.0))
    journal.write(epoch=1, valid_loss=float("nan"), valid_accuracy=None)
    assert seen == journal.entries
    assert json.loads(json.dumps(journal.entries, allow_nan=False)) == journal.entries
    first, second = journal.entries
    assert first["iteration"] == 1
    assert first["gradient_norm"] == 5.0
    assert first["gap"] is None  # infinity has no word in JSON
    assert second["valid_loss"] is None
    assert 0 <= first["seconds"] <= second["seconds"]

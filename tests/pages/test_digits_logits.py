"""The logits of the page Calibration are those that its script writes."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.once

SCRIPT = Path(__file__).parents[2] / "docs" / "make_digits_logits.py"


def test_the_logits_of_the_digits_are_those_of_the_script():
    script = runpy.run_path(str(SCRIPT))
    wanted, kept = script["digits_logits"](), json.loads(script["FILE"].read_text())
    assert kept["labels"] == wanted["labels"]
    assert kept["classes"] == 10
    # another instruction set may round a last digit otherwise
    np.testing.assert_allclose(kept["hundredths"], wanted["hundredths"], atol=2, rtol=1e-3)

"""The mathematics of Playground, Large outputs and Calibration, run by Node against luce."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent))
from golden import check_vectors
from play_vectors import vectors  # after torch is known to be there

pytestmark = pytest.mark.once


def test_the_mathematics_of_the_pages_is_that_of_luce(tmp_path: Path) -> None:
    check_vectors("play_maths.vectors.mjs", "LUCE_PLAY_VECTORS", vectors(), tmp_path)

"""The mathematics of the pages Softmax, Curves and Losses, run by Node against luce."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from explore_vectors import vectors
from golden import check_vectors

pytestmark = pytest.mark.once


def test_the_mathematics_of_the_pages_is_that_of_luce(tmp_path: Path) -> None:
    check_vectors("explore_maths.vectors.mjs", "LUCE_EXPLORE_VECTORS", vectors(), tmp_path)

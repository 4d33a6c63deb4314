"""The page of proofs names tests that exist."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "certificates.md"
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"test_\w+(?:\.py)?", PAGE.read_text()))))
def test_a_test_that_the_page_names_is_there(name):
    folders = [TESTS / "solvers", TESTS / "estimators"]
    files = [file for folder in folders for file in folder.glob("test_*.py")]
    if name.endswith(".py"):
        assert name in [file.name for file in files]
    else:
        assert any(f"def {name}(" in file.read_text() for file in files)

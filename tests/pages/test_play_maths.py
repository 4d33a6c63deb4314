"""The mathematics of Playground, Large outputs and Calibration, run by Node against luce."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent))
from play_vectors import vectors  # after torch is known to be there

pytestmark = pytest.mark.once

SCRIPT = Path(__file__).with_name("play_maths.vectors.mjs")


def test_the_mathematics_of_the_pages_is_that_of_luce(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node")
    file = tmp_path / "play.json"
    file.write_text(json.dumps(vectors(), default=float))
    done = subprocess.run(
        [node, "--test", str(SCRIPT)],
        env=os.environ | {"LUCE_PLAY_VECTORS": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

"""Run a test of the pages by Node on golden vectors that luce has computed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from reference.programs import node


def check_vectors(script: str, variable: str, vectors: Any, folder: Path) -> None:
    """Write the vectors as strict JSON and let the script, next to this file, compare them."""
    file = folder / "vectors.json"
    file.write_text(json.dumps(vectors, default=float, allow_nan=False))
    done = subprocess.run(
        [node(), "--test", str(Path(__file__).with_name(script))],
        env=os.environ | {variable: str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

"""Two processes on this machine, started once, whose findings all tests here compare."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

PROCESSES = 2
PATIENCE = 600  # seconds; only a process that hangs takes longer


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """What each process found: ``found[task][rank]``.

    They meet through a file, so that no port has to be chosen.
    """
    folder = tmp_path_factory.mktemp("ranks")
    work = Path(__file__).with_name("work.py")
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, str(work), str(rank), str(PROCESSES), str(folder)],
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(PROCESSES)
    ]
    try:
        said = [process.communicate(timeout=PATIENCE)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    codes = [process.returncode for process in started]
    assert codes == [0] * PROCESSES, "\n".join(said)
    results = [torch.load(folder / f"{r}.pt", weights_only=False) for r in range(PROCESSES)]
    assert not any("error" in one for one in results), "\n".join(
        r.get("error", "") for r in results
    )
    return {task: [one[task] for one in results] for task in results[0]}

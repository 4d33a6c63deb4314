"""Processes on this machine, started once, whose findings all tests here compare."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

PATIENCE = 600  # seconds; only a process that hangs takes longer


@pytest.fixture(
    scope="session",
    params=[2, pytest.param(3, marks=pytest.mark.slow)],
    ids=lambda processes: f"{processes} processes",
)
def processes(request):
    """How many there are."""
    return request.param


@pytest.fixture(scope="session")
def found(processes, tmp_path_factory):
    """What each process found: ``found[task][rank]``.

    They meet through a file, so that no port has to be chosen.
    """
    folder = tmp_path_factory.mktemp("ranks")
    work = Path(__file__).with_name("work.py")
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, str(work), str(rank), str(processes), str(folder)],
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(processes)
    ]
    try:
        said = [one.communicate(timeout=PATIENCE)[0] for one in started]
    finally:
        for one in started:
            one.kill()
    codes = [one.returncode for one in started]
    assert codes == [0] * processes, "\n".join(said)
    results = [torch.load(folder / f"{r}.pt", weights_only=False) for r in range(processes)]
    assert not any("error" in one for one in results), "\n".join(
        r.get("error", "") for r in results
    )
    return {task: [one[task] for one in results] for task in results[0]}

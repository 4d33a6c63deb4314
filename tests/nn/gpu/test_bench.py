"""`python bench/gpu.py` goes through all it does without a GPU too, and says where none is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = [pytest.mark.once, pytest.mark.slow]

BENCH = Path(__file__).parents[3] / "bench" / "gpu.py"


def run(*options, **environment):
    return subprocess.run(
        [sys.executable, "-W", "ignore", BENCH, *options],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


def test_it_can_be_rehearsed(device):
    done = run("--rehearse", TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stderr
    assert "Rehearsed" in done.stdout
    assert "left out" not in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    done = run()
    assert done.returncode == 2
    assert "needs an NVIDIA GPU and Triton" in done.stderr

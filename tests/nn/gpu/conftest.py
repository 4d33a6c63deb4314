"""Kernels for GPUs run on one if there is one, else in Triton's interpreter, on the CPU."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # is read when Triton is imported


@pytest.fixture
def device():
    """Return where the kernels run."""
    pytest.importorskip("triton", reason="needs Triton: pip install --no-deps triton")
    return "cuda" if torch.cuda.is_available() else "cpu"

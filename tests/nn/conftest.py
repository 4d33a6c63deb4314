"""Tensors are small here: threads that wait for each other take longer than the work."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)

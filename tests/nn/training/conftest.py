import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True)
def _one_thread():
    """Small models: threads cost more than they save, and beside other work very much more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rows():
    """Separable in part: 3 classes, 6 features."""
    generator = torch.Generator().manual_seed(7)
    X = torch.randn(90, 6, generator=generator)
    noise = torch.randn(90, 3, generator=generator)
    return X, (X[:, :3] * 2 + noise).argmax(dim=1)


@pytest.fixture
def network():
    """Make a network with all that a checkpoint must hold: buffers and dropout, too."""

    def make(seed=0, dropout=0.3):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)
        )

    return make

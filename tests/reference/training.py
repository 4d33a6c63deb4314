"""The training loop of any textbook, in a dozen lines of torch, for comparison."""

import numpy as np
import torch


def same_bits(a, b):
    """Raise unless two modules have the same bits."""
    for (name, mine), other in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(mine, other), name


def without_clock(history):
    """The entries of a history without the time they took."""
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in history]


def train_plainly(model, loss, X, y, optimizer, *, epochs, steps, seed, rate=None):
    """Train on evenly split batches of a drawn order; ``rate(progress)`` is the learning rate."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model.train()
    for epoch in range(epochs):
        batches = np.array_split(generator.permutation(len(X)), steps)
        for number, batch in enumerate(batches):
            if rate is not None:
                for group in optimizer.param_groups:
                    group["lr"] = rate((epoch * steps + number) / (epochs * steps))
            optimizer.zero_grad()
            loss(model(X[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()

"""The random numbers of torch, borrowed from the caller."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what a model on that device draws from; afterwards all is as it was.

    ``torch.manual_seed`` would seed every device, and nothing would give those back their state
    that the model is not on.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.default_generator.manual_seed(seed)
        for own in devices:
            with torch.cuda.device(own):
                torch.cuda.manual_seed(seed)
        yield

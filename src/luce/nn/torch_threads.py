"""As many threads for PyTorch as luce itself takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from luce.kernels import get_num_threads


@contextmanager
def threads_of_luce() -> Iterator[None]:
    """Let `luce.set_num_threads` (and ``--threads``) hold for PyTorch too, within the block.

    The number is part of what makes a training repeat itself bit for bit.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(get_num_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)

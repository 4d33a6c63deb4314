import pytest
import torch

import luce
from luce.nn.torch_threads import threads_of_luce

pytestmark = pytest.mark.once


def test_the_number_of_luce_holds_within_the_block_alone():
    before, own = torch.get_num_threads(), luce.get_num_threads()
    luce.set_num_threads(1)
    try:
        with threads_of_luce():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == before
    finally:
        luce.set_num_threads(own)

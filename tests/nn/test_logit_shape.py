"""What is done to logits before a softmax."""

import pytest
import torch

from luce.nn import LogitShape

pytestmark = pytest.mark.once


def test_a_mask_stays_a_mask_and_has_no_gradient():
    z = torch.tensor([0.5, -torch.inf, 40.0], dtype=torch.float64, requires_grad=True)
    shaped = LogitShape(softcap=2.0, temperature=0.5)(z)
    expected = [4 * torch.tanh(torch.tensor(0.25, dtype=torch.float64)), -torch.inf, 4.0]
    torch.testing.assert_close(shaped, torch.tensor(expected, dtype=torch.float64))
    shaped.sum().backward()
    assert z.grad.isfinite().all()
    assert z.grad[1] == 0


def test_sixteen_bits_are_widened_and_others_are_kept():
    assert LogitShape()(torch.zeros(2, dtype=torch.bfloat16)).dtype == torch.float32
    z = torch.zeros(2, dtype=torch.float64)
    assert LogitShape()(z) is z

import pytest
import torch
from torch import nn

from luce.nn import Measured, OutputLoss
from luce.nn.training.objective import count_right

pytestmark = pytest.mark.once


def test_a_mean_counts_as_many_rows_as_the_batch_has():
    measured = OutputLoss(lambda z: z.mean()).measure(nn.Identity(), (torch.ones(4, 3),))
    assert float(measured.weight) == 4.0
    assert float(measured.total) == 4.0


def test_a_pair_is_a_sum_and_its_divisor():
    loss = OutputLoss(lambda z: (z.sum(), torch.tensor(7.0)))
    measured = loss.measure(nn.Identity(), (torch.ones(4, 3),))
    assert (float(measured.total), float(measured.weight)) == (12.0, 7.0)


def test_means_over_rows_of_their_own_are_added():
    measured = Measured(torch.tensor([6.0, 0.0, 5.0]), torch.tensor([3.0, 0.0, 2.0]))
    assert float(measured.loss) == 4.5


def test_answers_are_counted_where_there_are_any():
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [0.0, 3.0]])
    right, counted = count_right(z, torch.tensor([0, 0, 0, -100]))
    assert (int(right), int(counted)) == (2, 3)
    q = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    assert [int(part) for part in count_right(z, q)] == [3, 4]
    assert count_right(z[:, 0], torch.zeros(4)) == (None, None)  # one number a row: no classes
    assert count_right(z, torch.zeros(4)) == (None, None)  # targets that are no labels

import numpy as np
import pytest
import torch

from luce.errors import ShapeError
from luce.nn import ArrayRows, DatasetRows
from luce.nn.training.rows import as_rows

pytestmark = pytest.mark.once


def test_arrays_and_tensors_are_taken_in_any_order():
    rows = ArrayRows(np.arange(6.0).reshape(3, 2), torch.tensor([5, 6, 7]))
    inputs, labels = rows.take(np.array([2, 0]))
    assert inputs.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert labels.tolist() == [7, 5]


def test_arrays_that_are_read_only_are_read():
    pixels = np.arange(6.0).reshape(3, 2)
    pixels.flags.writeable = False
    (inputs,) = ArrayRows(pixels).take(np.array([1]))
    assert inputs.tolist() == [[2.0, 3.0]]


def test_a_data_set_is_collated():
    rows = as_rows(torch.utils.data.TensorDataset(torch.eye(3), torch.arange(3)))
    assert isinstance(rows, DatasetRows)
    inputs, labels = rows.take(np.array([1, 1]))
    assert inputs.tolist() == [[0.0, 1.0, 0.0]] * 2
    assert labels.tolist() == [1, 1]


@pytest.mark.parametrize("arrays", [(), (torch.zeros(3), torch.zeros(4)), (torch.zeros(0),)])
def test_arrays_that_do_not_fit_are_told(arrays):
    with pytest.raises(ShapeError, match="same number of rows"):
        ArrayRows(*arrays)

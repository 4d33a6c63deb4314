import numpy as np
import pytest
from numpy.testing import assert_array_equal

from luce.functions.rows import as_rows, from_rows, without

pytestmark = pytest.mark.once


@pytest.mark.parametrize("axes", [(0,), (1,), (3,), (0, 1), (3, 1), (2, 0, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 0, 4, 1), (1, 1, 1, 1)])
def test_rows_hold_the_classes_and_go_back(axes, shape):
    z = np.arange(np.prod(shape), dtype=float).reshape(shape)[:, :, ::-1]
    rows = as_rows(z, axes)
    assert rows.flags.c_contiguous
    assert rows.shape[1] == np.prod([shape[one] for one in axes])
    assert rows.size == z.size
    assert_array_equal(from_rows(rows, axes, shape), z)
    if z.size:
        first = tuple(slice(None) if i in axes else 0 for i in range(z.ndim))
        assert set(rows[0]) == set(z[first].ravel())
    for keepdims in (False, True):
        assert without(axes, shape, keepdims=keepdims) == z.sum(axes, keepdims=keepdims).shape


def test_classes_of_several_axes_come_in_the_order_of_the_axes():
    z = np.arange(6).reshape(2, 3)
    assert_array_equal(as_rows(z, (1, 0)), z.T.reshape(1, 6))

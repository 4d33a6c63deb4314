"""The scalar product is the same in every order of memory."""

import numpy as np
import pytest

from luce.solvers.inner_product import inner

pytestmark = pytest.mark.once


def test_the_order_of_memory_does_not_matter():
    a, b = np.random.default_rng(0).normal(size=(2, 5, 7))
    for first in (a, np.asfortranarray(a)):
        for second in (b, np.asfortranarray(b)):
            assert inner(first, second) == pytest.approx((a * b).sum(), rel=1e-13)

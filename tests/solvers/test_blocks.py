"""Blocks of rows."""

import pytest

from luce import get_num_threads, set_num_threads
from luce.solvers.blocks import blocks, each

pytestmark = pytest.mark.once


@pytest.mark.parametrize(("n", "row_bytes"), [(1, 8), (255, 8), (10_000, 4096), (7, 1 << 30)])
def test_every_row_is_in_one_block(n, row_bytes):
    rows = [row for part in blocks(n, row_bytes) for row in range(n)[part]]
    assert rows == list(range(n))


def test_blocks_fit_the_cache():
    assert all(part.stop - part.start <= 512 for part in blocks(10_000, 4096))


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order(threads):
    before = get_num_threads()
    try:
        set_num_threads(threads)
        assert list(each(lambda number: number * number, range(50))) == [i * i for i in range(50)]
        with pytest.raises(ZeroDivisionError):
            list(each(lambda number: 1 // number, [1, 0, 2]))
    finally:
        set_num_threads(before)

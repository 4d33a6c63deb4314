"""Every head with every option: each cell of the table of docs/nn.md."""

import pytest
import torch
from nn.head_table import COLUMNS
from nn.heads import HEADS, IGNORED, Batch, made

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),  # torch's
]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", HEADS)
def test_every_head_takes_every_option(name, column):
    COLUMNS[column](name)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(
    "options", [{"label_smoothing": 0.1, "z_loss": 0.05}, {"normalizer": 3.0}, {"reduction": "sum"}]
)
def test_the_sum_of_every_head_divided_by_its_divisor_is_its_loss(name, options):
    head, batch = made(name), Batch(7)
    y, given = batch.some_ignored(), {"weight": batch.weight, "ignore_index": IGNORED, **options}
    total, divisor = head.summed(batch.hidden, y, **given)
    torch.testing.assert_close(total / divisor, head(batch.hidden, y, **given))

"""Every head with every option: each cell of the table of docs/nn.md."""

import pytest
from nn.head_options import COLUMNS, HEADS

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),  # torch's
]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", HEADS)
def test_every_head_takes_every_option(name, column):
    COLUMNS[column](name)

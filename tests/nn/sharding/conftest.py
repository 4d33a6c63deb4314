"""Processes on this machine, started once, whose findings all tests here compare."""

import pytest
from nn.sharding.launch import results_of


@pytest.fixture(
    scope="session",
    params=[2, pytest.param(3, marks=pytest.mark.slow)],
    ids=lambda processes: f"{processes} processes",
)
def processes(request):
    """How many there are."""
    return request.param


@pytest.fixture(scope="session")
def found(processes, tmp_path_factory):
    """What each process found: ``found[task][rank]``."""
    return results_of("work.py", processes, tmp_path_factory.mktemp("ranks"))

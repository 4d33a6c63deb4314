"""Waiting for what another process does, without a guess of how long it takes."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], most: float = 60.0) -> None:
    """Return when the condition holds; fail if it never does."""
    end = time.monotonic() + most
    while not condition():
        assert time.monotonic() < end, f"{condition} did not come true within {most} s"
        time.sleep(0.01)

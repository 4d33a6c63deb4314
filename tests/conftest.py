"""How Hypothesis runs: never by the clock; the same examples every time where CI asks."""

import os

from hypothesis import settings

settings.register_profile("luce", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("luce")

"""Peers that an old version does not have: its tests are skipped there, with the reason."""

import pytest
import sklearn
from sklearn.utils.fixes import parse_version


def since_scikit_learn(version: str, reason: str) -> pytest.MarkDecorator:
    """Skip a comparison where scikit-learn is older."""
    old = parse_version(sklearn.__version__) < parse_version(version)
    return pytest.mark.skipif(old, reason=f"scikit-learn {version} or later: {reason}")

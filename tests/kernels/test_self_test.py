"""The self-test passes, and notices a kernel that is wrong."""

import numpy as np
import pytest

from luce.kernels import dispatch, self_test


def test_everything_passes():
    assert [check.name for check in self_test() if not check.passed] == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: np.multiply(p, 1 + 1e-6, out=p),
        lambda p: np.copyto(p, 0, where=p < 1e-38),
        lambda p: np.copyto(p, 0.5),
    ],
    ids=["inexact", "flushed", "constant"],
)
def test_a_wrong_kernel_is_noticed(monkeypatch, wrong):
    right = dispatch.softmax

    def softmax(z, out, axis=-1, temperature=1.0):
        right(z, out, axis, temperature)
        wrong(out)

    monkeypatch.setattr(dispatch, "softmax", softmax)
    assert not all(check.passed for check in self_test())

import numpy as np
import pytest
import torch
from nn.sharding import cases

from luce.errors import ParameterError
from luce.losses import linear_cross_entropy_grad
from luce.nn import functional as F
from luce.nn import global_normalizer

pytestmark = pytest.mark.once


@pytest.mark.parametrize("weighting", ["class", "row"])
def test_data_parallel_parts_have_the_gradient_of_the_whole_batch(found, weighting):
    exact = linear_cross_entropy_grad(
        cases.HIDDEN, cases.WEIGHT, cases.IGNORING, cases.BIAS, ignore_index=-100,
        class_weight=cases.CLASS_WEIGHT, weighting=weighting,
    )  # fmt: skip
    for one in found["data_parallel"]:
        np.testing.assert_allclose(one[weighting, "global"], exact.grad_weight, atol=1e-12)
        # The mean of each process's own mean is something else.
        assert np.abs(one[weighting, "own mean"].numpy() - exact.grad_weight).max() > 1e-3


@pytest.mark.parametrize("options", [{}, {"weight": torch.tensor([1.0, 3.0, 0.5])}])
@pytest.mark.parametrize("target", ["labels", "soft"])
def test_is_what_the_mean_divides_by(options, target):
    z = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.tensor([0, 1, 1, 2, -100, 0])
    ignoring = {"ignore_index": -100} if target == "labels" else {}
    given = y if target == "labels" else z.softmax(dim=1).flip(0)
    for weighting in ("class", "row"):
        n = global_normalizer(given.split(4), weighting=weighting, **ignoring, **options)
        how = {"weighting": weighting, **ignoring, **options}
        parts = zip(z.split(4), given.split(4), strict=True)
        loss = sum(F.cross_entropy(rows, t, normalizer=n, **how) for rows, t in parts)
        np.testing.assert_allclose(loss, F.cross_entropy(z, given, **how), atol=1e-12)


def test_nothing_that_counts_gives_one():
    assert global_normalizer(torch.tensor([-100]), ignore_index=-100) == 1
    assert global_normalizer([]) == 1


def test_gradients_are_averaged_or_summed():
    with pytest.raises(ParameterError, match="gradients must be one of"):
        global_normalizer(torch.tensor([1]), gradients="added")

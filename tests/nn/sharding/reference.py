"""The same losses on one process, by NumPy's `luce.losses`."""

from typing import Any

import numpy as np
from nn.sharding import cases

from luce.losses import linear_cross_entropy_grad


def expected(target: str, options: str) -> Any:
    """Loss and gradients of all classes in float64."""
    given = cases.options_for(target, options)
    if "weight" in given:
        given["class_weight"] = given.pop("weight")
    return linear_cross_entropy_grad(
        cases.HIDDEN, cases.WEIGHT, cases.TARGETS[target], cases.BIAS, **given
    )


def assert_same(ranks: list[dict[str, Any]], exact: Any, within: float) -> None:
    """Assert that every process has the loss and the rows' gradient, and together the weights'."""
    for one in ranks:
        np.testing.assert_allclose(one["loss"], exact.loss, rtol=0, atol=within)
        np.testing.assert_allclose(one["hidden"], exact.grad_hidden, rtol=0, atol=within)
    weight = np.concatenate([one["weight"].numpy() for one in ranks])
    bias = np.concatenate([one["bias"].numpy() for one in ranks])
    np.testing.assert_allclose(weight, exact.grad_weight, rtol=0, atol=within)
    np.testing.assert_allclose(bias, exact.grad_bias, rtol=0, atol=within)

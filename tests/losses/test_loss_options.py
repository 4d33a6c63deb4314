"""Every option of the cross-entropy with every other, against the formula in 200 digits."""

from itertools import combinations

import numpy as np
import pytest
import reference
from numpy.testing import assert_array_equal
from reference.loss_options import OWN_ERROR

from luce.losses import cross_entropy, cross_entropy_grad, cross_entropy_hvp

K, N = 4, 5
CHOICES = [
    ("target", "one-hot"),
    ("target", "soft"),
    ("axis", 0),
    ("weight", True),
    ("weighting", "row"),
    ("label_smoothing", 0.2),
    ("ignore_index", 2),
    ("temperature", 0.7),
    ("temperature", 4.0),
    ("softcap", 3.0),
    ("softcap", 30.0),
    ("z_loss", 0.03),
    ("focal_gamma", 0.5),
    ("focal_gamma", 1.0),
    ("focal_gamma", 2.5),
    ("reduction", "none"),
    ("reduction", "sum"),
    ("normalizer", 7.0),
]


def possible(options):
    soft = options.get("target", "labels") != "labels"
    if soft and "ignore_index" in options:
        return False
    return "normalizer" not in options or options.get("reduction", "mean") == "mean"


PAIRS = [
    dict(pair)
    for pair in combinations(CHOICES, 2)
    if pair[0][0] != pair[1][0] and possible(dict(pair))
]


def many_at_once(count, seed):
    """Draw options that hold about half of all choices each."""
    rng = np.random.default_rng(seed)
    drawn = []
    while len(drawn) < count:
        taken = dict(one for one in CHOICES if rng.random() < 0.5)
        if possible(taken):
            drawn.append(taken)
    return drawn


def example(options, dtype, spread, n=N, k=K):
    """Return logits, a target, a vector and the options as luce takes them."""
    rng = np.random.default_rng(17)
    z, v = rng.normal(0, spread, (n, k)).astype(dtype), rng.normal(0, 1, (n, k)).astype(dtype)
    z[0] = np.sort(z[0])[::-1] * 3  # a clear winner, which is the label
    y = np.append(0, rng.integers(0, k, n - 1))
    w = np.append([0.0, 1.5], rng.uniform(0.2, 3, k - 2))[rng.permutation(k)]
    q = rng.dirichlet(np.full(k, 0.5), n).astype(dtype)
    q[0, 0] = 0
    options = {"axis": -1} | options
    target = {"labels": y, "one-hot": np.eye(k, dtype=int)[y], "soft": q / q.sum(1)[:, None]}
    if "ignore_index" in options:
        y[1] = options["ignore_index"]
    options["weight"] = w if options.get("weight") else None
    return z, target[options.pop("target", "labels")], v, options


def check(options, dtype, spread):
    z, target, v, options = example(options, dtype, spread)
    axis = options.pop("axis")

    def turned(array):
        return np.moveaxis(array, -1, axis) if np.ndim(array) == 2 else array

    arguments = turned(z), turned(target)
    loss, grad = cross_entropy_grad(*arguments, axis=axis, **options)
    assert_array_equal(cross_entropy(*arguments, axis=axis, **options), loss)
    product = cross_entropy_hvp(*arguments, turned(v), axis=axis, **options)
    assert grad.shape == product.shape == arguments[0].shape
    assert grad.dtype == product.dtype == z.dtype

    exact = reference.cross_entropy_answer(z, target, v, **options)
    more, more_slope = allowances(z, options, dtype)
    bound = reference.promised(cross_entropy, dtype) + more
    units = [unit.loss for unit in exact.units]
    if options.get("reduction", "mean") == "none":
        assert_close(loss, exact.losses, units, bound, dtype)
    else:
        assert_close([loss], [sum(exact.losses)], [sum(units)], 2 * bound, dtype)
    for got, values, which, function, part in (
        (grad, exact.gradient, 1, cross_entropy_grad, "gradient"),
        (product, exact.product, 2, cross_entropy_hvp, ""),
    ):
        bound = reference.promised(function, dtype, of=part) + more + more_slope
        for row, value, unit in zip(np.moveaxis(got, axis, -1), values, exact.units, strict=True):
            assert_close(row, value, unit[which], bound, dtype)


def allowances(z, options, dtype):
    """Return what the docstrings add for float64: to all bounds, and to those of derivatives."""
    if dtype == "float32":
        return 0, 0
    gamma, cap = options.get("focal_gamma", 0), options.get("softcap")
    more, slope = 2 * gamma, 2 * (options.get("z_loss", 0) > 0)
    if cap:
        largest = np.abs(cap * np.tanh(z / cap)).max() / options.get("temperature", 1)
        more += 4 * (1 + gamma) * largest
        slope += 2 * np.abs(z / cap).max()
    return more, slope


def assert_close(got, exact, units, bound, dtype):
    """Raise unless errors are within the bound, in units of the terms that may cancel."""
    for one, value, unit in zip(got, exact, units, strict=True):
        error = max(0, abs(float(one) - value) - OWN_ERROR) / reference.spacing(
            max(abs(value), unit), dtype
        )
        assert error <= bound, f"{error} ULP, promised {bound}: got {one!r}, exact {value}"


@pytest.mark.once
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("options", PAIRS, ids=str)
def test_every_pair_of_options_keeps_the_promise(options, dtype):
    check(options, dtype, spread=3)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("spread", [0.5, 6, 25])
@pytest.mark.parametrize("options", many_at_once(12, seed=1), ids=str)
def test_many_options_together_keep_the_promise(options, spread, dtype):
    check(options, dtype, spread)


def test_an_unlikely_label_of_weight_0_keeps_the_promise():
    # Its gradient is its probability times what the smoothing adds: exp of a far logit, alone.
    options = {"weight": True, "label_smoothing": 0.2, "temperature": 4.0, "z_loss": 0.03}
    check(options, "float64", spread=60)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("options", many_at_once(500, seed=2), ids=str)
def test_random_options_keep_the_promise(options, dtype):
    for spread in (0.1, 3, 12, 60):
        check(options, dtype, spread)

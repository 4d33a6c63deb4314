"""luce.nn.functional and luce.losses: the same losses and gradients for any pair of options."""

from itertools import combinations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from luce import losses
from luce.nn import functional
from luce.nn.functional.cross_entropy import composed_cross_entropy
from luce.nn.options import checked

pytestmark = pytest.mark.once

K, N = 5, 9
CHOICES = [
    ("target", "one-hot"),
    ("target", "soft"),
    ("weight", True),
    ("weighting", "row"),
    ("label_smoothing", 0.2),
    ("ignore_index", 2),
    ("temperature", 0.7),
    ("softcap", 3.0),
    ("z_loss", 0.03),
    ("focal_gamma", 0.5),
    ("focal_gamma", 2.0),
    ("reduction", "none"),
    ("reduction", "sum"),
    ("normalizer", 7.0),
    ("empty", "zero"),
]
DTYPES = [torch.float32, torch.float64]


def possible(options):
    if options.get("target", "labels") != "labels" and "ignore_index" in options:
        return False
    return "normalizer" not in options or options.get("reduction", "mean") == "mean"


PAIRS = [
    dict(pair)
    for pair in combinations(CHOICES, 2)
    if pair[0][0] != pair[1][0] and possible(dict(pair))
]
MANY = [
    {"label_smoothing": 0.1, "weight": True, "z_loss": 0.02, "softcap": 4.0, "focal_gamma": 1.5},
    {"target": "soft", "weight": True, "weighting": "row", "temperature": 1.3, "z_loss": 0.02},
    {"ignore_index": 1, "weight": True, "weighting": "row", "focal_gamma": 1.0, "softcap": 2.0},
]
OPTIONS = pytest.mark.parametrize("options", [{}, *PAIRS, *MANY], ids=str)


def example(options, dtype):
    """Return logits, a target, class weights or None, and the options that remain."""
    rng = np.random.default_rng(7)
    options = dict(options)
    z = torch.tensor(rng.normal(0, 3, (3, N // 3, K)), dtype=dtype)
    z[0, 0, 1], z[2, 2] = -np.inf, torch.tensor([40.0, 0, 0, 0, 0])
    y = rng.integers(0, K, (3, N // 3))
    y[0, 0], y[2, 2] = 2, 0
    q = rng.dirichlet(np.ones(K), (3, N // 3))
    q[0, 0, 1], q[0, 0, 0] = 0, q[0, 0, 0] + q[0, 0, 1]
    target = {"labels": y, "one-hot": np.eye(K)[y], "soft": q}[options.pop("target", "labels")]
    if options.get("label_smoothing"):
        z[0, 0, 1] = -2.0  # a smoothed target asks for every class
    weight = torch.tensor([0.0, 0.5, 1, 2, 1.5]) if options.pop("weight", False) else None
    return z.requires_grad_(), torch.tensor(target), weight, options


def assert_twins(loss, z, exact, grad):
    single = z.dtype == torch.float32
    rtol, scale = (3e-6 if single else 1e-12), np.abs(grad).max() + 1e-300
    assert loss.dtype == z.dtype
    assert_allclose(loss.detach().numpy(), exact, rtol=rtol, atol=1e-37 if single else 0)
    (slope,) = torch.autograd.grad(loss.sum(), z)
    assert_allclose(slope.numpy(), grad, rtol=3e-5 if single else 1e-10, atol=rtol * 1e-2 * scale)


@OPTIONS
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cross_entropy_is_that_of_arrays(options, dtype):
    z, target, weight, options = example(options, dtype)
    w = None if weight is None else weight.numpy()
    exact, grad = losses.cross_entropy_grad(z.detach().numpy(), target.numpy(), weight=w, **options)
    loss = functional.cross_entropy(z, target, weight=weight, **options)
    assert_twins(loss, z, exact, grad)
    with torch.no_grad():
        assert_allclose(
            functional.cross_entropy(z, target, weight=weight, **options).numpy(), loss.detach()
        )


@OPTIONS
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_torchs_operations_give_what_the_kernels_give(options, dtype):
    z, target, weight, options = example(options, dtype)
    w = None if weight is None else weight.numpy()
    exact, grad = losses.cross_entropy_grad(z.detach().numpy(), target.numpy(), weight=w, **options)
    loss = composed_cross_entropy(z, target, weight, -1, checked(**options)[1])
    assert_twins(loss, z, exact, grad)


@OPTIONS
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_linear_cross_entropy_is_that_of_arrays(options, dtype):
    _, target, weight, options = example(options, dtype)
    rng = np.random.default_rng(3)
    layer = [
        torch.tensor(rng.integers(-8, 9, shape) / 8, dtype=dtype, requires_grad=True)
        for shape in ((3, N // 3, 4), (K, 4), (K,))
    ]
    h, w, b = (one.detach().numpy() for one in layer)
    class_weight = None if weight is None else weight.numpy()
    exact, *grads = losses.linear_cross_entropy_grad(
        h, w, target.numpy(), b, class_weight=class_weight, **options
    )
    loss = functional.linear_cross_entropy(
        layer[0], layer[1], target, layer[2], class_weight=weight, **options
    )
    rtol = 3e-6 if dtype == torch.float32 else 1e-12
    assert loss.dtype == dtype
    assert_allclose(loss.detach().numpy(), exact, rtol=rtol, atol=rtol)
    for got, grad in zip(torch.autograd.grad(loss.sum(), layer), grads, strict=True):
        assert_allclose(got.numpy(), grad, rtol=rtol, atol=2 * rtol)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_log_softmax_is_that_of_arrays(dim, dtype):
    from luce.functions import log_softmax, log_softmax_vjp

    rng = np.random.default_rng(5)
    z = torch.tensor(rng.normal(0, 10, (4, 6, 5)), dtype=dtype, requires_grad=True)
    g = torch.tensor(rng.normal(0, 1, z.shape), dtype=dtype)
    result = functional.log_softmax(z, dim, temperature=0.7)
    assert np.array_equal(
        result.detach().numpy(), log_softmax(z.detach().numpy(), dim, temperature=0.7)
    )
    (slope,) = torch.autograd.grad(result, z, g)
    exact = log_softmax_vjp(z.detach().numpy(), g.numpy(), dim, temperature=0.7)
    assert np.array_equal(slope.numpy(), exact)

"""Losses that have a twin in luce.losses: the same values and gradients, by both ways."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from luce import losses
from luce.errors import DataError, LabelError, ParameterError, ShapeError
from luce.nn import functional

pytestmark = pytest.mark.once

RNG = np.random.default_rng(8)
X, V = RNG.normal(0, 3, (6, 4)), RNG.normal(0, 3, (6, 4))
C = RNG.uniform(-1, 1, (6, 4))
Q = RNG.dirichlet(np.ones(4), 6)
ZEROS = np.where(Q < 0.2, 0.0, Q) / np.where(Q < 0.2, 0.0, Q).sum(1, keepdims=True)
Y = np.array([0, 3, 2, 2, 1, 0])
W = np.array([0.5, 1.0, 2.0, 0.0])
D, SAME = RNG.uniform(0, 2, (6, 4)), RNG.random((6, 4)) < 0.5

# name: (first argument, others by position, options)
CASES = [
    ("kl_divergence", X, (Q,), {"temperature": 2.0}),
    ("kl_divergence", X, (ZEROS,), {}),
    ("distillation", X, (V,), {"temperature": 3.0}),
    ("distillation", X, (V, Y), {"temperature": 3.0, "alpha": 0.25, "ignore_index": 2}),
    ("distillation", X, (V, Y), {"alpha": 0.0}),
    ("distillation", X, (V, Y), {"alpha": 0.4, "weight": W, "ignore_index": 0}),
    ("arcface", C, (Y,), {"scale": 16.0}),
    ("arcface", C, (Y,), {"scale": 8.0, "margin": 1.2, "weight": W, "ignore_index": 2}),
    ("cosface", C, (Y,), {"scale": 16.0, "margin": 0.2, "weight": W}),
    ("info_nce", X, (Y,), {"ignore_index": 0, "temperature": 0.5}),
    ("info_nce", X[:4], (), {"symmetric": True, "temperature": 0.5}),
    ("contrastive", D, (SAME,), {"margin": 1.3}),
]
HOW = [
    {},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"normalizer": 7.0},
]


def tensors(options):
    return {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "x", "others", "options"), CASES)
def test_they_are_those_of_arrays(name, x, others, options, dtype, how):
    z = torch.tensor(x, dtype=dtype, requires_grad=True)
    cast = [torch.tensor(o, dtype=dtype if o.dtype == np.float64 else None) for o in others]
    twin = getattr(losses, f"{name}_grad")
    exact, grad = twin(
        z.detach().double().numpy(), *[o.double().numpy() if o.is_floating_point() else o.numpy()
        for o in cast], **options, **how,
    )  # fmt: skip
    loss = getattr(functional, name)(z, *cast, **tensors(options), **how)
    rtol = 1e-5 if dtype == torch.float32 else 1e-12
    assert loss.dtype == dtype
    assert_allclose(loss.detach(), exact, rtol=rtol)
    (slope,) = torch.autograd.grad(loss.sum(), z)
    assert_allclose(slope, grad, rtol=rtol, atol=rtol * np.abs(grad).max())


@pytest.mark.parametrize(("name", "x", "others", "options"), CASES)
def test_operations_give_what_the_arrays_give(name, x, others, options):
    """Under vmap nothing goes through the arrays; a batch of one is the same loss."""
    exact, grad = getattr(losses, f"{name}_grad")(x, *others, **options)

    def loss(z):
        cast = [torch.tensor(o) for o in others]
        return getattr(functional, name)(z, *cast, **tensors(options))

    slope, got = torch.func.vmap(torch.func.grad_and_value(loss))(torch.tensor(x)[None])
    assert_allclose(got[0], exact, rtol=1e-12)
    assert_allclose(slope[0], grad, rtol=1e-10, atol=1e-13)


def test_student_and_teacher_that_nearly_agree():
    z, v = torch.tensor([0.0, 1e-9]), torch.tensor([0.0, 0.0])
    assert_allclose(functional.distillation(z, v).item(), 1.25e-19, rtol=1e-5)


@pytest.mark.parametrize("name", ["arcface", "cosface"])
@pytest.mark.parametrize("transform", [lambda f: f, torch.func.vmap], ids=["arrays", "operations"])
def test_cosines_at_and_beyond_one(name, transform):
    c = torch.tensor([[1.0000001, 0.2], [-1.0, 0.5], [0.2, -torch.inf]], dtype=torch.float32)
    y = torch.tensor([0, 0, 0])
    function = getattr(functional, name)
    slope = (
        transform(torch.func.grad(lambda c: function(c, y, scale=4.0)))(c[None])[0]
        if (transform is torch.func.vmap)
        else torch.autograd.grad(function(c.requires_grad_(), y, scale=4.0), c)[0]
    )
    exact = getattr(losses, f"{name}_grad")(c.detach().numpy(), y.numpy(), scale=4.0)
    assert_allclose(slope, exact.grad, rtol=1e-5)


def test_means_of_nothing():
    nothing = torch.zeros(0, 3)
    assert functional.kl_divergence(nothing, nothing).isnan()
    assert functional.distillation(nothing, nothing, empty="zero") == 0
    with pytest.raises(DataError, match="at least one row"):
        functional.kl_divergence(nothing, nothing, empty="raise")
    with pytest.raises(DataError, match="at least one row"):
        functional.contrastive(nothing, nothing, empty="raise")
    assert functional.contrastive(nothing, nothing, empty="zero") == 0


def test_bad_arguments():
    z = torch.zeros(2, 3)
    with pytest.raises(ShapeError, match="teacher_logits"):
        functional.distillation(z, z[:1])
    with pytest.raises(ParameterError, match="alpha"):
        functional.distillation(z, z, alpha=0.5)
    with pytest.raises(LabelError, match="sum to 1"):
        functional.kl_divergence(z, z + 1)
    with pytest.raises(DataError, match="cosines"):
        functional.arcface(z + 2, torch.tensor([0, 1]))
    with pytest.raises(LabelError, match=r"0\.\.2"):
        functional.cosface(z, torch.tensor([0, 3]))
    with pytest.raises(ShapeError, match="similarities"):
        functional.info_nce(torch.zeros(3, 2))
    with pytest.raises(ShapeError, match="same"):
        functional.contrastive(z, z[0])

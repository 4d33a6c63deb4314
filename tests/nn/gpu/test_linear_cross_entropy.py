"""The fused linear loss on a GPU against luce.losses: chunks, options, dtypes."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from luce import losses
from luce.errors import ShapeError
from luce.nn import functional, gpu

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),
]

N, D, K = 12, 5, 40
OPTIONS = [
    {},
    {"reduction": "sum", "softcap": 3.0},
    {"reduction": "none", "temperature": 0.5},
    {"ignore_index": 7, "label_smoothing": 0.1, "z_loss": 0.01, "weight": True},
    {"normalizer": 5.0, "weight": True, "weighting": "row", "ignore_index": 7},
]


@pytest.fixture
def kernels(device, monkeypatch):
    from luce.nn.gpu import linear_cross_entropy

    monkeypatch.setattr(gpu, "takes", lambda *_: True)
    default = linear_cross_entropy.solved

    def in_chunks(problem, wanted, g):
        return default(problem, wanted, g, workspace=5 * K * problem.hidden.element_size())

    monkeypatch.setattr(linear_cross_entropy, "solved", in_chunks)
    return linear_cross_entropy


def example(device, dtype=torch.float32, bias=True):
    rng = np.random.default_rng(3)
    layer = [
        torch.tensor(rng.integers(-8, 9, shape) / 8, dtype=dtype, device=device).requires_grad_()
        for shape in ((3, N // 3, D), (K, D), (K,))
    ]
    y = torch.tensor(rng.integers(0, K, (3, N // 3)), device=device)
    y[1, 3] = 7
    return layer[: 3 if bias else 2], y, torch.tensor(rng.uniform(0, 2, K), device=device).float()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_that_of_arrays(kernels, options, bias, device):
    layer, y, weight = example(device, bias=bias)
    options = dict(options)
    class_weight = weight if options.pop("weight", False) else None
    h, w, *b = (one.detach().cpu().double().numpy() for one in layer)
    exact = losses.linear_cross_entropy_grad(
        h, w, y.cpu().numpy(), b[0] if b else None,
        class_weight=None if class_weight is None else class_weight.cpu().numpy(), **options,
    )  # fmt: skip
    if "ignore_index" in options:
        with torch.no_grad():
            layer[0][1, 3] = torch.nan  # an ignored row may hold anything
    loss = functional.linear_cross_entropy(
        layer[0], layer[1], y, layer[2] if bias else None, class_weight=class_weight, **options
    )
    assert_allclose(loss.detach().cpu(), exact.loss, rtol=3e-6)
    grads = torch.autograd.grad(loss.sum(), layer, retain_graph=True)
    again = torch.autograd.grad(loss.sum(), layer)  # through the retained graph
    for got, same, grad in zip(grads, again, exact[1:], strict=False):
        expected = np.asarray(grad)
        assert_allclose(got.cpu(), expected, rtol=1e-5, atol=2e-6 * np.abs(expected).max())
        torch.testing.assert_close(got, same)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_sixteen_bits_lose_no_more_than_their_rounding(kernels, dtype, device):
    layer, y, _ = example(device, dtype)
    exact = losses.linear_cross_entropy_grad(
        *[one.detach().cpu().double().numpy() for one in layer[:2]], y.cpu().numpy(),
        layer[2].detach().cpu().double().numpy(),
    )  # fmt: skip
    loss = functional.linear_cross_entropy(layer[0], layer[1], y, layer[2])
    assert loss.dtype == torch.float32
    bits = {torch.float16: 2**-11, torch.bfloat16: 2**-8}[dtype]
    assert_allclose(loss.item(), exact.loss, rtol=bits)
    for got, grad in zip(torch.autograd.grad(loss, layer), exact[1:], strict=True):
        assert got.dtype == dtype
        unit = np.abs(grad).max()
        assert_allclose(got.cpu().double(), grad, atol=4 * bits * unit)


def test_chunks_fit_the_workspace(kernels):
    spec = None
    hidden, weight = torch.empty(8192, 1), torch.empty(131072, 1)
    problem = kernels.Problem(hidden.bfloat16(), weight.bfloat16(), None, hidden, None, spec)
    rows = problem.chunk(kernels.WORKSPACE)
    assert rows % 128 == 0
    assert rows * 131072 * 2 <= kernels.WORKSPACE
    assert -(-8192 // rows) <= 6
    few = problem._replace(hidden=hidden[:3])
    assert few.chunk(kernels.WORKSPACE) >= 3
    assert problem.chunk(10) == 1


def test_autocast_second_derivatives_and_shapes(kernels, device):
    layer, y, _ = example(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        loss = functional.linear_cross_entropy(layer[0], layer[1], y)
    exact = functional.linear_cross_entropy(layer[0], layer[1], y)
    torch.testing.assert_close(loss, exact, rtol=1e-2, atol=0)
    grads = torch.autograd.grad(loss, layer[:2])
    assert all(one.dtype == torch.float32 for one in grads)
    (slope,) = torch.autograd.grad(exact, layer[1], create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), layer[1])
    assert second.isfinite().all()
    with pytest.raises(ShapeError, match="target"):
        functional.linear_cross_entropy(layer[0], layer[1], y.T)
    frozen = functional.linear_cross_entropy(layer[0].detach(), layer[1], y)
    frozen.backward()
    torch.testing.assert_close(layer[1].grad, slope.detach())


def test_labels_out_of_range_give_nan(kernels, device):
    layer, y, _ = example(device)
    y[0, 0], y[2, 1] = K, -1
    each = functional.linear_cross_entropy(layer[0], layer[1], y, ignore_index=7, reduction="none")
    wrong = torch.zeros_like(y, dtype=torch.bool)
    wrong[0, 0] = wrong[2, 1] = True
    assert torch.equal(each.isnan(), wrong)
    assert functional.linear_cross_entropy(layer[0], layer[1], y, ignore_index=7).isnan()


def test_tied_weights_and_many_gradients_at_once(kernels, device):
    (h, w, _), y, _ = example(device)
    rows, labels = h.detach().reshape(-1, D), y.reshape(-1)
    tied = torch.tanh(rows @ w.T @ w / K)
    loss = functional.linear_cross_entropy(tied, w, labels)
    (again,) = torch.autograd.grad(loss, w, create_graph=True)
    (once,) = torch.autograd.grad(loss, w, retain_graph=True)
    torch.testing.assert_close(again, once)
    factors = torch.tensor([1.0, -2.0], device=device)
    (both,) = torch.autograd.grad(loss, w, factors, is_grads_batched=True)
    torch.testing.assert_close(both, torch.stack([once, -2 * once]))

"""The cross-entropy on a GPU against luce.losses: every option, splits, 16 bits, edge values."""

from itertools import combinations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from luce import losses
from luce.errors import ShapeError
from luce.nn import functional, gpu
from luce.nn.functional.cross_entropy import composed_cross_entropy
from luce.nn.options import checked

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning"),
]

CHOICES = {
    "weight": True,
    "weighting": "row",
    "label_smoothing": 0.2,
    "ignore_index": 2,
    "temperature": 0.7,
    "softcap": 3.0,
    "z_loss": 0.03,
    "reduction": "sum",
    "normalizer": 7.0,
}
PAIRS = [
    {a: CHOICES[a], b: CHOICES[b]}
    for a, b in combinations(CHOICES, 2)
    if {a, b} != {"reduction", "normalizer"}
]
ALL = {**CHOICES, "reduction": "mean"}


@pytest.fixture
def on_kernels(device, monkeypatch):
    """Send everything to the kernels, as for tensors on a GPU."""
    monkeypatch.setattr(gpu, "takes", lambda *_: True)
    return device


def example(options, device, dtype=torch.float32, n=6, k=11):
    rng = np.random.default_rng(7)
    options = dict(options)
    z = torch.tensor(rng.normal(0, 3, (2, n // 2, k)), dtype=dtype)
    y = torch.tensor(rng.integers(0, k, (2, n // 2)))
    z[0, 0], z[0, 0, 4], y[0, 0] = 0.0, 40.0, 4  # a confident row
    y[0, 1], y[1, 0] = 2, 5
    if "label_smoothing" not in options:
        z[1, 1, 0], y[1, 1] = -torch.inf, 3
    weight = None
    if options.pop("weight", False):
        weight = torch.tensor(rng.uniform(0.1, 2, k), dtype=torch.float32)
        weight[5] = 0
    move = [one if one is None else one.to(device) for one in (z, y, weight)]
    return move[0].requires_grad_(), move[1], move[2], options


def twin(z, y, weight, options):
    w = None if weight is None else weight.cpu().numpy()
    logits = z.detach().cpu().double().numpy()
    return losses.cross_entropy_grad(logits, y.cpu().numpy(), weight=w, **options)


@pytest.mark.parametrize("options", [{}, *PAIRS, ALL], ids=str)
def test_it_is_that_of_arrays(options, on_kernels):
    z, y, weight, options = example(options, on_kernels)
    exact, grad = twin(z, y, weight, options)
    loss = functional.cross_entropy(z, y, weight=weight, **options)
    assert loss.dtype == torch.float32
    assert_allclose(loss.detach().cpu(), exact, rtol=5e-6)
    (slope,) = torch.autograd.grad(loss, z)
    assert_allclose(slope.cpu(), grad, rtol=3e-5, atol=3e-7 * np.abs(grad).max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "weight": True, "z_loss": 0.01}])
def test_long_rows_are_split_and_rows_of_their_own(options, on_kernels, dtype):
    z, y, weight, options = example({**options, "reduction": "none"}, on_kernels, dtype, k=9001)
    exact, grad = twin(z, y, weight, options)
    loss = functional.cross_entropy(z, y, weight=weight, **options)
    assert_allclose(loss.detach().cpu(), exact, rtol=1e-5)
    factors = torch.linspace(0.5, 2, 6, device=on_kernels).reshape(2, 3)
    (slope,) = torch.autograd.grad(loss, z, factors)
    bits = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}[dtype]
    expected = grad * factors.cpu().numpy()[..., None]
    assert_allclose(slope.cpu().double(), expected, rtol=bits, atol=bits * np.abs(expected).max())


def test_a_confident_row_has_a_loss_and_a_gradient(on_kernels):
    z, y, _, _ = example({}, on_kernels)
    loss = functional.cross_entropy(z, y, reduction="none")
    assert_allclose(loss[0, 0].item(), 10 * np.exp(-40.0), rtol=1e-4)
    (slope,) = torch.autograd.grad(loss.sum(), z)
    assert_allclose(slope[0, 0, 4].item(), -10 * np.exp(-40.0), rtol=1e-4)


def test_a_common_part_of_the_logits_changes_nothing(on_kernels):
    z, y, _, _ = example({"ignore_index": 2, "label_smoothing": 0.1}, on_kernels)
    rows = (z.detach() * 4).round() / 4  # the sums below are exact
    base = functional.cross_entropy(rows, y, label_smoothing=0.1)
    moved = functional.cross_entropy(rows + 4096.0, y, label_smoothing=0.1)
    torch.testing.assert_close(moved, base, rtol=1e-6, atol=0)


def test_edge_values(on_kernels):
    inf, nan = torch.inf, torch.nan
    z = torch.tensor(
        [[0.0, -inf, 1.0], [nan, 0.0, 0.0], [inf, 0.0, 0.0], [-inf, -inf, -inf], [nan, inf, 1.0]],
        device=on_kernels, requires_grad=True,
    )  # fmt: skip
    y = torch.tensor([1, 0, 0, 0, 2], device=on_kernels)
    loss = functional.cross_entropy(z, y, ignore_index=2, reduction="none")
    assert loss[0] == inf
    assert loss[1:4].isnan().all()
    assert loss[4] == 0
    (slope,) = torch.autograd.grad(loss.sum(), z)
    assert slope[0].isfinite().all()
    assert slope[1:4].isnan().all()
    assert slope[4].eq(0).all()


@pytest.mark.parametrize(("empty", "value"), [("nan", np.nan), ("zero", 0.0)])
def test_the_mean_of_nothing_has_a_gradient_of_zero(on_kernels, empty, value):
    z = torch.zeros(2, 3, device=on_kernels, requires_grad=True)
    y = torch.tensor([1, 1], device=on_kernels)
    loss = functional.cross_entropy(z, y, ignore_index=1, empty=empty)
    assert_allclose(loss.item(), value)
    (slope,) = torch.autograd.grad(loss, z)
    assert slope.eq(0).all()


def test_second_derivatives_other_dimensions_and_shapes(on_kernels):
    z, y, _, _ = example({}, on_kernels)
    loss = functional.cross_entropy(z, y)
    (slope,) = torch.autograd.grad(loss, z, create_graph=True)
    slope.square().sum().backward()
    assert z.grad.isfinite().all()
    moved = functional.cross_entropy(z.movedim(-1, 0), y, dim=0)
    torch.testing.assert_close(moved, loss)
    with pytest.raises(ShapeError, match="target"):
        functional.cross_entropy(z, y.T)


def test_logits_of_any_layout_can_be_differentiated_twice(on_kernels):
    z, y, _, _ = example({"label_smoothing": 0.1}, on_kernels)
    columns = z.detach().movedim(-1, 0).contiguous().requires_grad_()  # rows are not contiguous
    second = []
    for loss in (
        functional.cross_entropy(columns, y, dim=0),
        composed_cross_entropy(columns, y, None, 0, checked()[1]),
    ):
        (slope,) = torch.autograd.grad(loss, columns, create_graph=True)
        second += torch.autograd.grad(slope.square().sum(), columns)
    torch.testing.assert_close(*second)


@pytest.mark.parametrize("k", [11, 9001])
@pytest.mark.parametrize("ignored", [None, 2])
def test_labels_out_of_range_give_nan_and_read_nothing(k, ignored, on_kernels):
    z, y, weight, _ = example({"label_smoothing": 0.1, "weight": True}, on_kernels, k=k)
    wrong = y.clone()
    wrong[0, 1], wrong[1, 0], wrong[1, 2] = -1, k, 10**12
    options = {"weight": weight, "label_smoothing": 0.1, "ignore_index": ignored}
    loss = functional.cross_entropy(z, wrong, reduction="none", **options)
    right = functional.cross_entropy(z, y, reduction="none", **options)
    bad = wrong != y
    assert torch.equal(loss.isnan(), bad)
    assert torch.equal(loss[~bad], right[~bad])
    (slope,) = torch.autograd.grad(loss.sum(), z)
    assert torch.equal(slope.isnan().all(-1), bad)
    assert torch.equal(slope.isfinite().all(-1), ~bad)
    for reduction in ("mean", "sum"):
        assert functional.cross_entropy(z, wrong, reduction=reduction, **options).isnan()


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_many_gradients_of_the_loss_may_come_at_once(on_kernels, reduction):
    z, y, _, _ = example({"label_smoothing": 0.1}, on_kernels)
    loss = functional.cross_entropy(z, y, reduction=reduction)
    slopes = torch.eye(max(loss.numel(), 2), device=on_kernels)[:2, : loss.numel()]
    slopes = slopes.reshape(2, *loss.shape)
    (both,) = torch.autograd.grad(loss, z, slopes, is_grads_batched=True, retain_graph=True)
    for slope, got in zip(slopes, both, strict=True):
        (alone,) = torch.autograd.grad(loss, z, slope, retain_graph=True)
        torch.testing.assert_close(got, alone)


@pytest.mark.parametrize("z", [0.0, 1e-4, 0.2, 0.34, 0.36, 1.0, 8.0, 100.0])
def test_the_softcap_keeps_its_digits(z, on_kernels):
    logits = torch.tensor([[z, -z]], device=on_kernels)
    loss = functional.cross_entropy(logits, torch.tensor([0], device=on_kernels), softcap=1.0)
    exact = losses.cross_entropy(logits.cpu().double().numpy(), [0], softcap=1.0)
    assert_allclose(loss.item(), exact, rtol=3e-7)

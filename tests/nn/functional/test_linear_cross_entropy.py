"""The fused loss of a linear layer of tensors: derivatives, dtypes, memory, what is left out."""

import tracemalloc

import numpy as np
import pytest
import torch

from luce import losses
from luce.errors import DataError, LabelError, ShapeError
from luce.nn.functional import cross_entropy, linear_cross_entropy
from luce.nn.functional.linear_cross_entropy import _composed
from luce.nn.options import checked

pytestmark = pytest.mark.once

EVERYTHING = {
    "label_smoothing": 0.1,
    "temperature": 1.3,
    "softcap": 8.0,
    "z_loss": 0.01,
    "focal_gamma": 1.5,
    "ignore_index": -1,
}


def composed(hidden, weight, target, bias=None, class_weight=None, **options):
    return _composed(hidden, weight, bias, target, class_weight, checked(**options)[1])


def layer(n=6, k=5, d=4, dtype=torch.float64, seed=0):
    """Return rows, weights and a bias that need gradients, and labels."""
    source = torch.Generator().manual_seed(seed)
    parts = [
        torch.randn(*shape, generator=source, dtype=torch.float64).to(dtype).requires_grad_()
        for shape in ((n, d), (k, d), (k,))
    ]
    return parts, torch.randint(k, (n,), generator=source)


def some_ignored(y):
    return torch.where(torch.arange(len(y)) % 3 == 1, -1, y)


@pytest.mark.parametrize("loss_of", [linear_cross_entropy, composed])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_derivatives_are_those_of_differences(loss_of, reduction):
    parts, y = layer()
    options = EVERYTHING | {"reduction": reduction}

    def loss(h, w, b):
        return loss_of(h, w, some_ignored(y), b, **options)

    assert torch.autograd.gradcheck(loss, parts)
    assert torch.autograd.gradgradcheck(loss, parts, fast_mode=True)


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_loss_of_the_logits(options, dtype):
    (h, w, b), y = layer(40, 300, 8, dtype)
    y = some_ignored(y) if options else y
    loss = linear_cross_entropy(h, w, y, b, **options)
    expected = cross_entropy(torch.nn.functional.linear(h, w, b), y, **options)
    torch.testing.assert_close(loss, expected)
    for got, exact in zip(
        torch.autograd.grad(3 * loss, [h, w, b]),
        torch.autograd.grad(3 * expected, [h, w, b]),
        strict=True,
    ):
        torch.testing.assert_close(got, exact)


@pytest.mark.parametrize("asked", [(0,), (1,), (2,), (0, 2), (1, 2)], ids=str)
def test_only_gradients_that_are_asked_for_are_computed(asked):

    parts, y = layer()
    every = torch.autograd.grad(linear_cross_entropy(*parts[:2], y, parts[2]), parts)
    given = [one if i in asked else one.detach() for i, one in enumerate(parts)]
    loss = linear_cross_entropy(*given[:2], y, given[2])
    kept = loss.grad_fn.gradients
    assert [one is not None for one in kept] == [i in asked for i in range(3)]
    loss.backward()
    for i in asked:
        torch.testing.assert_close(parts[i].grad, every[i])
    with torch.no_grad():
        assert linear_cross_entropy(*parts[:2], y, parts[2]).grad_fn is None


def test_a_retained_graph_gives_the_same_gradients_again():
    parts, y = layer()
    loss = -2 * linear_cross_entropy(*parts[:2], y, parts[2])
    first = [one.clone() for one in torch.autograd.grad(loss, parts, retain_graph=True)]
    again = torch.autograd.grad(loss, parts, retain_graph=True)
    differentiable = torch.autograd.grad(loss, parts, create_graph=True)
    for one, two, three in zip(first, again, differentiable, strict=True):
        assert torch.equal(one, two)
        torch.testing.assert_close(one, three)


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
def test_each_row_may_have_its_own_factor(options):
    parts, y = layer()
    y = some_ignored(y) if options else y
    factors = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0, -1.0], dtype=torch.float64)
    loss = linear_cross_entropy(*parts[:2], y, parts[2], **options, reduction="none")
    plain = composed(*parts[:2], y, parts[2], **options, reduction="none")
    for got, exact in zip(
        torch.autograd.grad(loss, parts, factors),
        torch.autograd.grad(plain, parts, factors),
        strict=True,
    ):
        torch.testing.assert_close(got, exact)


def test_weights_that_are_used_twice_have_the_sum_of_their_gradients():
    (h, w, _), y = layer()
    alone = [torch.autograd.grad(linear_cross_entropy(one * h, w, y), w)[0] for one in (1, 2)]
    (both,) = torch.autograd.grad(
        linear_cross_entropy(h, w, y) + linear_cross_entropy(2 * h, w, y), w
    )
    torch.testing.assert_close(both, alone[0] + alone[1])


@pytest.mark.parametrize("loss_of", [linear_cross_entropy, composed])
def test_rows_that_do_not_count_reach_no_gradient(loss_of):
    (h, w, b), y = layer()
    y = torch.tensor([0, -1, 1, 2, 0, 1])
    with torch.no_grad():
        h[1], h[3] = torch.nan, torch.inf
    class_weight = torch.tensor([1.0, 1, 0, 1, 1], dtype=torch.float64)
    loss = loss_of(h, w, y, b, class_weight=class_weight, ignore_index=-1)
    loss.backward()
    kept = [0, 2, 4, 5]
    expected = linear_cross_entropy(h[kept], w, y[kept], b)
    torch.testing.assert_close(loss, expected)
    slopes = torch.autograd.grad(expected, [w, b])
    torch.testing.assert_close([w.grad, b.grad], list(slopes))
    assert not h.grad[[1, 3]].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gradients_of_sixteen_bits_are_rounded_once(dtype):
    parts, y = layer(30, 50, 8, dtype)
    wide = [one.detach().float().requires_grad_() for one in parts]
    loss = linear_cross_entropy(*parts[:2], y, parts[2])
    exact = linear_cross_entropy(*wide[:2], y, wide[2])
    assert loss.dtype == torch.float32
    assert torch.equal(loss, exact)
    for got, expected in zip(
        torch.autograd.grad(loss, parts), torch.autograd.grad(exact, wide), strict=True
    ):
        assert torch.equal(got, expected.to(dtype))


def test_dtypes_may_differ():
    (h, w, b), y = layer(dtype=torch.float32)
    narrow = h.detach().bfloat16().requires_grad_()
    loss = linear_cross_entropy(narrow, w, y, b)
    torch.testing.assert_close(loss, composed(narrow, w, y, b))
    loss.backward()
    assert narrow.grad.dtype == torch.bfloat16
    assert w.grad.dtype == torch.float32


def test_autocast_does_not_narrow_the_loss():
    (h, w, b), y = layer(30, 50, 8, torch.float32)
    exact = linear_cross_entropy(h, w, y, b)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(linear_cross_entropy(h, w, y, b), exact)


@pytest.mark.parametrize("shape", ["transposed", "expanded", "strided"])
def test_any_layout_of_memory(shape):
    (h, w, _), y = layer(6, 6, 6)
    if shape == "transposed":
        h, w = h.T, w.T
    elif shape == "expanded":
        h = h[:1].expand(6, 6)
    else:
        h, w = h.repeat(2, 2)[::2, ::2], w.repeat(2, 2)[::2, ::2]
    h, w = h.detach().requires_grad_(), w.detach().requires_grad_()
    for got, exact in zip(
        torch.autograd.grad(linear_cross_entropy(h, w, y), [h, w]),
        torch.autograd.grad(composed(h, w, y), [h, w]),
        strict=True,
    ):
        torch.testing.assert_close(got, exact)


def test_all_logits_are_never_held():
    n, k, d = 1200, 3000, 8
    (h, w, b), y = layer(n, k, d, torch.float32)
    linear_cross_entropy(h, w, y, b).backward()
    tracemalloc.start()
    loss = linear_cross_entropy(h, w, y, b)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 4 * n * k / 16 < peak < 4 * n * k / 3 + 200_000  # the logits of a chunk are seen
    loss.backward()


def test_gradients_are_closer_to_float64_than_torchs():
    (h, w, _), y = layer(300, 2000, 64, torch.float32)
    w = (w.detach() / 8).requires_grad_()
    wide = [one.detach().double().requires_grad_() for one in (h, w)]
    exact = torch.autograd.grad(composed(*wide, y), wide)
    ours = torch.autograd.grad(linear_cross_entropy(h, w, y), [h, w])
    plain = torch.nn.functional.cross_entropy(torch.nn.functional.linear(h, w), y)
    theirs = torch.autograd.grad(plain, [h, w])
    for one, other, right in zip(ours, theirs, exact, strict=True):
        assert 9 * (one - right).square().mean() < (other - right).square().mean()


def test_equals_torchs_own():
    if not hasattr(torch.nn.functional, "linear_cross_entropy"):
        pytest.skip("torch before 2.13")
    (h, w, b), y = layer()
    torch.testing.assert_close(
        linear_cross_entropy(h, w, y, b, label_smoothing=0.1),
        torch.nn.functional.linear_cross_entropy(h, w, y, linear_bias=b, label_smoothing=0.1),
    )


def test_is_the_twin_of_the_loss_of_arrays_bit_for_bit():
    (h, w, b), y = layer(30, 50, 8, torch.float32)
    arrays = [one.detach().numpy() for one in (h, w, b)]
    exact = losses.linear_cross_entropy_grad(*arrays[:2], y.numpy(), arrays[2])
    loss = linear_cross_entropy(h, w, y, b)
    assert loss.item() == np.float32(exact.loss)
    for got, expected in zip(torch.autograd.grad(loss, [h, w, b]), exact[1:], strict=True):
        assert np.array_equal(got.numpy(), expected)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"weight": torch.zeros(4, 5)}, ShapeError, "weight must have shape"),
        ({"bias": torch.zeros(4)}, ShapeError, "bias must hold one number"),
        ({"target": torch.full((6,), 9)}, LabelError, "labels must lie in 0..4"),
        ({"hidden": torch.zeros(7, 4)}, ShapeError, "a label for each row"),
        (
            {"hidden": torch.zeros(0, 4), "target": torch.zeros(0).long(), "empty": "raise"},
            DataError,
            "at least one row",
        ),
    ],
    ids=str,
)
def test_mistakes_are_told(change, error, words):
    given = {"hidden": torch.zeros(6, 4), "weight": torch.zeros(5, 4)}
    given |= {"target": torch.zeros(6).long(), "bias": torch.zeros(5)} | change
    with pytest.raises(error, match=words):
        linear_cross_entropy(**given)

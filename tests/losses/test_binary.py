import warnings
from itertools import product

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.testing import assert_allclose, assert_array_equal
from reference import element_losses as exactly

from luce.errors import DataError, DtypeError, LabelError, ParameterError, ShapeError
from luce.losses import binary_cross_entropy as loss_of
from luce.losses import binary_cross_entropy_grad as grad_of
from luce.losses import cross_entropy_grad

OPTIONS = [
    {},
    {"temperature": 0.7},
    {"focal_gamma": 2.0},
    {"focal_gamma": 0.5, "temperature": 3.0},
    {"label_smoothing": 0.1},
    {"label_smoothing": 1e-9, "focal_gamma": 2.0},
    {"pos_weight": 3.7, "weight": 0.3, "label_smoothing": 0.2, "temperature": 2.0},
    {"pos_weight": 0.2, "focal_gamma": 3.0},
]


def problem(dtype, largest):
    rng = np.random.default_rng(9)
    z = np.concatenate([
        rng.normal(0, 1, 60), rng.normal(0, 10, 60), rng.uniform(-largest, largest, 60),
        [0.0, 1e-9, -1e-9, 17, -17, 20, -20, 40, -40, largest, -largest],
    ]).astype(dtype)  # fmt: skip
    return z, rng.permutation(np.arange(len(z)) % 2).astype(dtype)


def exact_values(z, t, options):
    return [exactly.binary_cross_entropy(a, b, **options) for a, b in zip(z, t, strict=True)]


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("soft", [False, True])
def test_the_promise_is_kept(options, dtype, soft):
    largest = (80 if dtype == "float32" else 600) * min(1, options.get("temperature", 1))
    z, t = problem(dtype, largest / (1 + options.get("focal_gamma", 0)))
    if soft:
        t = np.random.default_rng(2).random(len(z)).astype(dtype)
    values = exact_values(z, t, options)
    got = grad_of(z, t, reduction="none", **options)
    assert_array_equal(loss_of(z, t, reduction="none", **options), got.loss)
    bound = reference.promised(loss_of, dtype)
    assert bound == reference.promised(grad_of, dtype)
    reference.assert_within(bound, got.loss, [one.loss for one in values], dtype)
    assert got.grad.dtype == dtype
    bound = reference.promised(grad_of, dtype, "gradient")
    grads, sizes = ([getattr(one, what) for one in values] for what in ("grad", "size"))
    reference.assert_close(bound, got.grad, grads, sizes, dtype)
    if not soft and not options.get("label_smoothing"):
        reference.assert_within(bound, got.grad, grads, dtype)
    with mp.workdps(60):
        exact = mp.fsum(one.loss for one in values)
        for reduction, count in (("sum", 1), ("mean", len(z))):
            total = mpf(float(loss_of(z, t, reduction=reduction, **options))) * count
            assert abs(total - exact) <= 2 * bound * mpf(2) ** -52 * exact


def test_the_confident_answer_keeps_its_loss_and_gradient():
    for sign, target in ((1, 1), (-1, 0)):
        loss, grad = grad_of([40.0 * sign], [target])
        assert loss == pytest.approx(4.248354255291589e-18, rel=1e-14)
        assert grad[0] == pytest.approx(-sign * 4.248354255291589e-18, rel=1e-14)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_limits_at_infinite_logits(gamma):
    options = {"focal_gamma": gamma, "reduction": "none"}
    z = np.array([-np.inf, np.inf, -np.inf, np.inf, -np.inf, np.inf])
    t = [0, 1, 1, 0, 0.5, 0.5]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, grad = grad_of(z, t, **options)
    assert_array_equal(loss, [0, 0, np.inf, np.inf, np.inf, np.inf])
    assert_array_equal(loss, loss_of(z, t, **options))
    assert_allclose(grad, grad_of(np.sign(z) * 1e6, t, **options).grad, rtol=1e-15)
    assert_array_equal(grad[:4], [0, 0, -1, 1])
    assert_array_equal(loss_of(z[:2], [0, 1], label_smoothing=0.1, reduction="none"), np.inf)


def test_nan_stays_in_its_element_and_weight_zero_leaves_it_out():
    z, t = [1.0, np.nan, 2.0], [1, 1, 0]
    got = grad_of(z, t, reduction="none", focal_gamma=1.0)
    assert_array_equal(np.isnan(got.loss), [False, True, False])
    assert_array_equal(np.isnan(got.grad), [False, True, False])
    for bad in (np.nan, np.inf, -np.inf):
        got = grad_of([1.0, bad], [1, 0], weight=[1, 0])
        assert got.loss == loss_of([1.0], [1]) / 2
        assert got.grad[1] == 0


@given(st.floats(-30, 30), st.floats(0, 1), st.floats(0.2, 5))
def test_it_is_the_cross_entropy_of_two_classes(z, t, temperature):
    loss, grad = grad_of([z], [t], temperature=temperature)
    two = cross_entropy_grad(np.array([0.0, z]) / temperature, [1 - t, t])
    assert_allclose(loss, two.loss, rtol=1e-13)  # the rounding of z / temperature
    assert_allclose(grad[0] * temperature, two.grad[1], rtol=1e-12, atol=1e-15)


@given(st.floats(-20, 20), st.floats(0, 1), st.sampled_from([0.0, 0.5, 2.0]))
def test_the_gradient_is_that_of_finite_differences(z, t, gamma):
    h, options = 1e-5, {"focal_gamma": gamma, "pos_weight": 2.5, "temperature": 1.3}
    slope = (loss_of([z + h], [t], **options) - loss_of([z - h], [t], **options)) / (2 * h)
    assert_allclose(grad_of([z], [t], **options).grad[0], slope, rtol=1e-6, atol=1e-8)


@given(st.floats(-50, 50), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 2.0]))
def test_both_answers_are_alike(z, t, gamma):
    one, other = (grad_of([s * z], [u], focal_gamma=gamma) for s, u in ((1, t), (-1, 1 - t)))
    assert_allclose(one.loss, other.loss, rtol=1e-14)
    assert_allclose(one.grad, -other.grad, rtol=1e-13, atol=1e-18)


def test_the_formulas_of_pytorch_and_torchvision():
    """Written out for moderate logits, where they are accurate: torch's own reductions too."""
    rng = np.random.default_rng(4)
    z, t, w = rng.normal(0, 2, (3, 5)), rng.random((3, 5)), rng.uniform(0, 2, 5)
    p = 1 / (1 + np.exp(-z))
    bce = -(3.0 * t * np.log(p) + (1 - t) * np.log(1 - p))
    assert_allclose(loss_of(z, t, pos_weight=3.0, weight=w), (w * bce).mean(), rtol=1e-13)
    bce = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    focal = bce * (1 - (p * t + (1 - p) * (1 - t))) ** 2
    assert_allclose(loss_of(z, t, focal_gamma=2.0, reduction="none"), focal, rtol=1e-12)
    smooth = loss_of(z, 0.8 * t + 0.1)
    assert_allclose(loss_of(z, t, label_smoothing=0.2), smooth, rtol=1e-14)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_pytorch_agrees(dtype):
    torch = pytest.importorskip("torch")
    z, t = problem(dtype, 60)
    c = np.linspace(0.5, 2, len(z)).astype(dtype)
    x = torch.tensor(z, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        x, torch.tensor(t), pos_weight=torch.tensor(c)
    )
    loss.backward()
    got = grad_of(z, t, pos_weight=c)
    assert_allclose(got.loss, loss.item(), rtol=1e-5)
    assert_allclose(got.grad, x.grad.numpy(), rtol=1e-4, atol=1e-8)


def test_reductions_and_what_there_is_to_average():
    z, t = problem("float64", 60)
    each = grad_of(z, t, reduction="none")
    total = grad_of(z, t, reduction="sum")
    assert_array_equal(total.grad, each.grad)
    assert_allclose(total.loss, each.loss.sum(), rtol=1e-14)
    assert_allclose(grad_of(z, t).grad, each.grad / len(z), rtol=1e-15)
    assert_allclose(loss_of(z, t, normalizer=3.0), total.loss / 3, rtol=1e-15)
    assert np.isnan(loss_of([], []))
    assert loss_of([], [], empty="zero") == 0
    with pytest.raises(DataError, match="a mean needs at least one"):
        loss_of([], [], empty="raise")
    assert loss_of([1.0], [1], weight=0.0) == 0


def test_types_shapes_and_layouts():
    z, t = (one[:180].reshape(12, 15) for one in problem("float64", 60))
    expected = grad_of(z, t, focal_gamma=1.0)
    for other, same in product((np.asfortranarray(z), z[::-1][::-1], z.astype(">f8")), (t, t == 1)):
        got = grad_of(other, same, focal_gamma=1.0)
        assert got.loss == expected.loss
        assert_array_equal(got.grad, expected.grad)
    half = grad_of(z.astype(np.float16), t.astype(np.int8))
    assert half.grad.dtype == np.float16
    assert half.loss == loss_of(z.astype(np.float16).astype(float), t)
    assert grad_of(0.0, 1).grad.shape == ()
    many = np.linspace(-30, 30, 100_000)
    got = grad_of(many, many > 0, reduction="none")
    assert_array_equal(got.grad[-3:], grad_of(many[-3:], [1, 1, 1], reduction="none").grad)


BAD = [
    ([1.0, 2.0], [0, 2], {}, LabelError, "targets must lie in 0..1, got 2.0 at element 1 ("),
    ([[1.0, 2.0]], [[0, -1]], {}, LabelError, "got -1.0 at element (0, 1)"),
    ([1.0], [np.nan], {}, LabelError, "got nan at element 0"),
    ([1.0, 2.0], [[0], [1]], {}, ShapeError, "target must have the shape of logits, (2,), got"),
    ([1.0], [0], {"weight": -1}, ParameterError, "weight must lie in 0..1e+200, got -1.0"),
    ([1.0], [0], {"pos_weight": [-1]}, ParameterError, "pos_weight must lie in 0..1e+200"),
    ([1.0], [0], {"pos_weight": [1, 2]}, ShapeError, "pos_weight must broadcast to the shape of x"),
    ([1.0], [0], {"label_smoothing": 1}, ParameterError, "label_smoothing must lie in [0, 1)"),
    ([1.0], [0], {"temperature": 0}, ParameterError, "temperature must be above 0"),
    ([1.0], [0], {"focal_gamma": -1}, ParameterError, "focal_gamma must be finite and at least 0"),
    ([1.0], [0], {"focal_gamma": 65}, ParameterError, "at most 64"),
    ([1.0], [0], {"reduction": "sums"}, ParameterError, "Did you mean 'sum'?"),
    ([True], [0], {}, DtypeError, "logits must be float32"),
]  # fmt: skip


@pytest.mark.parametrize(("z", "t", "options", "error", "message"), BAD)
@pytest.mark.parametrize("function", [loss_of, grad_of])
def test_bad_arguments(function, z, t, options, error, message):
    with pytest.raises(error) as raised:
        function(z, t, **options)
    assert message in str(raised.value)

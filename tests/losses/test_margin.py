import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import row_losses

from luce.errors import DataError, LabelError, ParameterError
from luce.losses import arcface, arcface_grad, cosface, cosface_grad, cross_entropy_grad

KINDS = {"arcface": (arcface, arcface_grad), "cosface": (cosface, cosface_grad)}


def cosine_rows(dtype):
    """Rows whose label (the first class) is easy, hard, at the ends and where arcface changes."""
    rng = np.random.default_rng(3)
    eps = float(np.finfo(dtype).eps)
    own = [0.0, 0.3, -0.3, 0.9, 0.999999, 1 - eps / 2, 1 - eps, -1.0, -1 + eps, 1e-9]
    own += [-np.cos(0.5) + 1e-6, -np.cos(0.5) - 1e-6, -0.95]
    others = rng.uniform(-1, 1, (len(own), 9))
    others[::3] *= 0.1
    return np.column_stack([own, others]).astype(dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("margin", "scale"), [(0.5, 64.0), (0.35, 30.0), (0.0, 1.0), (1.2, 0.5)])
def test_loss_and_gradient_keep_their_promise(kind, margin, scale, dtype):
    value, value_grad = KINDS[kind]
    unit = max(scale, 1) * (1 + margin) if dtype == "float64" else 1
    for row in cosine_rows(dtype):
        exact = row_losses.margin_loss(row, 0, kind=kind, margin=margin, scale=scale)
        loss, grad = value_grad(row, 0, margin=margin, scale=scale)
        assert loss == value(row, 0, margin=margin, scale=scale)
        bound = reference.promised(value, dtype)
        reference.assert_close(bound, loss, [exact.loss], [unit * exact.loss], dtype)
        with row_losses.mp.workdps(80):
            m, c = row_losses.mpf(margin), row_losses.mpf(float(row[0]))
            if kind == "arcface" and abs(c) == 1 and c > 0:
                continue
            _, slope, size = row_losses.margined(c, kind, m)
            sizes = [unit * abs(g) for g in exact.grad]
            sizes[0] *= size / abs(slope)
        bound = reference.promised(value_grad, dtype, of="gradient")
        reference.assert_close(bound, grad, exact.grad, sizes, dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_no_margin_is_the_cross_entropy_of_scaled_cosines(kind, dtype):
    rng = np.random.default_rng(0)
    c, y = rng.uniform(-1, 1, (20, 7)).astype(dtype), rng.integers(0, 7, 20)
    w = rng.uniform(0.5, 2, 7)
    for reduction in ("none", "sum", "mean"):
        options = {"weight": w, "ignore_index": 3, "reduction": reduction}
        got = KINDS[kind][1](c, y, margin=0.0, scale=16, **options)
        expected = cross_entropy_grad(16 * c, y, **options)  # a power of 2 rounds nothing
        assert_allclose(got.loss, expected.loss, rtol=1e-9 if dtype == "float32" else 1e-12)
        assert_allclose(got.grad, 16 * expected.grad, rtol=1e-6 if dtype == "float32" else 1e-11)


def insightface(torch, c, y, m, s):
    """The forward of the reference code, with the margin where easy_margin is off."""
    own = c[torch.arange(len(y)), y]
    sine = torch.sqrt((1.0 - own**2).clamp(0, 1))
    phi = own * np.cos(m) - sine * np.sin(m)
    phi = torch.where(own > np.cos(np.pi - m), phi, own - np.sin(np.pi - m) * m)
    logits = s * c.index_put((torch.arange(len(y)), y), phi)
    return torch.nn.functional.cross_entropy(logits, y)


def test_arcface_equals_the_reference_code():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    c, y = rng.uniform(-1, 1, (200, 6)), rng.integers(0, 6, 200)
    theirs = torch.tensor(c, requires_grad=True)
    expected = insightface(torch, theirs, torch.tensor(y), 0.5, 16.0)
    expected.backward()
    loss, grad = arcface_grad(c, y, scale=16)
    assert_allclose(loss, expected.item(), rtol=1e-13)
    assert_allclose(grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


# Laws.


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, np.pi / 2))
def test_a_better_cosine_never_costs_more(a, b, margin):
    low, high = sorted((a, b))
    worse, better = (arcface([c, 0.2], 0, margin=margin, scale=4) for c in (low, high))
    assert better <= worse * (1 + 1e-14)
    worse, better = (cosface([c, 0.2], 0, margin=margin, scale=4) for c in (low, high))
    assert better <= worse


@given(st.floats(-1, 1), st.floats(0, np.pi / 2))
def test_a_margin_never_makes_it_easier(c, margin):
    for value, _ in KINDS.values():
        plain, harder = (value([c, 0.2], 0, margin=m, scale=4) for m in (0, margin))
        assert harder >= plain * (1 - 1e-14)


def test_the_continuation_lies_a_step_below():
    at = -np.cos(0.5)
    before, after = (
        arcface([c, 0.0], 0, scale=1) for c in (np.nextafter(at, 1), np.nextafter(at, -1))
    )
    assert_allclose(before, np.log1p(np.exp(1)), rtol=1e-7)
    assert_allclose(after, np.log1p(np.exp(np.cos(0.5) + 0.5 * np.sin(0.5))), rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_finite_differences(kind):
    rng = np.random.default_rng(4)
    c, y = rng.uniform(-0.95, 0.95, (6, 4)), rng.integers(0, 4, 6)
    value, value_grad = KINDS[kind]
    grad, step = value_grad(c, y, scale=5).grad, 1e-6
    for place in np.ndindex(c.shape):
        nudge = np.zeros_like(c)
        nudge[place] = step
        rise = value(c + nudge, y, scale=5) - value(c - nudge, y, scale=5)
        assert_allclose(rise / (2 * step), grad[place], atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_same_bits_alone_in_a_batch_and_along_any_axis(kind):
    rng = np.random.default_rng(2)
    c, y = rng.uniform(-1, 1, (200, 700)), rng.integers(0, 700, 200)
    value_grad = KINDS[kind][1]
    batch = value_grad(c, y, reduction="none")
    for i in range(0, 200, 29):
        alone = value_grad(c[i], y[i])
        assert alone.loss == batch.loss[i]
        assert_array_equal(alone.grad, batch.grad[i])
    turned = value_grad(np.asfortranarray(c).T, y, axis=0, reduction="none")
    assert_array_equal(turned.loss, batch.loss)
    assert_array_equal(turned.grad.T, batch.grad)


# Edge values.


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_the_gradient_is_finite_at_a_cosine_of_one(dtype):
    """It is that of the next smaller number: the factor has no bound there."""
    at_one = arcface_grad(np.array([1, 0.9], dtype), 0, scale=2).grad
    last = np.nextafter(np.array(1, dtype), np.array(0, dtype))
    below = arcface_grad(np.array([last, 0.9], dtype), 0, scale=2).grad
    assert np.isfinite(at_one).all()
    assert at_one[0] < -100
    assert_allclose(at_one, below, rtol=1e-3)
    assert np.isfinite(arcface_grad(np.array([-1, 0.9], dtype), 0).grad).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("dtype", "excess"), [("float64", 9e-6), ("float32", 9e-6), ("float16", 3e-3)]
)
def test_rounding_beyond_one_is_clamped(kind, dtype, excess):
    c = np.array([[1 + excess, -1 - excess, 0.5]]).astype(dtype)
    clamped = np.clip(c, -1, 1)
    for y in ([0], [1], [2]):
        got, expected = KINDS[kind][1](c, y), KINDS[kind][1](clamped, y)
        assert got.loss == expected.loss
        assert_array_equal(got.grad, expected.grad)


@pytest.mark.parametrize("kind", KINDS)
def test_infinities_and_nan(kind):
    value_grad = KINDS[kind][1]
    possible = value_grad([0.5, 0.4], 0)
    got = value_grad([0.5, 0.4, -np.inf], 0)
    assert got.loss == possible.loss
    assert_array_equal(got.grad, [*possible.grad, 0])
    assert value_grad([-np.inf, 0.4], 0).loss == np.inf
    assert np.isfinite(value_grad([-np.inf, 0.4], 0).grad).all()
    for row in ([np.nan, 0], [0, np.nan]):
        got = value_grad(row, 0)
        assert np.isnan(got.loss)
        assert_array_equal(got.grad, np.nan)


@pytest.mark.parametrize("kind", KINDS)
def test_ignored_rows_may_hold_anything(kind):
    for bad in (np.nan, np.inf, 7.0):
        loss, grad = KINDS[kind][1]([[0.5, 0.4], [bad, bad]], [0, -1], ignore_index=-1)
        assert loss == KINDS[kind][0]([0.5, 0.4], 0)
        assert_array_equal(grad[1], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_average(kind):
    value, value_grad = KINDS[kind]
    assert np.isnan(value([[0.5, 0.4]], [-1], ignore_index=-1))
    assert value([[0.5, 0.4]], [-1], ignore_index=-1, empty="zero") == 0
    assert_array_equal(value_grad([[0.5, 0.4]], [-1], ignore_index=-1).grad, 0)
    assert value_grad(np.empty((0, 3)), np.empty(0, int)).grad.shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_types(kind, dtype):
    loss, grad = KINDS[kind][1](np.array([[0, 1], [1, -1]], dtype), [0, 0], reduction="none")
    assert loss.dtype == np.float64
    assert grad.dtype == (np.float64 if dtype == np.int8 else dtype)
    assert np.isfinite(grad).all()


BAD = [
    ({"margin": -0.1}, ParameterError, "margin must be finite and at least 0"),
    ({"margin": np.nan}, ParameterError, "got nan"),
    ({"scale": 0}, ParameterError, "scale must be above 0 and finite, got 0"),
    ({"scale": np.inf}, ParameterError, "scale must be above 0 and finite, got inf"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
@pytest.mark.parametrize("function", [arcface, arcface_grad, cosface, cosface_grad])
def test_bad_arguments(function, options, error, message):
    with pytest.raises(error) as raised:
        function([[1.0, 0.5]], [0], **options)
    assert message in str(raised.value)


@pytest.mark.parametrize("function", [arcface, arcface_grad, cosface, cosface_grad])
def test_what_is_no_cosine_is_refused(function):
    with pytest.raises(DataError, match=r"got 1.5 at row 1, class 0 \(entries at fault: 1\)"):
        function([[1.0, 0.5], [1.5, 0]], [0, 0])
    with pytest.raises(DataError, match=r"at row \(1, 0\), class 1"):
        function([[[1.0, 0.5]], [[0, -1.001]]], [[0], [0]])
    with pytest.raises(DataError, match="got inf at the only row"):
        function([np.inf, 0.5], 0)
    with pytest.raises(LabelError, match="got 2 at row 0"):
        function([[1.0, 0.5]], [2])


def test_an_angle_beyond_a_right_one_is_refused():
    with pytest.raises(ParameterError, match="margin must be finite and at least 0 and at most"):
        arcface([1.0, 0.5], 0, margin=1.6)

"""The fused loss of a linear layer: the same as the loss of its logits, with every option."""

import os
import subprocess
import sys
from itertools import combinations

import ml_dtypes
import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from luce import kernels
from luce.errors import DataError, DtypeError, LabelError, ParameterError, ShapeError
from luce.losses import (
    cross_entropy_grad,
    linear_cross_entropy,
    linear_cross_entropy_grad,
)

native_only = pytest.mark.skipif(
    kernels.simd() == "numpy", reason="the twin multiplies with BLAS, which promises no bits"
)
CHOICES = [
    ("target", "one-hot"),
    ("target", "soft"),
    ("bias", True),
    ("weight", True),
    ("weighting", "row"),
    ("label_smoothing", 0.2),
    ("ignore_index", 2),
    ("temperature", 0.7),
    ("softcap", 3.0),
    ("z_loss", 0.03),
    ("focal_gamma", 2.0),
    ("reduction", "none"),
    ("reduction", "sum"),
    ("normalizer", 7.0),
    ("empty", "zero"),
]


def possible(options):
    if options.get("target", "labels") != "labels" and "ignore_index" in options:
        return False
    return "normalizer" not in options or options.get("reduction", "mean") == "mean"


PAIRS = [
    dict(pair)
    for pair in combinations(CHOICES, 2)
    if pair[0][0] != pair[1][0] and possible(dict(pair))
]


def layer(n, k, d, dtype, seed=0):
    """Return rows, weights and a bias whose products are exact in either dtype."""
    rng = np.random.default_rng(seed)
    return tuple(
        (rng.integers(-16, 17, shape) / 8).astype(dtype) for shape in ((n, d), (k, d), (k,))
    )


def example(options, n=14, k=9, d=5, dtype="float64", seed=0):
    """Return the arguments of the fused loss, the logits, and the options of `cross_entropy`."""
    rng = np.random.default_rng(seed)
    h, w, b = layer(n, k, d, dtype, seed)
    options = dict(options)
    b = b if options.pop("bias", False) else None
    y = rng.integers(0, k, n)
    y[[1, 4, 5, n - 1]] = options.get("ignore_index", 0)
    q = rng.integers(0, 8, (n, k)) / 64
    q[:, 0] += 1 - q.sum(1)
    target = {"labels": y, "one-hot": np.eye(k)[y], "soft": np.abs(q) / np.abs(q).sum(1)[:, None]}
    if options.get("weight"):
        options["weight"] = np.append(0.0, rng.uniform(0.2, 3, k - 1))
    z = h @ w.T + (0 if b is None else b)
    return (h, w, target[options.pop("target", "labels")], b), z.astype(dtype), options


def fused(arguments, options):
    options = {"class_weight" if name == "weight" else name: v for name, v in options.items()}
    return linear_cross_entropy_grad(*arguments, **options)


def assert_products(result, arguments, g):
    """Assert that the gradients are the products of the gradient in the logits."""
    h, w, _, b = arguments
    eps = np.finfo(h.dtype).eps
    h, w, g = (x.astype(np.longdouble) for x in (h, w, g))
    for got, left, right in (
        (result.grad_hidden, g, w),
        (result.grad_weight, g.T, h),
        (result.grad_bias, g.T, np.ones((len(g), 1))),
    ):
        if got is None:
            assert b is None
            continue
        exact, size = left @ right, np.abs(left) @ np.abs(right)
        assert got.dtype == arguments[0].dtype
        wrong = np.abs(got.reshape(exact.shape) - exact) > (left.shape[1] + 2) * eps * size + 1e-44
        assert not wrong.any()


@pytest.fixture
def small_workspace(monkeypatch):
    """Rows come in portions of a few."""
    module = sys.modules["luce.losses.linear_layer"]
    monkeypatch.setattr(module, "_MOST_ROWS", 4)


# The same as the loss of the logits.


@pytest.mark.usefixtures("small_workspace")
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("options", [{}, *PAIRS], ids=str)
def test_every_pair_of_options_gives_what_the_logits_give(options, dtype):
    arguments, z, options = example(options, dtype=dtype)
    expected = cross_entropy_grad(z, arguments[2], **options)
    result = fused(arguments, options)
    assert_array_equal(result.loss, expected.loss)
    assert_products(result, arguments, expected.grad)
    options = {"class_weight" if name == "weight" else name: v for name, v in options.items()}
    assert_array_equal(linear_cross_entropy(*arguments, **options), result.loss)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize(
    "options",
    [{}, {"bias": True, "weight": True, "label_smoothing": 0.1, "ignore_index": 3}],
    ids=str,
)
def test_loss_and_gradients_keep_their_promise(options, dtype):
    arguments, z, options = example(options, dtype=dtype)
    h, w, y, _ = arguments
    result = fused(arguments, options)
    exact = reference.cross_entropy(z, y, **options)
    bound = 2 * reference.promised(linear_cross_entropy_grad, dtype)
    reference.assert_within(bound, result.loss, [exact], dtype)
    g = np.array(reference.cross_entropy_grad(z, y, **options)).astype(np.longdouble)
    eps = np.finfo(dtype).eps
    units = np.array(reference.gradient_scale(z, y, **options)).astype(np.longdouble)
    for got, left, right, size in (
        (result.grad_hidden, g, w, units),
        (result.grad_weight, g.T, h, units.T),
    ):
        bound = (left.shape[1] + 6) * eps * (size @ np.abs(right))
        assert (np.abs(got - left @ right.astype(np.longdouble)) <= bound).all()


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_each_loss_is_that_of_the_rounded_logits(dtype):
    rng = np.random.default_rng(5)
    h, w = rng.normal(0, 1, (12, 300)).astype(dtype), rng.normal(0, 0.3, (40, 300)).astype(dtype)
    y = rng.integers(0, 40, 12)
    z = np.empty((12, 40), dtype)
    kernels.linear(h, w, False, None, z)
    losses = linear_cross_entropy(h, w, y, reduction="none")
    exact = reference.cross_entropy(z, y, reduction="none")
    reference.assert_within(reference.promised(linear_cross_entropy, dtype), losses, exact, dtype)


@pytest.mark.parametrize("seed", [0, 1])
def test_float32_errors_are_those_of_the_plain_formulas(seed):
    # Without fused multiply-add a term is rounded twice, while BLAS has its own instructions.
    factor = 2.0 if kernels.simd() == "baseline" else 1.5
    rng = np.random.default_rng(seed)
    n, k, d = 700, 1500, 96
    h = rng.normal(0, 1, (n, d)).astype(np.float32)
    w = rng.normal(0, 0.3, (k, d)).astype(np.float32)
    y = rng.integers(0, k, n)
    exact = linear_cross_entropy_grad(h.astype(np.float64), w.astype(np.float64), y)
    loss, g = cross_entropy_grad(h @ w.T, y)
    plain, result = (loss, g @ w, g.T @ h), linear_cross_entropy_grad(h, w, y)
    for ours, theirs, right in zip(result, plain, exact[:3], strict=False):
        error, allowed = np.abs(ours - right), np.abs(theirs - right)
        assert error.max() <= factor * allowed.max() + 1e-9
        assert (
            np.sqrt(np.square(error).mean()) <= factor * np.sqrt(np.square(allowed).mean()) + 1e-9
        )


def test_what_a_label_contributes_is_added_once():
    rng = np.random.default_rng(0)
    n, k, d = 300, 3000, 32
    h = rng.normal(0, 1, (n, d)).astype(np.float32)
    w = rng.normal(0, 0.2, (k, d)).astype(np.float32)
    y = np.where(np.arange(n) < 100, 5, rng.integers(0, k, n))  # one label stands there often
    exact = linear_cross_entropy_grad(h.astype(np.float64), w.astype(np.float64), y)
    result = linear_cross_entropy_grad(h, w, y)
    for got, right in zip(result[1:3], exact[1:3], strict=True):
        error = np.sqrt(np.square(got - right).mean() / np.square(right).mean())
        assert error < 8e-8  # with the label inside the products: 2e-7 and more


@given(st.integers(0, 2**32 - 1))
def test_gradients_are_slopes_of_the_loss(seed):
    rng = np.random.default_rng(seed)
    h, w, b = rng.normal(0, 1, (4, 3)), rng.normal(0, 1, (5, 3)), rng.normal(0, 1, 5)
    y, options = rng.integers(0, 5, 4), {"label_smoothing": 0.1, "z_loss": 0.01, "softcap": 5.0}
    slopes = linear_cross_entropy_grad(h, w, y, b, **options)
    step = 1e-6
    for place, grad in enumerate(slopes[1:]):
        along = rng.normal(0, 1, grad.shape)
        ends = []
        for side in (step, -step):
            moved = [h, w, b]
            moved[place] = moved[place] + side * along
            ends.append(linear_cross_entropy(moved[0], moved[1], y, moved[2], **options))
        assert_allclose(
            (ends[0] - ends[1]) / (2 * step), (grad * along).sum(), rtol=1e-6, atol=1e-8
        )


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    (h, w, y, b), _, options = example({"bias": True, "weight": True, "label_smoothing": 0.2})
    tensors = [torch.tensor(x, requires_grad=True) for x in (h, w, b)]
    logits = torch.nn.functional.linear(*tensors)
    weight = torch.tensor(options.pop("weight"))
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y), weight=weight, **options)
    loss.backward()
    result = linear_cross_entropy_grad(h, w, y, b, class_weight=weight, **options)
    assert_allclose(result.loss, loss.item(), rtol=1e-13)
    for got, tensor in zip(result[1:], tensors, strict=True):
        assert_allclose(got, tensor.grad, rtol=1e-11, atol=1e-14)


# Bits.


@native_only
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_a_row_gives_the_same_bits_whatever_rows_stand_beside_it(dtype):
    rng = np.random.default_rng(2)
    h, w, b = (rng.normal(0, 1, s).astype(dtype) for s in ((90, 67), (203, 67), 203))
    y = rng.integers(0, 203, 90)
    whole = linear_cross_entropy_grad(h, w, y, b, reduction="none")
    for rows in (slice(0, 1), slice(17, 60), slice(None, None, -1)):
        some = linear_cross_entropy_grad(h[rows], w, y[rows], b, reduction="none")
        assert some.loss.tobytes() == whole.loss[rows].tobytes()
        assert some.grad_hidden.tobytes() == whole.grad_hidden[rows].tobytes()


@native_only
def test_the_number_of_threads_does_not_show():
    rng = np.random.default_rng(3)
    h, w = rng.normal(0, 1, (100, 130)).astype("f"), rng.normal(0, 1, (700, 130)).astype("f")
    y, before = rng.integers(0, 700, 100), kernels.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        kernels.set_num_threads(threads)
        results.append(b"".join(x.tobytes() for x in linear_cross_entropy_grad(h, w, y)[:3]))
    kernels.set_num_threads(before)
    assert len(set(results)) == 1


# Memory.

MEASURE = """
import sys
import numpy as np
from luce.losses import linear_cross_entropy_grad

def peak(what="VmHWM"):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))

n, k, d = map(int, sys.argv[1:4])
options = eval(sys.argv[4])
rng = np.random.default_rng(0)
h, w = rng.standard_normal((n, d), np.float32), rng.standard_normal((k, d), np.float32)
y = rng.integers(0, k, n)
if options.pop("soft", False):
    y = np.full((n, k), 1 / k, np.float32)
few = np.zeros(16, int)
linear_cross_entropy_grad(h[:16], w[:1000], few, **options)  # buffers of libraries
before = peak("VmRSS")
result = linear_cross_entropy_grad(h, w, y, **options)
print(peak() - before - result.grad_hidden.nbytes - result.grad_weight.nbytes)
"""


@pytest.mark.once
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("n", "k", "d", "options"),
    [
        (900, 60_000, 8, {}),
        (200, 256_000, 8, {"ignore_index": 7}),
        (70, 256_000, 8, {"label_smoothing": 0.1, "focal_gamma": 1.0, "softcap": 30.0}),
        (120, 40_000, 8, {"z_loss": 1e-4, "temperature": 2.0}),
        (1200, 60_000, 8, {"soft": True, "weighting": "row"}),
    ],
    ids=str,
)
def test_takes_no_more_than_64_megabytes_beside_arguments_and_results(n, k, d, options):
    arguments = [sys.executable, "-c", MEASURE, *map(str, (n, k, d, options))]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "LUCE_NUM_THREADS": "2"}
    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert int(done.stdout) <= 64_000_000


# Edge values.


@pytest.mark.usefixtures("small_workspace")
def test_ignored_rows_may_hold_anything_and_count_nothing():
    (h, w, y, b), _, _ = example({"bias": True, "ignore_index": 2})
    kept = y != 2
    clean = linear_cross_entropy_grad(h[kept], w, y[kept], b)
    h[~kept] = np.nan
    result = linear_cross_entropy_grad(h, w, y, b, ignore_index=2)
    assert_array_equal(result.loss, clean.loss)
    assert_array_equal(result.grad_hidden[kept], clean.grad_hidden)
    assert_array_equal(result.grad_hidden[~kept], 0)
    assert_allclose(result.grad_weight, clean.grad_weight, rtol=1e-14)
    assert_allclose(result.grad_bias, clean.grad_bias, rtol=1e-14)


def test_numbers_beyond_the_range_are_no_reason_to_warn():
    h, w = np.eye(3, dtype=np.float32), np.float32([[1, -2, 0], [-1, 3, 5], [0, 0, 1]])
    b = np.zeros(3, np.float32)
    result = linear_cross_entropy_grad(h, w, [0, 1, 2], b, z_loss=1.0, temperature=1e-120)
    assert np.isfinite(result.loss)
    assert np.isinf(result.grad_bias).any()


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, np.nan),
        ({"empty": "zero"}, 0.0),
        ({"normalizer": 5.0}, 0.0),
        ({"reduction": "sum"}, 0.0),
        ({"reduction": "none"}, [0.0, 0.0, 0.0]),
    ],
    ids=str,
)
def test_nothing_to_average(options, expected, rows):
    h, w, b = layer(rows, 4, 2, np.float32)
    y = np.full(rows, -100)
    loss, *gradients = linear_cross_entropy_grad(h, w, y, b, ignore_index=-100, **options)
    assert_array_equal(loss, expected[:rows] if isinstance(expected, list) else expected)
    for grad, like in zip(gradients, (h, w, b), strict=True):
        assert grad.dtype == like.dtype
        assert_array_equal(grad, np.zeros_like(like))
    with pytest.raises(DataError, match="needs at least one row"):
        linear_cross_entropy(h, w, y, b, ignore_index=-100, empty="raise")


def test_impossible_classes_and_not_a_number():
    h, w, b = layer(4, 3, 2, np.float64)
    b[1] = -np.inf
    result = linear_cross_entropy_grad(h, w, [0, 2, 0, 2], b)
    assert np.isfinite(result.loss)
    assert_array_equal(result.grad_weight[1], 0)
    h[2, 0] = np.nan
    losses = linear_cross_entropy_grad(h, w, [0, 2, 0, 2], b, reduction="none").loss
    assert_array_equal(np.isnan(losses), [False, False, True, False])


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0, 2)])
@pytest.mark.parametrize("d", [0, 1, 7])
def test_rows_of_any_shape_and_width(shape, d):
    rng = np.random.default_rng(0)
    h, w, b = rng.normal(0, 1, (*shape, d)), rng.normal(0, 1, (3, d)), rng.normal(0, 1, 3)
    y = rng.integers(0, 3, shape)
    result = linear_cross_entropy_grad(h, w, y, b, reduction="none")
    expected = cross_entropy_grad(h @ w.T + b, y, reduction="none")
    assert_allclose(result.loss, expected.loss, rtol=1e-13)
    assert result.grad_hidden.shape == h.shape
    assert_allclose(result.grad_hidden, expected.grad @ w, atol=1e-14)
    assert result.grad_weight.shape == w.shape
    assert_allclose(result.grad_bias, expected.grad.reshape(-1, 3).sum(0), atol=1e-14)


# Layouts and dtypes.


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_the_layout_of_the_arguments_does_not_matter(dtype):
    (h, w, y, b), _, _ = example({"bias": True}, dtype=dtype)
    expected = linear_cross_entropy_grad(h, w, y, b)
    strided = np.zeros((2 * len(w), w.shape[1] + 3), dtype)[::2, ::-1][:, 3:]
    strided[...] = w
    frozen = w.copy()
    frozen.flags.writeable = False
    for hidden, weight in (
        (np.asfortranarray(h), np.asfortranarray(w)),
        (h[::-1][::-1], strided),
        (h.astype(h.dtype.newbyteorder()), w.astype(w.dtype.newbyteorder())),
        (h, frozen),
    ):
        result = linear_cross_entropy_grad(hidden, weight, y, b)
        for got, right in zip(result, expected, strict=True):
            assert_array_equal(got, right)
        assert result.grad_weight.flags.c_contiguous
        assert result.grad_weight.dtype.isnative


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_16_bits_are_computed_in_float32_and_rounded_once(dtype):
    (h, w, y, b), _, _ = example({"bias": True}, dtype="float32")
    wide = linear_cross_entropy_grad(h, w, y, b)
    result = linear_cross_entropy_grad(h.astype(dtype), w.astype(dtype), y, b.astype(dtype))
    assert result.loss == wide.loss
    for got, right in zip(result[1:], wide[1:], strict=True):
        assert got.dtype == dtype
        assert_array_equal(got.astype(np.float32), right.astype(dtype).astype(np.float32))


def test_the_widest_dtype_is_computed_in_and_each_gradient_has_its_own():
    (h, w, y, _), z, _ = example({})
    wide = linear_cross_entropy_grad(h, w, y)
    result = linear_cross_entropy_grad(h.astype(np.float32), w, y)
    assert result.loss == wide.loss
    assert (result.grad_hidden.dtype, result.grad_weight.dtype) == (np.float32, np.float64)
    assert_array_equal(result.grad_weight, wide.grad_weight)
    whole = linear_cross_entropy_grad([[1, 2], [3, 4]], [[1, 0], [0, 1]], [0, 1])
    assert whole.grad_hidden.dtype == whole.grad_weight.dtype == np.float64
    assert z.dtype == np.float64


# Refusals.


def test_what_does_not_fit_is_told():
    h, w, b = layer(4, 3, 2, np.float64)
    y = [0, 1, 2, 0]
    with pytest.raises(ShapeError, match=r"weight must have shape \(k, d\) with d = 2.*weight\.T"):
        linear_cross_entropy(h, w.T, y)
    with pytest.raises(ShapeError, match="at least one class"):
        linear_cross_entropy(h, w[:0], y)
    with pytest.raises(ShapeError, match="weight must have shape"):
        linear_cross_entropy(h, w[0], y)
    with pytest.raises(ShapeError, match="hidden must have a last axis"):
        linear_cross_entropy(1.0, w, 0)
    with pytest.raises(ShapeError, match="bias must hold one number for each of the 3 classes"):
        linear_cross_entropy(h, w, y, b[:2])
    with pytest.raises(ShapeError, match="target must hold"):
        linear_cross_entropy(h, w, y[:3])
    with pytest.raises(LabelError, match="row 1"):
        linear_cross_entropy(h, w, [0, 3, 1, 1])
    with pytest.raises(DtypeError, match="hidden must be"):
        linear_cross_entropy(h > 0, w, y)
    with pytest.raises(ParameterError, match="temperature"):
        linear_cross_entropy(h, w, y, temperature=0)
    with pytest.raises(ParameterError, match="reduction"):
        linear_cross_entropy_grad(h, w, y, reduction="average")

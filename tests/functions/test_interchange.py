"""Arrays of other packages: in by DLPack, out as their own kind.

The laws are tested on a small array package made here; torch and jax are tried where they are.
"""

import inspect
import pickle
import sys
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import luce
from luce import losses
from luce.errors import DataError, DtypeError, ParameterError, ShapeError
from luce.functions.interchange import own_kind
from luce.losses import cross_entropy, cross_entropy_grad

pytestmark = pytest.mark.once

X = np.random.default_rng(0).normal(0, 4, (3, 5)).astype(np.float32)
Y = np.array([4, 0, 2])


class Other:
    """An array of another package: nothing but DLPack, and bfloat16 beside NumPy's dtypes."""

    def __init__(self, memory, dtype=None, device=1):
        self.memory, self.device = memory, device
        self.dtype = dtype or f"other.{memory.dtype}"

    def __dlpack__(self, **options):
        if self.dtype == "other.bfloat16":
            raise BufferError("NumPy does not know bfloat16")
        return self.memory.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device, 0

    def __array_namespace__(self):
        return OTHER

    def view(self, dtype):
        assert {self.dtype, dtype} == {"other.int16", "other.bfloat16"}
        return Other(self.memory, dtype)


class Another(Other):
    """An array of a package without a namespace: its root module takes arrays back."""

    __array_namespace__ = None


def from_dlpack(array):
    assert type(array) is np.ndarray
    assert array.flags.c_contiguous
    assert array.flags.writeable
    return Other(array)


OTHER = SimpleNamespace(from_dlpack=from_dlpack, int16="other.int16", bfloat16="other.bfloat16")


def bfloat16(values):
    """Return the nearest bfloat16 numbers as an array of the other package."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    return Other(np.asarray(values, ml_dtypes.bfloat16).view(np.int16), "other.bfloat16")


def numbers(other):
    """Return bfloat16 numbers as float32."""
    assert other.dtype == "other.bfloat16"
    return (other.memory.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def test_results_are_of_the_callers_kind():
    got = luce.softmax(Other(X))
    assert type(got) is Other
    assert_array_equal(got.memory, luce.softmax(X))
    total = luce.logsumexp(Other(X[0]))
    assert total.memory.shape == ()
    assert total.memory == luce.logsumexp(X[0])


def test_arrays_in_named_tuples_are_converted_and_the_tuple_stays():
    got = cross_entropy_grad(Other(X), Other(Y))
    loss, grad = cross_entropy_grad(X, Y)
    assert type(got) is losses.LossGrad
    assert (got.loss.memory, got.loss.dtype) == (loss, "other.float64")
    assert_array_equal(got.grad.memory, grad)


def test_nothing_is_copied_on_the_way_in_or_out():
    seen = []

    @own_kind
    def same(x):
        seen.append(x)
        return x

    returned = same(Other(X))
    assert np.shares_memory(seen[0], X)
    assert np.shares_memory(returned.memory, X)


def test_the_first_array_decides_in_the_order_of_the_signature():
    assert type(cross_entropy(X, Other(Y))) is np.float64
    assert type(cross_entropy(Other(X), Y)) is Other
    assert type(cross_entropy(target=Y, logits=Other(X))) is Other
    assert type(cross_entropy(X.tolist(), Other(Y))) is Other  # a list is no array
    assert_array_equal(luce.softmax(X, where=Other(X > 0)), luce.softmax(X, where=X > 0))
    assert type(luce.softmax(Other(X), where=X > 0)) is Other


def test_a_package_may_be_known_by_its_root_module(monkeypatch):
    monkeypatch.delattr(Other, "__array_namespace__")
    monkeypatch.delattr(Another, "__array_namespace__")
    here = SimpleNamespace(from_dlpack=Another)
    monkeypatch.setitem(sys.modules, Other.__module__.partition(".")[0], here)
    assert type(luce.softmax(Other(X))) is Another


def test_what_cannot_be_given_back_is_read_as_a_list_would_be(monkeypatch):
    monkeypatch.setattr(Other, "__array_namespace__", lambda self: SimpleNamespace())
    monkeypatch.setattr(Other, "__array__", lambda self, *_, **__: self.memory, raising=False)
    assert_array_equal(luce.softmax(Other(X)), luce.softmax(X))


def test_out_is_written_in_place_and_returned():
    for x in (Other(X), X):
        out = Other(np.empty_like(X))
        assert luce.softmax(x, out=out) is out
        assert_array_equal(out.memory, luce.softmax(X))
    plain = np.empty_like(X)
    assert luce.softmax(Other(X), out=plain) is plain
    own = Other(X.copy())
    assert luce.log_softmax(own, out=own) is own
    assert_array_equal(own.memory, luce.log_softmax(X))
    with pytest.raises(ShapeError, match="out must have the result's shape"):
        luce.softmax(Other(X), out=Other(np.empty(3, np.float32)))


# bfloat16, which NumPy does not have


def test_bfloat16_is_computed_in_float32_and_rounded_once():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = bfloat16(X)
    for function in (luce.softmax, luce.log_softmax, luce.logsumexp, luce.sigmoid):
        exact = function(numbers(x))
        assert_array_equal(numbers(function(x)), exact.astype(ml_dtypes.bfloat16))
    loss, grad = cross_entropy_grad(x, Y)
    expected = cross_entropy_grad(numbers(x), Y)
    assert loss.memory == expected.loss
    assert_array_equal(numbers(grad), expected.grad.astype(ml_dtypes.bfloat16))


def test_bfloat16_is_rounded_to_nearest_even_and_keeps_what_is_special():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    bits = np.random.default_rng(1).integers(0, 2**32, 20_000, dtype=np.uint32)
    ties = np.arange(0, 2**32, 2**21 + 2**16, dtype=np.uint32) | 0x8000
    ends = np.array([0, 0x80000000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7F800001, 0xFFFFFFFF])
    values = np.concatenate([bits, ties, ends.astype(np.uint32)]).view(np.float32)

    @own_kind
    def constant(x):
        return values

    got = numbers(constant(bfloat16(0.0)))
    with np.errstate(invalid="ignore"):  # signalling NaN
        expected = values.astype(ml_dtypes.bfloat16)
    assert_array_equal(got, expected.astype(np.float32))
    assert_array_equal(np.signbit(got), np.signbit(values))


def test_out_of_bfloat16():
    x, out = bfloat16(X), bfloat16(np.zeros_like(X))
    assert luce.softmax(x, out=out) is out
    assert_array_equal(numbers(out), numbers(luce.softmax(x)))
    with pytest.raises(DtypeError, match="which is bfloat16 here, got float32"):
        luce.softmax(x, out=Other(np.empty_like(X)))
    with pytest.raises(DtypeError, match="which is not bfloat16 here, got bfloat16"):
        luce.softmax(Other(X), out=out)
    out.memory.flags.writeable = False
    with pytest.raises(ParameterError, match="writeable"):
        luce.softmax(x, out=out)


# What is refused


def test_a_gradient_would_be_lost():
    x = Other(X)
    x.requires_grad = True
    with pytest.raises(
        DataError, match=r"logits must be .* Pass logits.detach\(\), or use luce.nn"
    ):
        cross_entropy(x, Y)
    with pytest.raises(DataError, match=r"Pass x.detach\(\)"):
        luce.softmax(x=x)


def test_arrays_on_a_device_are_referred_to_luce_nn():
    with pytest.raises(DataError, match=r"x must lie in the CPU's memory, got a Other .* luce.nn"):
        luce.softmax(Other(X, device=2))
    for pinned in (3, 11):
        assert_array_equal(luce.softmax(Other(X, device=pinned)).memory, luce.softmax(X))


def test_a_negated_view_is_refused():
    x = Other(X)
    x.is_neg = lambda: True
    with pytest.raises(DataError, match="resolve_neg"):
        luce.softmax(x)


def test_arrays_that_cannot_be_exported_are_told_so():
    x = Other(X, "other.bfloat16")
    x.view = lambda dtype: x
    with pytest.raises(DataError, match=r"NumPy can read .* \(NumPy does not know bfloat16\)"):
        luce.softmax(x)
    with pytest.raises(DtypeError, match="x must be float32"):
        luce.softmax(Other(X > 0))


# The decorator


@own_kind
def documented(x: int, /, y: float = 2.0, *, z: str = "z") -> int:
    """Say it."""
    return x


def test_the_function_looks_as_before():
    assert (
        str(inspect.signature(documented)) == "(x: int, /, y: float = 2.0, *, z: str = 'z') -> int"
    )
    assert documented.__doc__ == "Say it."
    assert documented.__name__ == "documented"
    assert pickle.loads(pickle.dumps(luce.softmax)) is luce.softmax


@pytest.mark.parametrize("x", [X, Other(X)], ids=["numpy", "other"])
def test_wrong_calls_are_told_as_before(x):
    with pytest.raises(TypeError, match=r"softmax\(\) takes from 1 to 2 positional arguments"):
        luce.softmax(x, -1, x)
    with pytest.raises(TypeError, match="unexpected keyword argument 'mask'"):
        luce.softmax(x, mask=Other(X))
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        luce.softmax(x, x=x)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        luce.softmax()


class Part(NamedTuple):
    number: object
    nothing: None


def test_only_arrays_are_converted():
    @own_kind
    def pair(x):
        return Part(3.0, None)

    assert pair(Other(X)) == (3.0, None)


# torch and jax


def torch_or_skip():
    return pytest.importorskip("torch", exc_type=ImportError)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64"])
def test_torch(dtype):
    torch = torch_or_skip()
    x = torch.from_numpy(X).to(getattr(torch, dtype))
    wide = x.double().numpy() if dtype in ("int64", "float64") else x.float().numpy()
    for function in (luce.softmax, luce.log_softmax, luce.logsumexp, luce.sigmoid):
        got, exact = function(x), function(wide)
        assert got.dtype == (torch.float64 if dtype == "int64" else x.dtype)
        assert torch.equal(got, torch.from_numpy(np.asarray(exact)).to(got.dtype))
        assert torch.equal(function(x.T.contiguous().T), got)
    loss, grad = cross_entropy_grad(x, torch.from_numpy(Y))
    assert loss.item() == cross_entropy(wide, Y)
    assert grad.dtype == got.dtype


def test_torch_writes_out_in_place():
    torch = torch_or_skip()
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.from_numpy(X).to(dtype)
        out = torch.zeros(5, 3, dtype=dtype).T
        assert luce.softmax(x, out=out) is out
        assert torch.equal(out, luce.softmax(x))


def test_torch_tensors_that_are_no_plain_numbers():
    torch = torch_or_skip()
    with pytest.raises(DataError, match=r"x.detach\(\), or use luce.nn"):
        luce.softmax(torch.nn.Parameter(torch.ones(3)))
    with pytest.raises(DataError, match="NumPy can read by DLPack"):
        luce.softmax(torch.ones(3, device="meta"))
    with pytest.raises(DataError, match="NumPy can read by DLPack"):
        luce.softmax(torch.eye(3).to_sparse())
    with pytest.raises(DataError, match="NumPy can read by DLPack"):
        torch.func.vmap(luce.softmax)(torch.ones(2, 3))
    with pytest.raises(DataError, match="resolve_neg"):
        luce.softmax(torch.complex(torch.ones(2), torch.ones(2)).conj().imag)
    with pytest.raises(DtypeError, match="complex"):
        luce.softmax(torch.ones(2, dtype=torch.complex64))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_jax(dtype):
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.asarray(X).astype(dtype)
    wide = np.asarray(x.astype("float32"))
    for function in (luce.softmax, luce.log_softmax, luce.logsumexp, luce.sigmoid):
        got = function(x)
        assert type(got) is type(x)
        assert got.dtype == x.dtype
        assert_array_equal(np.asarray(got), function(wide).astype(np.asarray(x).dtype))
    with pytest.raises(ParameterError, match="read-only"):
        luce.softmax(x, out=x)
    loss, grad = cross_entropy_grad(x, jnp.asarray(Y))
    assert grad.dtype == x.dtype
    assert float(loss) == pytest.approx(cross_entropy(wide, Y), rel=1e-6)

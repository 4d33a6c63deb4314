"""Every public function on every kind of array that NumPy has: the same bits as a plain copy.

A new function is found by itself. If it has a required parameter that is not named in ARGUMENTS,
or needs other values for it, give them there or in SPECIAL.
"""

import contextlib
import inspect
import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from luce import functions, kernels, losses
from luce.errors import LuceError

pytestmark = pytest.mark.once

N, K, WIDTH = 4, 19, 3  # NumPy adds up fewer than 8 numbers in the same order anyhow
RNG = np.random.default_rng(8)
X = RNG.normal(0, 3, (N, K))
V = RNG.normal(0, 1, (N, K))
Y = np.array([18, 0, 2, 2])
MASK = RNG.random((N, K)) < 0.8
PARTS = RNG.dirichlet(np.ones(K), N)

ARGUMENTS = {
    "x": X,
    "v": V,
    "u": V,
    "vector": V,
    "logits": X,
    "target": Y,
    "labels": Y,
    "classes": K,
    "k": 3,
    "p": 3.0,
    "hidden": RNG.normal(0, 1, (N, WIDTH)),
    "weight": RNG.normal(0, 1, (K, WIDTH)),
    "teacher_logits": V,
    "cosines": np.tanh(V),
    "similarities": RNG.normal(0, 1, (N, N)),
    "relevant": MASK,
    "distances": np.abs(V[:, 0]),
    "same": MASK[:, 0],
    "prediction": X,
    "predictions": X,
}
SPECIAL = {
    "logit": {"x": PARTS},
    "logit_grad": {"x": PARTS},
    "logsumexp_vjp": {"v": V[:, 0].copy()},
    "logmeanexp_vjp": {"v": V[:, 0].copy()},
    "boltzmann_max_vjp": {"v": V[:, 0].copy()},
    "p_norm_max_vjp": {"v": V[:, 0].copy()},
    "binary_cross_entropy": {"target": PARTS},
    "binary_cross_entropy_grad": {"target": PARTS},
    "kl_divergence": {"target": PARTS},
    "kl_divergence_grad": {"target": PARTS},
    "gumbel_softmax": {"rng": 3},
    "sample_categorical": {"rng": 3},
    **{f"{name}{end}": {"target": V} for name in ("mse", "mae", "huber") for end in ("", "_grad")},
}
# Options that most functions share; those that a function has are tried one by one.
OPTIONS = {
    "axis": 0,
    "where": MASK,
    "temperature": 0.7,
    "weight": np.arange(1.0, K + 1),
    "label_smoothing": 0.1,
}
NO_EMPTY_BATCH = {"info_nce", "info_nce_grad"}  # without rows there is no square table


class Subclass(np.ndarray):
    pass


def frozen(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def unaligned(array):
    memory = np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:]
    return memory.view(array.dtype).reshape(array.shape)


def every_other(array):
    wide = np.repeat(array, 2, axis=-1)
    return wide[..., ::2]


FLAVOURS = {
    "subclass": lambda array: array.view(Subclass),
    "read-only": frozen,
    "zero-size": lambda array: array[:0] if len(array) == N else array,
    "zero-stride": lambda array: np.broadcast_to(array[:1], array.shape),
    "negative-stride": np.flip,
    "strided": every_other,
    "unaligned": unaligned,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "Fortran order": np.asfortranarray,
}


def public():
    for room in (functions, losses):
        for name, value in vars(room).items():
            if not name.startswith("_") and inspect.isroutine(value):
                yield name, value


def calls():
    """Yield (function, arguments by name): the required ones, then each option it has."""
    for name, function in public():
        special = SPECIAL.get(name, {})
        parameters = inspect.signature(function).parameters
        required = [
            key
            for key, one in parameters.items()
            if one.default is one.empty and one.kind is not one.VAR_KEYWORD
        ]
        given = {key: special.get(key, ARGUMENTS.get(key)) for key in required} | special
        yield name, function, given
        for key in OPTIONS.keys() & (parameters.keys() - set(required)):
            if key != "axis" or set(given) == {"x"}:
                yield f"{name}-{key}", function, given | {key: OPTIONS[key]}


CALLS = sorted(calls(), key=lambda call: call[0])
WIDE = [
    pytest.param(function, given, dtype, id=f"{name}-{dtype}")
    for name, function, given in CALLS
    for dtype in ("float32", "float64")
    if dtype == "float32" or "-" not in name  # options once
]
NARROW = [
    pytest.param(function, given, dtype, flavour, id=f"{name}-{dtype}-{flavour}")
    for name, function, given in CALLS
    for dtype in ("float16", "bfloat16")
    for flavour in ("plain", "unaligned", "strided", "big-endian")
    if "-" not in name and (dtype, flavour) != ("bfloat16", "big-endian")  # ml_dtypes has none
]


def with_floats(arguments, dtype):
    return {
        key: value.astype(dtype)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        else value
        for key, value in arguments.items()
    }


def changed(arguments, flavour):
    return {
        key: flavour(value) if isinstance(value, np.ndarray) and value.ndim else value
        for key, value in arguments.items()
    }


def plain(array):
    return np.array(array, array.dtype.newbyteorder("="), order="C", subok=False)


def leaves(result):
    return list(result) if isinstance(result, tuple) else [result]


def assert_same_bits(got, expected):
    for one, other in itertools.zip_longest(leaves(got), leaves(expected)):
        assert type(one) is type(other)
        if one is not None:
            assert isinstance(one, np.generic) or type(one) is np.ndarray
            assert one.dtype == other.dtype
            assert one.dtype.isnative
            assert one.shape == other.shape
            assert one.tobytes() == other.tobytes()


def test_every_required_parameter_has_a_value():
    assert not [
        (name, key) for name, _, given in CALLS for key, one in given.items() if one is None
    ]


@pytest.mark.parametrize(("function", "arguments", "dtype"), WIDE)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_gives_the_bits_of_a_plain_copy(function, arguments, dtype, flavour):
    if flavour == "zero-size" and function.__name__ in NO_EMPTY_BATCH:
        return
    if function.__name__.startswith("linear") and kernels.simd() == "numpy":
        return  # the twin's matrix products are those of BLAS, which promises no bits
    given = changed(with_floats(arguments, dtype), FLAVOURS[flavour])
    copies = changed(given, plain)
    expected = function(**copies)
    assert_same_bits(function(**given), expected)
    for key, value in given.items():
        assert_array_equal(value, copies[key])


@pytest.mark.parametrize(
    ("function", "arguments"), [call[1:] for call in CALLS], ids=[call[0] for call in CALLS]
)
def test_a_signalling_nan_is_a_nan_and_no_reason_to_warn(function, arguments):
    for width in (np.float32, np.float16):
        given = with_floats(arguments, width)
        for key, value in given.items():
            if isinstance(value, np.ndarray) and value.dtype == width:
                with contextlib.suppress(LuceError):
                    function(**(given | {key: signalling(value)}))


def signalling(array):
    """Return a copy whose last number is a NaN that conversions to float64 complain of."""
    copy = array.copy()
    bits = {4: (np.uint32, 0x7F800001), 2: (np.uint16, 0x7C01)}[array.itemsize]
    copy.view(bits[0])[..., -1] = bits[1]
    return copy


@pytest.mark.parametrize(("function", "arguments", "narrow", "flavour"), NARROW)
def test_16_bits_are_computed_in_float32_and_rounded_once(function, arguments, narrow, flavour):
    dtype = np.dtype(pytest.importorskip("ml_dtypes").bfloat16 if narrow == "bfloat16" else narrow)
    values = changed(with_floats(arguments, dtype), FLAVOURS.get(flavour, plain))
    wide = function(**widened(changed(values, plain)))
    for one, other in zip(leaves(function(**values)), leaves(wide), strict=True):
        if one is not None:
            rounded = other.astype(dtype) if other.dtype == np.float32 else other
            assert_same_bits(one, rounded)


def widened(arguments):
    """Return the 16-bit arrays as float32."""
    return {
        key: value.astype(np.float32)
        if isinstance(value, np.ndarray) and value.dtype.itemsize == 2
        else value
        for key, value in arguments.items()
    }

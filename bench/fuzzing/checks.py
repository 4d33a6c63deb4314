"""What must hold of a call: refusals, bits of plain copies, ranges, and nearness to the twin."""

from contextlib import contextmanager

import numpy as np
from reference.promises import promises

import luce
from fuzzing.draft import Draft, Subclass
from luce import kernels, losses
from luce.errors import LuceError
from luce.kernels import _numpy as twin

DISTRIBUTIONS = {"softmax", "sparsemax", "entmax", "gumbel_softmax", "hardmax"}
SAME_SHAPE = DISTRIBUTIONS | {"log_softmax", "sigmoid", "log_sigmoid", "softplus", "tanh", "relu"}
# These have NaN for finite arguments by their definition.
MAY_BE_NAN = {"logsumexp", "logit", "logit_grad", "label_ranking", "label_ranking_grad"}
DRAWN = {"sample_categorical", "softmax_top_k", "hardmax"}  # the twin's last bit may decide a tie

# Bits of the significand, exponent of the smallest normal number.
EXPONENTS = {
    "float16": (10, -14),
    "bfloat16": (7, -126),
    "float32": (23, -126),
    "float64": (52, -1022),
}


def trial(seed, names):
    """Run the trial of a seed; return "passed" or the kind of refusal, or raise AssertionError."""
    rng = np.random.default_rng(seed)
    draft = Draft(rng, names[int(rng.integers(len(names)))])
    luce.set_num_threads(int(rng.integers(1, 4)))
    try:
        return checked(draft)
    except Exception as error:
        error.add_note(f"in {draft}")
        raise


def checked(draft):
    before = {key: snapshot(value) for key, value in draft.arguments.items() if key != "out"}
    plain = {key: copied(value) for key, value in draft.arguments.items()}
    try:
        got = draft.function(**draft.arguments)
    except LuceError as error:
        return f"{draft.name}: {str(error)[:60]}" if not draft.spoiled else "refused"
    except TypeError as error:
        if draft.spoiled and "required positional argument" in str(error):
            return "refused"
        raise
    out = draft.arguments.get("out")
    for key, value in draft.arguments.items():
        if key != "out" and value is not out:
            assert snapshot(value) == before[key], f"{key} was changed"
    assert out is None or got is out, "out is not what is returned"
    for one in leaves(got):
        assert isinstance(one, np.generic) or type(one) is np.ndarray or one is out, type(one)
        assert one.dtype.isnative or one is out, one.dtype
    if "rng" in draft.parameters and draft.arguments.get("rng") is None:
        return "passed"
    luce.set_num_threads(1)
    again = draft.function(**plain)
    for one, other in zip(leaves(got), leaves(again), strict=True):
        assert one.dtype.newbyteorder("=") == other.dtype.newbyteorder("="), "dtype of a plain copy"
        assert plain_bytes(one) == plain_bytes(other), "the bits of a plain copy differ"
    if not draft.spoiled:
        check_shape_and_dtype(draft, got)
        check_numbers(draft, got)
        factors = [np.asarray(draft.arguments.get(key, 0), "f8") for key in ("u", "v", "vector")]
        if all(np.isfinite(one).all() for one in factors):  # infinity would magnify the last bit
            with twin_kernels():
                other = draft.function(**{key: copied(value) for key, value in plain.items()})
            check_twin(draft, got, other)
    return "passed"


def check_shape_and_dtype(draft, got):
    x = np.asarray(draft.arguments.get("x", draft.arguments.get("logits")))
    dtype = np.dtype("f8") if x.dtype.kind in "iu" else x.dtype.newbyteorder("=")
    if draft.name in SAME_SHAPE:
        assert got.shape == x.shape, got.shape
        assert got.dtype.newbyteorder("=") == dtype, got.dtype
    if isinstance(got, losses.LossGrad) and "logits" in draft.arguments:
        assert got.grad.shape == x.shape, got.grad.shape
        assert got.grad.dtype == dtype, got.grad.dtype
        assert got.loss.dtype == np.float64, got.loss.dtype


def check_numbers(draft, got):
    given = [
        value for value in draft.arguments.values() if not isinstance(value, (str, bool, type))
    ]
    finite = all(np.isfinite(np.asarray(one, "f8")).all() for one in given if one is not None)
    of_nothing = draft.name in MAY_BE_NAN or any(0 in np.shape(one) for one in given)
    of_nothing |= bool({"where", "ignore_index", "weight", "class_weight"} & draft.arguments.keys())
    # The square of lse, or of 1 / T, beyond the range: its sums may be infinity minus infinity.
    of_nothing |= (
        bool(draft.arguments.get("z_loss")) and draft.arguments.get("temperature", 1) < 1e-100
    )
    if finite and not of_nothing:
        for one in leaves(got):
            assert not np.isnan(one.astype("f8")).any(), "NaN of finite arguments"
    if draft.name in DISTRIBUTIONS:
        p = got.astype("f8")
        known = ~np.isnan(p)
        assert (p[known] >= 0).all(), "below 0"
        assert (p[known] <= 1).all(), "above 1"
        axis = draft.arguments.get("axis", -1)
        total, count = p.sum(axis), p.size // max(1, p.sum(axis).size)
        step, smallest = spacing(1.0, got.dtype), spacing(0.0, got.dtype)
        slack = step + count * smallest + 2**-53 * (2 + count)
        slack += 2.5e-7 if got.dtype.itemsize == 4 else 0
        right = np.isnan(total) | (np.abs(total - 1) <= slack)
        if draft.arguments.get("empty") == "zero" or not count:
            right |= total == 0
        assert right.all(), f"sums to {np.asarray(total)[~right].flat[0]!r}"


def check_twin(draft, got, other):
    bounds = promises(draft.function)
    x = np.asarray(next(iter(draft.arguments.values())))
    computed = "float64" if x.dtype.kind in "iu" or x.dtype.itemsize == 8 else "float32"
    bound = 2 * max(value for key, value in bounds.items() if computed in key) + 1
    for one, two in zip(leaves(got), leaves(other), strict=True):
        a, b = one.astype("f8"), two.astype("f8")
        if draft.name in DRAWN or not a.size:
            continue
        assert (np.isnan(a) == np.isnan(b)).all(), "native and twin disagree on NaN"
        same = (a == b) | np.isnan(a)
        if same.all():
            continue
        dtype = one.dtype if one.dtype.itemsize < 8 else np.dtype(computed)
        unit = spacing(np.maximum(np.abs(a), np.abs(b)), dtype)
        if draft.name not in ("softmax", "log_softmax", "sigmoid", "log_sigmoid"):
            scale = largest_of(x) / 1000 if "exp" in draft.name else 0
            largest = max(largest_of(a), scale)  # terms may cancel: the unit is that of the largest
            unit = np.maximum(unit, spacing(largest, dtype))
        with np.errstate(over="ignore", invalid="ignore"):
            near = same | (
                np.abs(a - b) <= bound * unit + cancelled(draft, largest_of(a), computed)
            )
        assert near.all(), f"native {a[~near][0]!r}, twin {b[~near][0]!r}"


def cancelled(draft, largest, dtype):
    """Return what rounding may come to where terms cancel, beyond that of the largest result."""
    given = draft.arguments
    step, temperature = spacing(1.0, dtype), given.get("temperature", 1.0)
    if draft.name.startswith(("kl", "distillation")):
        return 16 * step * max(temperature, 1.0 / temperature)
    if draft.name.endswith(("vjp", "jvp")):
        vector = given.get("v", given.get("u", 0.0))
        return 16 * step * largest_of(vector) * max(1, np.size(vector)) / temperature
    if not draft.name.startswith("linear"):
        cap, size = given.get("softcap") or np.inf, largest_of(given.get("logits", 0))
        capped = (size / cap + min(size, cap) / temperature) if cap < np.inf else 0.0
        terms = largest_of(given.get("weight", 1.0)) / temperature  # p sum(t) and t of a gradient
        return 16 * step * (capped * largest + terms * draft.name.startswith("cross_entropy"))
    hidden, weight = largest_of(given["hidden"]), largest_of(given["weight"])
    logits = np.shape(given["hidden"])[-1] * hidden * weight  # the largest sum of sizes
    logits /= min(temperature, given.get("softcap") or 1.0)
    rows = 1 + np.size(given["hidden"])
    terms = rows * (hidden + weight) / min(1.0, temperature)
    return 100 * step * (1.0 + logits) * (largest + terms)


def largest_of(values):
    """Return the largest size among the finite values."""
    sizes = np.abs(np.asarray(values, "f8"))
    return sizes[np.isfinite(sizes)].max(initial=0)


@contextmanager
def twin_kernels():
    """Let everything run on the NumPy twin for a while."""
    own = {name: getattr(kernels, name) for name in vars(twin) if hasattr(kernels, name)}
    own = {name: value for name, value in own.items() if callable(value)}
    try:
        for name in own:
            setattr(kernels, name, getattr(twin, name))
        yield
    finally:
        for name, value in own.items():
            setattr(kernels, name, value)


def spacing(value, dtype):
    """Return the distance of neighbouring numbers of a dtype at a value."""
    bits, lowest = EXPONENTS[np.dtype(dtype).name]
    _, exponent = np.frexp(np.asarray(value, "f8"))
    return np.ldexp(1.0, np.maximum(exponent - 1, lowest) - bits)


def leaves(result):
    every = list(result) if isinstance(result, tuple) else [result]
    return [one for one in every if one is not None]


def snapshot(value):
    return (value.tobytes(), value.shape) if isinstance(value, np.ndarray) else repr(value)


def plain_bytes(array):
    return np.asarray(array).astype(array.dtype.newbyteorder("="), order="C").tobytes()


def copied(value):
    """Return a plain copy of an array, or the argument itself."""
    if type(value) not in (np.ndarray, Subclass) or value.dtype.kind in "VO":
        return value.copy() if isinstance(value, np.ndarray) and value.flags.writeable else value
    return np.array(value, value.dtype.newbyteorder("="), order="C", subok=False)

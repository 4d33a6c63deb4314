"""Call the functions and losses with random arguments, good and bad, and look for what must not be.

    python bench/fuzz.py [--minutes 5] [--seed 0] [--trials N] [--only softmax,logsumexp]

A trial draws a function, shapes (long, scalar and empty ones too), dtypes, memory layouts, axes,
masks, options, special values, and in one trial of four something that does not belong. It fails if

- the process dies, or anything but a LuceError comes out of a call, or any warning does;
- an argument is changed, or the result is no plain array of the promised dtype and shape;
- a plain copy of the arguments, or another number of threads, gives other bits;
- probabilities are not in [0, 1] with the sum 1, or finite arguments give NaN;
- the native core and the NumPy twin are further apart than both promise.

Each failure prints the command that runs it again; there are none if the exit code is 0.
"""

import argparse
import faulthandler
import inspect
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from reference.promises import promises

import luce
from luce import functions, kernels, losses
from luce.errors import LuceError
from luce.kernels import _numpy as twin

FUNCTIONS = {
    name: value
    for room in (functions, losses)
    for name, value in vars(room).items()
    if not name.startswith("_") and inspect.isroutine(value)
}
LOSSES = {name for name in FUNCTIONS if hasattr(losses, name)}
DISTRIBUTIONS = {"softmax", "sparsemax", "entmax", "gumbel_softmax", "hardmax"}
SAME_SHAPE = DISTRIBUTIONS | {"log_softmax", "sigmoid", "log_sigmoid", "softplus", "tanh", "relu"}
# These have NaN for finite arguments by their definition.
MAY_BE_NAN = {"logsumexp", "logit", "logit_grad", "label_ranking", "label_ranking_grad"}
DRAWN = {"sample_categorical", "softmax_top_k", "hardmax"}  # the twin's last bit may decide a tie

SPECIAL = (
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1e30,
    -1e30,
    33e3,
    -33e3,
    520.0,
    1e-40,
    -104.0,
    -745.0,
)
LENGTHS = (0, 1, 1, 2, 2, 3, 5, 7, 8, 10, 16, 17, 31, 33, 64, 100, 129)
FLOATS = ("f2", "f4", "f4", "f4", "f8", "f8", "f8", ">f4", ">f8", ">f2")
INTEGERS = ("i1", "u1", "i2", "i4", "u4", "i8", "u8", ">i4")
try:
    import ml_dtypes

    FLOATS += (ml_dtypes.bfloat16,)
except ImportError:
    pass


# Bits of the significand, exponent of the smallest normal number.
EXPONENTS = {
    "float16": (10, -14),
    "bfloat16": (7, -126),
    "float32": (23, -126),
    "float64": (52, -1022),
}
CHOICES = {
    "keepdims": (True, False),
    "symmetric": (True, False),
    "renormalize": (True, False),
    "hard": (True, False),
    "label_smoothing": (0.0, 0.1, 0.9),
    "ignore_index": (None, -100, 0, 1),
    "reduction": ("mean", "sum", "none"),
    "empty": ("nan", "zero", "raise"),
    "infinity": ("nan", "limit"),
    "weighting": ("class", "row"),
    "normalizer": (None, 3.5),
    "softcap": (None, 30.0, 1e-3),
    "z_loss": (0.0, 1e-4, 1.0),
    "focal_gamma": (0.0, 1.0, 2.0, 0.5),
    "margin": (0.1, 0.5, 1.0),
    "scale": (1.0, 64.0),
    "power": (1, 2),
    "kind": ("crammer-singer", "weston-watkins"),
    "ties": ("first", "share"),
    "approximate": ("none", "tanh"),
    "delta": (0.1, 1.0, 10.0),
    "p": (1.0, 2.0, 7.5, 100.0),
    "rng": (0, 1, 2, 3),
    "size": (None, 3, (2, 2)),
    "slope": (0.0, 0.01, 2.0),
    "at_zero": (0.0, 0.5, 1.0),
    "dtype": (np.float32, np.float64),
}


class Subclass(np.ndarray):
    """A subclass that adds nothing."""


class Draft:
    """One call in the making."""

    def __init__(self, rng, name):
        self.rng, self.name, self.function = rng, name, FUNCTIONS[name]
        self.parameters = inspect.signature(self.function).parameters
        self.shape = self.some_shape()
        self.dtype = self.pick(INTEGERS) if rng.random() < 0.1 else self.pick(FLOATS)
        self.wild = rng.random() < 0.3  # whether infinities and NaN occur
        self.axis = -1
        self.arguments = {}
        for key, one in self.parameters.items():
            if one.default is one.empty or rng.random() < 0.3:
                made = self.make(key)
                if made is not NotImplemented:
                    self.arguments[key] = made
        self.spoiled = rng.random() < 0.25 and self.spoil()

    def pick(self, choices):
        return choices[int(self.rng.integers(len(choices)))]

    def some_shape(self):
        rng = self.rng
        of_pairs = self.name.startswith("label_ranking") or self.name.endswith("jacobian")
        if rng.random() < 0.06 and not of_pairs:
            long = int(rng.choice([4097, 16_384, 16_385, 40_000, 70_001]))
            return self.pick([(long,), (2, long), (long, 2), (1, long, 1)])
        shape = tuple(self.pick(LENGTHS) for _ in range(self.pick((0, 1, 1, 2, 2, 2, 3, 3, 4))))
        return shape if np.prod(shape) <= (1 << 11 if of_pairs else 1 << 15) else shape[-1:]

    def make(self, key):
        """Return a value for a parameter, or NotImplemented to leave its default."""
        if key in CHOICES:
            return self.pick(CHOICES[key])
        maker = getattr(self, f"make_{key}", None)
        return maker() if maker else NotImplemented

    # Arrays

    def numbers(self, shape=None, dtype=None, wild=None):
        rng, shape = self.rng, self.shape if shape is None else shape
        dtype = np.dtype(self.dtype if dtype is None else dtype)
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            low, high = self.pick([(info.min, info.max), (max(info.min, -9), 9)])
            return self.laid(rng.integers(low, high, shape, dtype.newbyteorder("="), True), dtype)
        scale = self.pick((0.0, 1e-3, 1.0, 5.0, 30.0, 1e3))
        values = np.asarray(rng.normal(0, 1, shape) * scale)
        if (self.wild if wild is None else wild) and values.size:
            at = rng.integers(0, values.size, 1 + values.size // 9)
            values.reshape(-1)[at] = rng.choice(SPECIAL, len(at))
        with np.errstate(over="ignore"):
            return self.laid(values, dtype)

    def laid(self, values, dtype):
        """Return the values in some memory layout."""
        array = np.asarray(values).astype(dtype)
        kind = int(self.rng.integers(12))
        if kind == 1:
            return np.asfortranarray(array)
        if kind == 2 and array.ndim:
            return np.flip(np.flip(array).copy())
        if kind == 3 and array.ndim:
            return np.repeat(array, 2, axis=-1)[..., ::2]
        if kind == 4 and array.ndim and len(array):
            return np.broadcast_to(array[:1], array.shape)
        if kind == 5:
            memory = np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:]
            return memory.view(dtype).reshape(array.shape) if array.size else array
        if kind == 6:
            return array.view(Subclass)
        if kind == 7 and array.dtype.kind in "fiu" and array.size < 300:
            return array.tolist()
        if kind == 8:
            array.flags.writeable = False
        return array

    def make_x(self):
        if self.name in ("logit", "logit_grad"):
            return self.laid(self.rng.random(self.shape), np.dtype(self.pick(("f4", "f8"))))
        return self.numbers()

    make_logits = make_teacher_logits = make_u = make_vector = make_x
    make_prediction = make_predictions = make_x

    def make_v(self):
        if self.name.split("_")[0] in ("softmax", "log", "sparsemax", "entmax"):
            return self.numbers()
        return self.numbers(self.rows())

    def make_cosines(self):
        dtype = np.dtype(self.pick(("f2", "f4", "f8")))
        return self.laid(self.rng.uniform(-1, 1, self.shape), dtype)

    def make_hidden(self):
        self.shape = (*self.shape[:-1], self.pick((0, 1, 3, 20)))
        return self.numbers(wild=False)

    def make_similarities(self):
        self.shape = (self.pick(LENGTHS),) * 2
        return self.numbers()

    def make_distances(self):
        return self.laid(
            np.abs(self.rng.normal(0, 2, self.shape)), np.dtype(self.pick(("f4", "f8")))
        )

    def make_same(self):
        return self.laid(self.rng.random(self.shape) < 0.5, np.dtype(bool))

    make_relevant = make_same

    def make_weight(self):
        if "hidden" in self.arguments:
            k = self.pick((1, 2, 10, 100))
            made = self.numbers((k, self.shape[-1]), wild=False)
            self.shape = (*self.shape[:-1], k)
            return made
        return self.numbers_of_classes()

    def make_class_weight(self):
        return self.numbers_of_classes()

    make_bias = make_class_weight

    def numbers_of_classes(self):
        weight = np.abs(self.rng.normal(1, 1, self.classes()))
        if weight.size > 1 and self.rng.random() < 0.3:
            weight[0] = 0.0
        return self.laid(weight, np.dtype(self.pick(("f4", "f8"))))

    def make_b(self):
        return self.numbers(wild=False, dtype="f8")

    def classes(self):
        axis = self.axis if isinstance(self.axis, int) else -1
        return self.shape[axis] if -len(self.shape) <= axis < len(self.shape) else 1

    def rows(self):
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        if self.axis is None:
            return ()
        gone = {axis % max(1, len(self.shape)) for axis in axes}
        return tuple(length for i, length in enumerate(self.shape) if i not in gone)

    def make_labels(self):
        self.choose_axis()
        k = max(1, self.classes())
        labels = np.asarray(self.rng.integers(0, k, self.rows()))
        return self.laid(labels, np.dtype(self.pick(INTEGERS if k <= 127 else ("i4", "i8", "u4"))))

    def make_target(self):
        if self.name.split("_")[0] in ("mse", "mae", "huber"):
            return self.numbers()
        if self.name.startswith("binary"):
            return self.laid(self.rng.random(self.shape), np.dtype("f4"))
        if self.rng.random() < 0.5 and not self.name.startswith("kl"):
            return self.make_labels()
        self.choose_axis()
        raw = np.abs(self.rng.normal(0, 1, self.shape)) + 1e-9
        axis = self.axis if self.shape else None
        with np.errstate(invalid="ignore"):
            return self.laid(raw / raw.sum(axis, keepdims=True), np.dtype(self.pick(("f4", "f8"))))

    def choose_axis(self):
        """Choose the axis of a loss before its labels are made."""
        if "axis" in self.parameters and self.shape and self.rng.random() < 0.3:
            self.axis = self.arguments["axis"] = int(self.rng.integers(len(self.shape)))

    def make_where(self):
        mask = np.asarray(self.rng.random(self.shape) < self.pick((0.0, 0.5, 0.9, 1.0)))
        if mask.ndim and self.rng.random() < 0.3:
            mask = mask[..., :1]
        return self.laid(mask, np.dtype(bool))

    # Options

    def make_axis(self):
        if "axis" in self.arguments or any(key in self.arguments for key in ("target", "labels")):
            return self.arguments.get("axis", NotImplemented)
        n = len(self.shape)
        if self.name in LOSSES or self.name.endswith(("jacobian", "top_k", "categorical")) or not n:
            return NotImplemented
        several = tuple(int(one) for one in self.rng.permutation(n)[: self.rng.integers(1, n + 1)])
        self.axis = self.pick([int(self.rng.integers(-n, n)), several, None])
        return self.axis

    def make_out(self):
        if "keepdims" in self.parameters:
            return NotImplemented
        x = self.arguments["x"]
        dtype = np.asarray(x).dtype
        dtype = np.dtype("f8") if dtype.kind in "iu" else dtype.newbyteorder("=")
        out = np.full(np.shape(x), 7, dtype, order=self.pick("CF"))
        usable = type(x) is np.ndarray and x.dtype == dtype and x.flags.writeable
        return x if usable and self.rng.random() < 0.3 else out

    def make_temperature(self):
        return float(10 ** self.rng.uniform(*self.pick([(-2, 2), (-300, 300)])))

    def make_alpha(self):
        return self.pick((1.0, 1.25, 1.5, 2.0, 3.0) if "max" in self.name else (0.0, 0.5, 1.0))

    def make_k(self):
        return int(self.rng.integers(1, max(2, self.classes() + 1)))

    def make_classes(self):
        return int(np.max(self.arguments["labels"], initial=0)) + self.pick((1, 4))

    def spoil(self):
        """Replace one argument by something that does not belong there."""
        key = self.pick(list(self.parameters))
        junk = [
            None, "text", b"bytes", object(), True, -1, 0, 10**400, float("nan"), float("inf"), 1j,
            [], [[]], {}, {1}, [[1.0], [1.0, 2.0]], ["a"], [None], (0, 0), (0, 5), (), [0, 1], -7,
            np.ma.array([1.0, 2.0], mask=[True, False]), np.zeros(2, "M8[s]"), np.zeros((2, 0)),
            np.array([1, None]), np.zeros(3, np.clongdouble), np.ones(3, np.longdouble),
            np.zeros(2, "U3"), np.array(3.0), np.float32(2), np.bool_(True),
            np.zeros((2, 3, 4, 5)), np.zeros(self.shape, bool), np.full(self.shape, -1),
            np.full(self.shape, np.nan), np.zeros((1,) * 33), self.numbers(), lambda: 0, type,
            memoryview(b"abcd"), range(3), np.zeros(self.shape, "f4"),
        ]  # fmt: skip
        if self.parameters[key].default not in (
            True,
            False,
        ):  # NumPy's flags are not checked either
            self.arguments[key] = self.pick(junk)
        return True

    def __str__(self):
        shown = {
            key: f"{type(value).__name__} {value.dtype} {value.shape} strides {value.strides}"
            if isinstance(value, np.ndarray)
            else repr(value)[:200]
            for key, value in self.arguments.items()
        }
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in shown.items())})"


# What is checked


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
    """Return what the rounding of logits may come to where it is more than the result's own."""
    given = draft.arguments
    step, temperature = spacing(1.0, dtype), given.get("temperature", 1.0)
    if draft.name.startswith(("kl", "distillation")):
        return 16 * step * max(temperature, 1.0 / temperature)
    if not draft.name.startswith("linear"):
        cap, size = given.get("softcap") or np.inf, largest_of(given.get("logits", 0))
        capped = size / cap + min(size, cap) / temperature * np.isfinite(cap)
        return 16 * step * capped * largest
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


# Trials one after the other, in a process of their own that may die


def work(options, place):
    """Run trials from options.seed on, and write each seed down before it starts."""
    warnings.simplefilter("error")
    names = options.only.split(",") if options.only else sorted(FUNCTIONS)
    end = time.monotonic() + 60 * options.minutes
    failures, outcomes, seed = 0, Counter(), options.seed
    with place.open("r+b", buffering=0) as notes:
        while time.monotonic() < end and seed - options.seed < options.trials:
            notes.seek(0)
            notes.write(b"%20d" % seed)
            faulthandler.dump_traceback_later(options.patience, exit=True)
            try:
                outcomes[trial(seed, names)] += 1
            except Exception:
                failures += 1
                show(options, seed, traceback.format_exc(limit=-3))
            seed += 1
            if failures == options.failures:
                break
    print(f"{seed - options.seed} trials, {failures} failures, {outcomes['passed']} passed,")
    print(f"{outcomes['refused']} refused as they should be. Refused though nothing was spoiled:")
    for what, count in outcomes.most_common(options.refusals + 2):
        if what not in ("passed", "refused"):
            print(f"  {count:6} {what}")
    return 2 if failures else 0


def show(options, seed, text):
    only = f" --only {options.only}" if options.only else ""
    again = f"python bench/fuzz.py --seed {seed} --trials 1{only}"
    print(f"FAILURE, again with: LUCE_SIMD={kernels.simd()} {again}\n{text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=10**12)
    parser.add_argument("--failures", type=int, default=10, help="stop after so many")
    parser.add_argument("--refusals", type=int, default=12, help="kinds to show")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for a trial")
    parser.add_argument("--only", help="functions, instead of all")
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.place:
        return work(options, options.place)
    status, end, seed = 0, time.monotonic() + 60 * options.minutes, options.seed
    with tempfile.NamedTemporaryFile() as notes:
        while True:
            notes.seek(0)
            notes.truncate()
            minutes = str(max(0.0, end - time.monotonic()) / 60)
            call = [sys.executable, *sys.argv, "--place", notes.name]
            call += ["--minutes", minutes, "--seed", str(seed)]
            call += ["--trials", str(options.trials - (seed - options.seed))]
            died = subprocess.run(call, check=False, env=os.environ).returncode
            if died in (0, 2):
                return max(status, died)
            status = 2
            seed = int(Path(notes.name).read_bytes())
            cause = signal.Signals(-died).name if died < 0 else "exhausted patience"
            show(options, seed, f"the process died of {cause}")
            seed += 1


if __name__ == "__main__":
    sys.exit(main())

"""A call in the making: a function, arrays of all kinds, options, and perhaps a mistake."""

import inspect

import numpy as np

from luce import functions, losses

FUNCTIONS = {
    name: value
    for room in (functions, losses)
    for name, value in vars(room).items()
    if not name.startswith("_") and inspect.isroutine(value)
}

LOSSES = {name for name in FUNCTIONS if hasattr(losses, name)}

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
        labels = self.arguments["labels"]
        most = 10**7 // max(1, np.size(labels))  # more would fill the memory with zeros
        return min(int(np.max(labels, initial=0)) + self.pick((1, 4)), most)

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

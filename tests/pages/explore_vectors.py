"""Golden vectors for the mathematics of the Explore pages, written by luce itself."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import luce
from luce import losses
from luce.tasks.logits import describe_logits

INF, NAN = math.inf, math.nan
TEMPERATURES = (1.0, 0.5, 3.0, 100.0, 1e-3, 1e-300, 5e-324, 1e300, 1e308)
Case = dict[str, Any]


def vectors() -> dict[str, list[Case]]:
    """Return, for each function of static/js/maths, arguments and what they give.

    A case may name a `unit`: the size of terms that cancel, of which the error is a fraction.
    """
    with np.errstate(all="ignore"):
        return {
            **_softmax_family(),
            **_sparse(),
            **_activations(),
            **_sampling(),
            **_losses(),
        }


def _rows() -> Iterator[list[float]]:
    yield from (
        [2.0, 1.0, 0.1], [5.0], [0.0, 0.0], [0.0, -40.0], [-40.0, 0.0, -40.0], [1000.0, 999.0, 0.0],
        [1e308, -1e308], [1e308, 1e308, 0.0], [-1e308, -1e308], [-INF, 0.0, 1.0], [INF, 0.0],
        [INF, INF], [-INF, -INF], [NAN, 0.0], [5e-324, 0.0, -5e-324], [1e-310, 2e-310],
        [0.0, -708.0, -720.0], [0.0, -740.0, -745.0], [0.0] + [-744.0] * 20, [0.0, -800.0],
        [3.0, 7.0, 7.0], [1e16, 1e16 + 2], [0.0, -4e-298, -4.5e-298],
    )  # fmt: skip
    rng = np.random.default_rng(5)
    for k, scale in ((2, 1.0), (10, 3.0), (100, 1.0), (100, 30.0), (100, 300.0), (500, 10.0)):
        yield (scale * rng.standard_normal(k)).tolist()


def _softmax_family() -> dict[str, list[Case]]:
    names = ("softmax", "logSoftmax", "logsumexp", "entropy", "softmaxJacobian", "softmaxProduct")
    found: dict[str, list[Case]] = {name: [] for name in (*names, "hardmax", "naiveSoftmax")}
    rng = np.random.default_rng(6)
    for z in _rows():
        for t in TEMPERATURES:
            args = [z, t]
            largest = max((abs(x) for x in z if math.isfinite(x)), default=0.0)
            found["softmax"].append(_case(args, luce.softmax(z, temperature=t)))
            found["logSoftmax"].append(_case(args, luce.log_softmax(z, temperature=t)))
            lse = luce.logsumexp(z, temperature=t)
            found["logsumexp"].append(_case(args, lse, unit=largest))
            found["entropy"].append(_case(args, describe_logits(z, temperature=t).entropy))
            if len(z) > 10:
                continue
            found["softmaxJacobian"].append(
                _case(args, luce.softmax_jacobian(z, temperature=t).ravel())
            )
            v = rng.standard_normal(len(z)) + 1e3
            p = luce.softmax(z, temperature=t)
            unit = p / t * (p * np.abs(v[:, None] - v)).sum(axis=1)
            product = luce.softmax_vjp(z, v, temperature=t)
            found["softmaxProduct"].append(_case([z, v.tolist(), t], product, unit=unit))
        for ties in ("first", "share"):
            found["hardmax"].append(_case([z, ties], luce.hardmax(z, ties=ties)))
        limit = luce.hardmax(z, ties="share")
        finite = all(x < INF for x in z) or any(math.isnan(x) for x in z)
        if finite:
            found["softmax"].append(_case([z, 0], limit))
            found["logSoftmax"].append(_case([z, 0], np.log(limit)))
        for bits, kind, bound in ((64, np.float64, 1e-12), (32, np.float32, 1e-6)):
            powers = np.exp(np.array(z, kind))
            naive = powers / powers.cumsum(dtype=kind)[-1]
            found["naiveSoftmax"].append(_case([z, 1, bits], naive, bound=bound))
    return found


def _sparse() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {"sparsemax": [], "entmax": []}
    edge = [
        [0.0, -1.0], [0.0, -1.0 + 2.0**-40], [0.0, -1.0 + 2.0**-52], [1e9, 1e9 - 1 + 2.0**-20],
        [0.3, -0.7 + 1e-14, -0.2], [0.0, -0.2, -0.6 - 1e-13], [0.0, -0.2, -0.6 + 1e-13],
        [0.0, -2.0, -2.0 + 1e-13], [1.0, 0.7, 0.4, 0.1 + 1e-12],
    ]  # fmt: skip
    rows = [z for z in [*_rows(), *edge] if len(z) <= 100]
    for z in rows:
        for t in (1.0, 0.3, 10.0, 1e-300, 1e308):
            found["sparsemax"].append(_case([z, t], luce.sparsemax(z, temperature=t)))
            for alpha in (1.0, 1.00001, 1.2, 1.5, 1.9, 2.0, 2.5, 4.0):
                p = luce.entmax(z, alpha, temperature=t)
                slope = np.where(p > 0, p, np.nan) ** (2 - alpha)
                unit = np.nan_to_num(slope / np.nansum(slope)) if alpha % 0.5 else 0.0
                unit = unit if alpha <= 2 else np.nan_to_num(slope / np.nansum(slope))
                found["entmax"].append(_case([z, alpha, t], p, unit=unit))
    return found


def _activations() -> dict[str, list[Case]]:
    sizes = (
        0.0,
        5e-324,
        1e-310,
        1e-8,
        0.1,
        1.0,
        5.0,
        20.0,
        40.0,
        372.0,
        700.0,
        745.0,
        7.3e-298,
        INF,
    )
    x = np.array([*sizes, *(-each for each in sizes), NAN])
    found = {
        "step": [_each(x, luce.step(x))],
        "stepGrad": [_each(x, luce.step_grad(x))],
        "tanh": [_each(x, luce.tanh(x))],
        "tanhGrad": [_each(x, luce.tanh_grad(x))],
        "relu": [_each(x, luce.relu(x))],
        "reluGrad": [_each(x, luce.relu_grad(x))],
        "sigmoid": [_each(x, luce.step(x), 0)],
        "logSigmoid": [],
        "sigmoidGrad": [],
    }
    for t in (*TEMPERATURES[:4], 1e-3, 1e-300, 1e300):
        found["sigmoid"].append(_each(x, luce.sigmoid(x, temperature=t), t))
        found["logSigmoid"].append(_each(x, luce.log_sigmoid(x, temperature=t), t))
        found["sigmoidGrad"].append(_each(x, luce.sigmoid_grad(x, temperature=t), t))
    return found


def _sampling() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {"uniforms": [], "draw": []}
    for seed in (0, 1, 42, 2**31, 2**32, 2**32 + 5, 2**53 - 1):
        found["uniforms"].append(_case([seed, 50], np.random.default_rng(seed).random(50)))
    for seed, z in enumerate(([2.0, 1.0, 0.1], [0.0, -INF, 3.0, -INF], [0.0] * 100, [0.0, -60.0])):
        drawn = luce.sample_categorical(z, size=1000, rng=seed)
        found["draw"].append(_case([z, seed, 1000], drawn))
    return found


def _losses() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {"crossEntropy": [], "squaredError": [], "distillation": []}
    rng = np.random.default_rng(7)
    rows = [z for z in _rows() if len(z) <= 100 and len(z) > 1]
    for z in rows:
        k = len(z)
        weight = rng.uniform(0.1, 3.0, k).tolist()
        soft = rng.dirichlet(np.ones(k)).tolist()
        for q in (_one_hot(0, k), _one_hot(k - 1, k), soft):
            for options in (
                {}, {"smoothing": 0.1}, {"weight": weight}, {"gamma": 2.0}, {"temperature": 3.0},
                {"smoothing": 0.3, "weight": weight, "gamma": 0.5, "temperature": 0.5},
            ):  # fmt: skip
                found["crossEntropy"].append(_cross_entropy(z, q, options))
            for t in (1.0, 4.0):
                found["squaredError"].append(_squared_error(z, q, t))
        near = (np.array(z) + 1e-9 * rng.standard_normal(k)).tolist()
        for teacher in (z, near, rng.standard_normal(k).tolist(), z[::-1]):
            for t, alpha in ((1.0, 1.0), (4.0, 0.7), (0.5, 0.0), (20.0, 1.0)):
                found["distillation"].append(_distillation(z, teacher, t, alpha))
    return found


def _one_hot(label: int, k: int) -> list[float]:
    """Return a label as a distribution."""
    return [float(j == label) for j in range(k)]


def _cross_entropy(z: list[float], q: list[float], options: dict[str, Any]) -> Case:
    weight, gamma = options.get("weight"), options.get("gamma", 0.0)
    t, s = options.get("temperature", 1.0), options.get("smoothing", 0.0)
    loss, grad = losses.cross_entropy_grad(
        z, q, weight=weight, label_smoothing=s, focal_gamma=gamma, temperature=t, reduction="none"
    )
    target = (np.ones(len(z)) if weight is None else np.array(weight)) * (
        (1 - s) * np.array(q) + s / len(z)
    )
    unit = _unit_of_gradient(z, target * (1 + gamma), t)
    return _case([z, q, options], [loss, *grad], unit=[0.0, *unit])


def _squared_error(z: list[float], q: list[float], t: float) -> Case:
    away = losses.cross_entropy_grad(z, q, temperature=t, reduction="none").grad * t  # p - q
    p = luce.softmax(z, temperature=t)
    grad = luce.softmax_vjp(z, 2 * away, temperature=t)
    part = _unit_of_gradient(z, np.array(q), 1.0 * t) * t
    unit = 2 * p / t * (part + (p * part).sum())
    return _case(
        [z, q, {"temperature": t}], [(away**2).sum(), *grad], unit=[(part**2).sum(), *unit]
    )


def _distillation(z: list[float], teacher: list[float], t: float, alpha: float) -> Case:
    loss, grad = losses.distillation_grad(
        z, teacher, 0, temperature=t, alpha=alpha, reduction="none"
    )
    p, q = luce.softmax(z, temperature=t), luce.softmax(teacher, temperature=t)
    away = np.abs(losses.distillation_grad(z, teacher, temperature=t, reduction="none").grad) / t
    unit = alpha * t * (away + np.minimum(p, q) * away.sum())
    unit += (1 - alpha) * _unit_of_gradient(z, np.array(_one_hot(0, len(z))), 1.0)
    options = {"temperature": t, "alpha": alpha, "label": 0}
    return _case([z, teacher, options], [loss, *grad], unit=[0.0, *unit])


def _unit_of_gradient(z: list[float], s: Any, t: float) -> Any:
    """Return ``(p_j sum_{l != j} s_l + s_j (1 - p_j)) / T``, whose terms cancel in a gradient."""
    p = luce.softmax(z, temperature=t)
    rest = np.array([np.delete(p, j).sum() for j in range(len(z))])
    return (p * (s.sum() - s) + s * rest) / t


def _each(x: Any, y: Any, *others: float) -> Case:
    return {"args": [_plain(x), *others], "expected": _plain(y)}


def _case(args: list[Any], expected: Any, **more: Any) -> Case:
    plain = {name: _plain(value) for name, value in more.items()}
    return {"args": _plain(args), "expected": _plain(expected), **plain}


def _plain(value: Any) -> Any:
    """Return what JSON can hold: it has no infinity and no NaN."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(each) for each in value]
    if isinstance(value, np.integer | int | str):
        return value if isinstance(value, str) else int(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)

"""The NumPy twin of the native core: the same functions, the same promises, only slower.

Arrays are C-contiguous float32 or float64 and checked by the caller. Everything is computed in
float64, a tile of rows at a time, and rounded once at the end. Two errors that float64 alone
would leave are carried along: the rounding of ``z - max`` (it would be multiplied by up to 745
in the result) and that of the division by the temperature.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.kernels._compressed_twin import sparse_dual as sparse_dual
from luce.kernels._compressed_twin import sparse_pass as sparse_pass
from luce.kernels._compressed_twin import sparse_pulled as sparse_pulled
from luce.kernels._panel_twin import softmax_dual as softmax_dual
from luce.kernels._panel_twin import softmax_pass as softmax_pass
from luce.kernels._panel_twin import to_panels as to_panels
from luce.kernels._panel_twin import weighted_grams as weighted_grams
from luce.kernels.pairs import gap_of, sums_of_rows

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]

_TILE = 1 << 16  # elements worked on at a time: half a megabyte of float64
_PRODUCT = 1 << 19  # numbers of a product that is to be added to another array
_TALL = 32  # rows that a library's matrix product gets at a time
_TINY = 1e-290  # a sum below it may have subnormal parts
_DEEP = 600.0  # is added to exponents, so that these parts are not subnormal
_EXP_DEEP, _EXP_DEEP_LEFT = (
    2.6503965530043108e-261,
    2.4061843916384774e-17,
)  # exp(-600), and the part of it that this lacks


class _Row(NamedTuple):
    """What is known of the rows of a tile."""

    gap: Doubles  # (rows, n)  (z - max) / temperature, rounded
    tail: Doubles  # (rows, n)  what the rounding of `gap` left over
    power: Doubles  # (rows, n)  exp(gap)
    top: Doubles  # (rows, 1)  max; NaN where it is not finite
    winner: NDArray[np.intp]  # (rows, 1)
    rest: Doubles  # (rows, 1)  sum of exp(gap + tail) without the winner's 1
    lost: Doubles  # (rows, 1)  what the rounding of `rest` left over


def softmax(z: Floats, out: Floats, axis: int = -1, temperature: float = 1.0) -> None:
    """Write the softmax of `z` along `axis` to `out`, which may be `z`."""
    with np.errstate(all="ignore"):
        for rows, target in _tiles(z, out, axis):
            row = _measure(rows, temperature)
            target[...] = _probabilities(row).reshape(target.shape)


def left_open(z: Floats, v: Floats, out: Floats, axis: int = -1, temperature: float = 1.0) -> bool:
    """Fill `out` with NaN and return False: the caller has a formula for what is left open."""
    out.fill(np.nan)
    return False


softmax_product = log_softmax_forward = log_softmax_backward = left_open


def log_softmax(z: Floats, out: Floats, axis: int = -1, temperature: float = 1.0) -> None:
    """Write the logarithm of the softmax of `z` along `axis` to `out`, which may be `z`."""
    with np.errstate(all="ignore"):
        for rows, target in _tiles(z, out, axis):
            row = _measure(rows, temperature)
            target[...] = _log_p(row).reshape(target.shape)


def logsumexp(z: Floats, out: Floats, axis: int = -1, temperature: float = 1.0) -> None:
    """Write ``T log(sum(exp(z / T)))`` along `axis` to `out`, which keeps it with length 1."""
    with np.errstate(all="ignore"):
        for rows, target in _tiles(z, out, axis):
            top = rows.max(axis=-1, keepdims=True)
            row = _measure(rows, temperature)
            rest = _wide_rest(row) if out.dtype == np.float64 else row.rest
            wide = top.astype(np.longdouble) + temperature * np.log1p(rest.astype(np.longdouble))
            total = np.where(np.isfinite(top), wide.astype(np.float64), top)
            target[...] = total.reshape(target.shape)


def sigmoid(z: Floats, out: Floats) -> None:
    """Write ``1 / (1 + exp(-z))`` to `out`, which may be `z`."""
    with np.errstate(all="ignore"):
        for x, target in _pieces(z, out):
            small = np.exp(-np.abs(x))
            target[...] = np.where(x < 0, small, 1.0) / (1.0 + small)


def log_sigmoid(z: Floats, out: Floats) -> None:
    """Write ``-log(1 + exp(-z))`` to `out`, which may be `z`."""
    with np.errstate(all="ignore"):
        for x, target in _pieces(z, out):
            target[...] = np.where(x < 0, x, 0.0) - np.log1p(np.exp(-np.abs(x)))


def softplus(z: Floats, out: Floats) -> None:
    """Write ``log(1 + exp(z))`` to `out`, which may be `z`."""
    with np.errstate(all="ignore"):
        for x, target in _pieces(z, out):
            target[...] = np.where(x > 0, x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def cross_entropy_rows(
    z: Floats,
    target: NDArray[Any],
    own: Doubles,
    spread: Doubles,
    w: Doubles | None,
    loss: Doubles,
    grad: Floats | None,
    z_weight: Doubles | None = None,
    temperature: float = 1.0,
) -> None:
    """Cross-entropy of each row of logits divided by the temperature, and its gradient.

    `target` holds a label for each row, ``t_ij = own_i [j = y_i] + spread_i w_j``, or a
    distribution, ``t_ij = (own_i q_ij + spread_i) w_j``. The loss of a row is ``-sum_j t_ij log
    p_ij + z_weight_i lse_i^2`` (with 0 * inf = 0), where ``1 - p`` of the winner is the sum of the
    others. `grad` may be `z`; `w` None = ones, `z_weight` None = zeros. A row with ``own = spread
    = 0`` gives zeros whatever it holds, and its label is not read.
    """
    n, k = z.shape
    weight = np.ones(k) if w is None else w
    z_weights = np.zeros(n) if z_weight is None else z_weight
    step = max(1, _TILE // k)
    with np.errstate(all="ignore"):
        for start in range(0, n, step):
            part = slice(start, start + step)
            t = _targets(target[part], own[part], spread[part], weight)
            _cross_entropy_tile(
                z[part], t, z_weights[part], temperature, (own[part] != 0) | (spread[part] != 0),
                loss[part], None if grad is None else grad[part],
            )  # fmt: skip


def softmax_curvature(p: Floats, u: Floats, scale: Floats, out: Floats) -> None:
    """Write ``scale_i p_ij (u_ij - sum_l p_il u_il)`` to `out`, which may be `u`."""
    step = max(1, _TILE // max(1, p.shape[1]))
    for start in range(0, len(p), step):
        part = slice(start, start + step)
        wide_p, wide_u = p[part].astype(np.float64), u[part].astype(np.float64)
        mean = (wide_p * wide_u).sum(axis=1, keepdims=True)
        out[part] = scale[part, None] * (wide_p * (wide_u - mean))


def softmax_gradient(p: Floats, v: Floats, out: Floats, temperature: float) -> None:
    """Write ``p_i (v_i - sum_j p_j v_j) / T`` along the last axis, v measured from the winner's."""
    with np.errstate(all="ignore"):
        for part in _parts(p):
            wide, given = _rows(p, part).astype(np.float64), _rows(v, part).astype(np.float64)
            lead = given - np.take_along_axis(given, wide.argmax(axis=1)[:, None], 1)
            mean = (wide * lead).sum(axis=1, keepdims=True)
            _rows(out, part)[...] = wide * (lead - mean) / temperature


def log_softmax_with_sums(z: Floats, out: Floats, sums: Doubles, temperature: float) -> None:
    """Write the logarithm of the softmax along the last axis; `sums` is for `log_softmax_gradient`.

    A row's is the sum of ``e^(z / T)``, or 0: then it is found again.
    """
    log_softmax(z, out, -1, temperature)
    sums[...] = 0.0


def log_softmax_gradient(
    z: Floats, sums: Doubles, v: Floats, out: Floats, temperature: float
) -> bool:
    """Write ``(v_i - p_i sum_j v_j) / T`` along the last axis; the winner's without ``1 - p``.

    False where rows hold NaN because their v is too large.
    """
    done = True
    with np.errstate(all="ignore"):
        for part in _parts(z):
            row, given = _measure(_rows(z, part).astype(np.float64), temperature), _rows(v, part)
            others = given.astype(np.float64)
            own = np.take_along_axis(others, row.winner, 1)
            np.put_along_axis(others, row.winner, 0.0, 1)
            rest = others.sum(axis=1, keepdims=True)
            result = given - _probabilities(row) * (own + rest)
            at_winner = (own * row.rest - rest) / (1.0 + row.rest)
            np.put_along_axis(result, row.winner, at_winner, 1)
            open_ones = np.isfinite(row.top) & ~np.isfinite(result).all(axis=1, keepdims=True)
            done = done and not open_ones.any()
            _rows(out, part)[...] = np.where(open_ones, np.nan, result / temperature)
    return done


def descend_matrix(
    h: Doubles,
    g: Doubles,
    v: Doubles,
    bound: Doubles,
    weight: Doubles,
    group: int,
    most: int,
    tol: float,
) -> float:
    """Minimise ``g (v - v0) + (v - v0) h (v - v0) / 2 + sum_b weight_b |v_b|_2`` by coordinates.

    Blocks of `group` neighbours take turns; `bound` is at least the largest eigenvalue of h in
    each (0: the block is left alone). `v` and its gradient `g` are overwritten. Ends after `most`
    passes, or after one in which no block was farther than `tol` from its optimum; returns how far
    the farthest was in the last, as a gradient.
    """
    farthest = 0.0
    for _ in range(most):
        farthest = 0.0
        for b in np.flatnonzero(bound > 0):
            own = slice(b * group, (b + 1) * group)
            step = _shrunk(v[own] - g[own] / bound[b], bound[b], weight[b]) - v[own]
            if step.any():
                v[own] += step
                g += step @ h[own]
                farthest = max(farthest, float(bound[b] * np.sqrt(step @ step)))
        if not farthest > tol:
            break
    return farthest


def descend_columns(
    start: NDArray[np.int64],
    rows: NDArray[np.int64] | None,
    values: Doubles,
    column: NDArray[np.int64],
    classes: NDArray[np.int64],
    gradient: Doubles,
    ridge: Doubles,
    origin: Doubles,
    bound: Doubles,
    weight: Doubles,
    sp: Doubles,
    p: Doubles | None,
    change: Doubles,
    mean: Doubles,
    v: Doubles,
    group: int,
    most: int,
    tol: float,
) -> float:
    """As `descend_matrix`, for the curvature of a softmax, which is never spelled out.

    Column c has the ``values[start[c]:start[c + 1]]``, in these `rows` (None: in all). Coefficient
    i belongs to column ``column[i // group]`` and class ``classes[i]``; `gradient` is that at
    `origin`. ``sp`` (k, n) holds weights times probabilities, ``p`` probabilities (None: a single
    row of coefficients, and sp its curvature); `change` (k, n) is the change of the logits and
    `mean` (n,) its mean over the classes of a row. `v`, `change` and `mean` are overwritten.
    """
    farthest = 0.0
    for _ in range(most):
        farthest = 0.0
        for b in np.flatnonzero(bound > 0):
            own = slice(b * group, (b + 1) * group)
            held = slice(start[column[b]], start[column[b] + 1])
            i = slice(None) if rows is None else rows[held]
            x, js = values[held], classes[own]
            slope = np.array([(x * sp[j, i]) @ (change[j, i] - mean[i]) for j in js])
            slope += gradient[own] + ridge[own] * (v[own] - origin[own])
            step = _shrunk(v[own] - slope / bound[b], bound[b], weight[b]) - v[own]
            for j, by in zip(js, step, strict=True):
                change[j, i] += by * x
                if p is not None:
                    mean[i] += by * x * p[j, i]
            v[own] += step
            farthest = max(farthest, float(bound[b] * np.sqrt(step @ step)))
        if not farthest > tol:
            break
    return farthest


def _shrunk(block: Doubles, bound: float, weight: float) -> Doubles:
    size = float(np.sqrt(block @ block)) * bound
    left = 1 - weight / size if size > weight else 0.0
    return left * block


def linear(h: Floats, w: Floats, transposed: bool, bias: Floats | None, z: Floats) -> None:
    """Write ``z_ij = sum_p h_ip w_jp + bias_j``; `w` is (k, d), or (d, k) if `transposed`.

    A library's product may sum in another order for another number of rows; it always gets the
    same number here, so that a row gives the same bits in every batch.
    """
    n, d = h.shape
    factor = w if transposed else w.T
    whole = n - n % _TALL
    if whole:
        tall = (whole // _TALL, _TALL)
        np.matmul(h[:whole].reshape(*tall, d), factor, out=z[:whole].reshape(*tall, z.shape[1]))
    if whole < n:
        padded = np.zeros((_TALL, d), h.dtype)
        padded[: n - whole] = h[whole:]
        z[whole:] = (padded @ factor)[: n - whole]
    if bias is not None:
        z += bias


def linear_grad_hidden(g: Floats, w: Floats, transposed: bool, out: Floats) -> None:
    """Write ``sum_j g_ij w_jp`` to `out` (n, d)."""
    np.matmul(g, w.T if transposed else w, out=out)


def linear_grad_weight(g: Floats, h: Floats, out: Floats, add: bool) -> None:
    """Write ``sum_i g_ij h_ip`` to `out` (k, d), or add it to what is there."""
    step = max(1, _PRODUCT // h.shape[1])
    for start in range(0, len(out), step):
        part = slice(start, start + step)
        if add:
            out[part] += g[:, part].T @ h
        else:
            np.matmul(g[:, part].T, h, out=out[part])


def byte_rows(text: bytes, width: int) -> bytes | None:
    """Return the bytes of the JSON ``{"rows": [[...], ...]}``, whose rows have `width` of them.

    None where the text is anything else, or where, as here, there is no short way: the caller then
    reads it as JSON.
    """
    return None


def narrow_logits(x: Floats, w: Floats, z: Floats) -> None:
    """Write ``x w^T`` to `z` (n, k) for float32 x (n, d) and w (k, d), k <= 16; on one thread."""
    np.matmul(x, w.T, out=z)


def narrow_pulled(g: Floats, x: Floats, out: Floats) -> None:
    """Write ``g^T x`` to `out` (k, d) for float32 g (n, k), x (n, d) and k <= 16; on one thread."""
    np.matmul(g.T, x, out=out)


def sparse_rows(
    starts: NDArray[Any], columns: NDArray[Any], x: Floats, w: Floats, out: Floats
) -> None:
    """Write ``X w`` to `out` (n, k) for X in compressed rows, `w` (m, k) being C-contiguous.

    The numbers of row i are ``x[starts[i]:starts[i + 1]]``, at `columns` of X. `out` may be float64
    where the others are float32: then that is the precision of the sums.
    """
    n, k = out.shape
    step = max(1, int(_TILE // k * n // max(1, len(x))))
    for start in range(0, n, step):
        part = slice(start, start + step)
        ends = starts[start : start + step + 1]
        some = slice(ends[0], ends[-1])
        products = x[some, None].astype(out.dtype) * w[columns[some]]  # (stored, k)
        filled = np.flatnonzero(np.diff(ends))
        out[part] = 0
        if len(filled):
            out[start + filled] = np.add.reduceat(products, ends[filled] - ends[0], axis=0)


def _targets(target: NDArray[Any], own: Doubles, spread: Doubles, w: Doubles) -> Doubles:
    """Return ``t_ij``, and zeros for rows whose `own` and `spread` are 0."""
    if target.ndim == 2:
        return np.where(w == 0, 0.0, w * (own[:, None] * target + spread[:, None]))
    t: Doubles = spread[:, None] * w
    counts = np.flatnonzero(own)
    t[counts, target[counts]] += own[counts]
    return t


def _cross_entropy_tile(
    z: Floats,
    t: Doubles,
    z_weight: Doubles,
    temperature: float,
    used: NDArray[np.bool_],
    loss: Doubles,
    grad: Floats | None,
) -> None:
    row = _measure(z.astype(np.float64), temperature)
    surprise = np.where(t == 0, 0.0, t * -_log_p(row)).sum(axis=1)  # 0 * inf = 0
    normaliser = (row.top / temperature + np.log1p(row.rest))[:, 0]
    loss[:] = surprise + np.where(z_weight == 0, 0.0, z_weight * normaliser * normaliser)
    loss[~used] = 0.0
    if grad is None:
        return
    pull = np.where(z_weight == 0, 0.0, 2.0 * z_weight * normaliser)
    p = _probabilities(row)
    result = p * (t.sum(axis=1) + pull)[:, None] - t
    # For the winner the sum leaves out its own target, which would cancel where p is near 1.
    winner = np.arange(len(z)), row.winner[:, 0]
    others = t.copy()
    others[winner] = 0.0
    rest = (row.rest / (1.0 + row.rest))[:, 0]
    result[winner] = p[winner] * (others.sum(axis=1) + pull) - t[winner] * rest
    result[~used] = 0.0
    grad[...] = result / temperature


def _measure(z: Doubles, temperature: float) -> _Row:
    winner = z.argmax(axis=-1)[:, None]  # the first NaN, where there is one
    top = np.take_along_axis(z, winner, -1)
    top[~np.isfinite(top)] = np.nan
    gap, tail = gap_of(z, top, temperature)
    power = np.exp(gap)
    np.put_along_axis(power, winner, np.where(np.isnan(top), top, 0.0), -1)
    rest, lost = _sum(power, power * tail)
    deep = np.flatnonzero(rest < _TINY)
    if len(deep):
        rest[deep], lost[deep] = _deep_rest(gap[deep], tail[deep], winner[deep]), 0.0
    np.put_along_axis(power, winner, 1.0, -1)
    return _Row(gap, tail, power, top, winner, rest, lost)


def _deep_rest(gap: Doubles, tail: Doubles, winner: NDArray[np.intp]) -> Doubles:
    """Return `rest` of rows where single powers may be subnormal: each would lose digits."""
    power = np.exp(gap + _DEEP)  # the sum is exact: every gap is below -660
    np.put_along_axis(power, winner, 0.0, -1)
    total, lost = _sum(power, power * tail)
    return (total + (lost + total * _EXP_DEEP_LEFT)) * _EXP_DEEP


def _probabilities(row: _Row) -> Doubles:
    """Return ``exp(gap + tail) / (1 + rest)``, the roundings before the division taken back."""
    total = 1.0 + row.rest
    seen = total - 1.0
    lost = ((1.0 - (total - seen)) + (row.rest - seen)) + row.lost
    p = row.power / total
    p += p * (row.tail - lost / total)
    return p


def _wide_rest(row: _Row) -> NDArray[np.longdouble]:
    """Return `row.rest` without the exponentials' own half ULP, which a lone logarithm shows."""
    power = np.exp(row.gap.astype(np.longdouble) + row.tail)
    np.put_along_axis(power, row.winner, 0.0, -1)
    rest: NDArray[np.longdouble] = power.sum(axis=-1, keepdims=True)
    return rest


def _sum(positive: Doubles, left: Doubles) -> tuple[Doubles, Doubles]:
    """Return the sum of both along rows, and what its rounding left over."""
    most, little = sums_of_rows(positive)
    little += left.sum(axis=-1, keepdims=True)
    total: Doubles = most + little
    return total, little - (total - most)


def _log_p(row: _Row) -> Doubles:
    """Return gap + tail - log1p(rest), adding the small parts first."""
    exact = np.log1p(row.rest.astype(np.longdouble) + row.lost)
    normaliser = exact.astype(np.float64)
    total = row.gap - normaliser
    seen = total - row.gap
    left = (row.gap - (total - seen)) - (normaliser + seen)
    left += row.tail - (exact - normaliser).astype(np.float64)
    log_p: Doubles = np.where(np.isfinite(row.gap), total + left, total)
    return log_p


def _tiles(z: Floats, out: Floats, axis: int) -> Iterator[tuple[Doubles, Floats]]:
    """Yield tiles of rows as float64 (rows, n), each with its place in `out` (..., n)."""
    axis %= z.ndim
    n = z.shape[axis]
    outer = int(np.prod(z.shape[:axis]))
    inner = int(np.prod(z.shape[axis + 1 :]))
    if z.size == 0:
        return
    source = z.reshape(outer, n, inner).swapaxes(1, 2)
    target = out.reshape(outer, -1, inner).swapaxes(1, 2)
    wide = max(1, min(inner, _TILE // n))
    tall = max(1, _TILE // (n * wide))
    for i in range(0, outer, tall):
        for j in range(0, inner, wide):
            tile = source[i : i + tall, j : j + wide]
            rows = tile.astype(np.float64, order="C").reshape(-1, n)
            yield rows, target[i : i + tall, j : j + wide]


def _parts(z: Floats) -> Iterator[slice]:
    """Yield slices of the rows along the last axis."""
    n = z.shape[-1]
    step = max(1, _TILE // max(1, n))
    for start in range(0, z.size // max(1, n), step):
        yield slice(start, start + step)


def _rows(x: Floats, part: slice) -> Floats:
    """Return some of the rows along the last axis, (rows, n), on the same memory."""
    rows: Floats = x.reshape(-1, x.shape[-1])[part]
    return rows


def _pieces(z: Floats, out: Floats) -> Iterator[tuple[Doubles, Floats]]:
    source, target = z.reshape(-1), out.reshape(-1)
    for start in range(0, source.size, _TILE):
        part = slice(start, start + _TILE)
        yield source[part].astype(np.float64), target[part]

r"""Cross-entropy of rows with labels on a GPU: one reading for the loss, one for the gradient.

Forward, each lane of a program keeps the largest logit it has seen and the sum of the others'
exponentials measured from it (an online softmax: Milakov & Gimelshein 2018), so that no row is
too long. Few rows are split over programs. Of a row two numbers are kept: its largest logit, and
the sum of the others, ``rest``. The loss ends with ``log1p(rest)``, and the gradient of the
likeliest class is ``-rest / (1 + rest)``, never ``p - 1``. Backward is a pass over tiles that need
nothing of each other, so it may overwrite the logits.
"""

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from luce.nn.gpu.numerics import capped, log1p, power, scales

_BLOCK = 4096
_ENOUGH = 264  # programs that occupy a large GPU


class Spec(NamedTuple):
    """The options that the kernels know, as numbers."""

    ignore_index: int | None
    by_row: bool
    smoothing: float
    temperature: float
    softcap: float | None
    z_loss: float


class Rows(NamedTuple):
    """What is known of rows once they are measured."""

    loss: Tensor
    """(n,)."""
    counts: Tensor
    """(n,): the weight of each row's label, 0 where it is ignored, NaN where it is no class."""
    top: Tensor
    """(n,): the largest logit, capped."""
    rest: Tensor
    """(n,): the sum of the others' exponentials, measured from it."""


def measured(z: Tensor, y: Tensor, weight: Tensor | None, spec: Spec) -> Rows:
    """Return the losses of contiguous rows (n, k), before any division."""
    n, k = z.shape
    columns = [torch.empty(n, dtype=torch.float32, device=z.device) for _ in range(4)]
    rows = Rows(*columns)
    if n == 0:
        return rows
    splits = min(triton.cdiv(k, _BLOCK), max(1, triton.cdiv(_ENOUGH, n)))
    length = triton.cdiv(triton.cdiv(k, splits), _BLOCK) * _BLOCK  # columns of a split
    splits = triton.cdiv(k, length)
    parts = torch.empty((n, splits, 4) if splits > 1 else (1,), device=z.device)
    block = min(_BLOCK, max(128, triton.next_power_of_2(length)))
    common = _arguments(y, weight, spec, k)
    _measure[(n * splits,)](
        z, *common, *rows, parts, k, splits, length, **_flags(weight, spec), SPLIT=splits > 1,
        BLOCK=block, num_warps=max(4, block // 512),
    )  # fmt: skip
    if splits > 1:
        _combine[(n,)](
            z, *common, *rows, parts, k, splits, **_flags(weight, spec),
            PARTS=triton.next_power_of_2(splits), num_warps=4,
        )  # fmt: skip
    return rows


def pulled_back(
    z: Tensor,
    y: Tensor,
    weight: Tensor | None,
    spec: Spec,
    rows: Rows,
    g: Tensor,
    out: Tensor,
) -> None:
    """Write the gradient in the logits to `out`, which may be `z`; `g` is that in each loss."""
    n, k = z.shape
    if n == 0:
        return
    block = min(_BLOCK, max(128, triton.next_power_of_2(k)))
    _pull[(n * triton.cdiv(k, block),)](
        z, *_arguments(y, weight, spec, k), rows.top, rows.rest, g, g.stride(0), out, k,
        **_flags(weight, spec), BLOCK=block, num_warps=max(4, block // 512),
    )  # fmt: skip


def _arguments(y: Tensor, weight: Tensor | None, spec: Spec, k: int) -> tuple[Any, ...]:
    ignored = spec.ignore_index
    w: Tensor = y
    total: Any = float(k)  # any pointer will do where there is no weight
    if weight is not None:
        w = weight.detach().float().contiguous()
        total = w.sum().reshape(1)  # stays on the GPU
    high, low = scales(spec.temperature)
    return (
        y, w, total, -1 if ignored is None else ignored, spec.smoothing, 1.0 / spec.temperature,
        high, low, spec.softcap or 0.0, spec.z_loss,
    )  # fmt: skip


def _flags(weight: Tensor | None, spec: Spec) -> dict[str, bool]:
    return {
        "IGNORES": spec.ignore_index is not None,
        "WEIGHTED": weight is not None,
        "BY_ROW": spec.by_row,
        "SMOOTHED": spec.smoothing > 0,
        "CAPPED": spec.softcap is not None,
        "NORMED": spec.z_loss > 0,
    }


@triton.jit
def _label(
    row, k, y, w, total, ignored, smoothing,
    IGNORES: tl.constexpr, WEIGHTED: tl.constexpr, BY_ROW: tl.constexpr,
):  # fmt: skip
    """Return the label of a row, its weight, and what its class, all classes and their sum get.

    A label out of range has a weight of NaN: so have its loss and its gradient, and nothing is
    read in its place.
    """
    label = tl.load(y + row)
    used = (label >= 0) & (label < k)
    count = tl.where(used, 1.0, float("nan"))
    if IGNORES:
        kept = label != ignored
        used = used & kept
        count = tl.where(kept, count, 0.0)
    label = tl.where(used, label, 0)
    spread = count * smoothing / k
    mass = count * smoothing  # of all classes together
    if WEIGHTED:
        count = count * tl.load(w + label)
        if BY_ROW:
            spread = count * smoothing / k
            mass = count * smoothing
        else:
            mass = spread * tl.load(total)
    return label, count, (1.0 - smoothing) * count, spread, mass


@triton.jit
def _loss(
    top, rest, drop, at_label, reference, count, own, mass, spread, inverse, z_loss,
    SMOOTHED: tl.constexpr, NORMED: tl.constexpr,
):  # fmt: skip
    """Return the loss of a row; `drop` is the weighted sum of ``reference - u``."""
    log_total = log1p(rest)
    loss = tl.where(own == 0, 0.0, own * ((top - at_label) * inverse + log_total))
    if SMOOTHED:
        even = mass * ((top - reference) * inverse + log_total) + spread * drop * inverse
        loss += tl.where(mass == 0, 0.0, even)
    if NORMED:
        normaliser = top * inverse + log_total
        loss += tl.where(count == 0, 0.0, z_loss * count * normaliser * normaliser)
    return tl.where(count + mass == 0, 0.0, loss)  # NaN for a label out of range


@triton.jit
def _at_label(z, start, label, cap, CAPPED: tl.constexpr):
    """Return the capped logit of the label, and a finite number near it."""
    value = tl.load(z + start + label).to(tl.float32)
    if CAPPED:
        value, _slope = capped(value, cap)
    return value, tl.where(value == -float("inf"), 0.0, value)


@triton.jit
def _measure(
    z, y, w, total, ignored, smoothing, inverse, high, low, cap, z_loss,
    loss_out, count_out, top_out, rest_out, parts, k, splits, length,
    IGNORES: tl.constexpr, WEIGHTED: tl.constexpr, BY_ROW: tl.constexpr, SMOOTHED: tl.constexpr,
    CAPPED: tl.constexpr, NORMED: tl.constexpr, SPLIT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = (tl.program_id(0) // splits).to(tl.int64)
    split = tl.program_id(0) % splits
    label, count, own, spread, mass = _label(
        row, k, y, w, total, ignored, smoothing, IGNORES, WEIGHTED, BY_ROW
    )
    start = row * k
    at_label, reference = _at_label(z, start, label, cap, CAPPED)
    tops = tl.full([BLOCK], -float("inf"), tl.float32)
    rests = tl.zeros([BLOCK], tl.float32)
    drops = tl.zeros([BLOCK], tl.float32)
    end = tl.minimum(k, (split + 1) * length)
    end = tl.where(count + mass > 0, end, 0)  # a row that counts nothing, or NaN, is not read
    for first in tl.range(split * length, end, BLOCK, num_stages=3):
        columns = first + tl.arange(0, BLOCK)
        inside = columns < end
        u = tl.load(z + start + columns, mask=inside, other=-float("inf")).to(tl.float32)
        if CAPPED:
            u, _slopes = capped(u, cap)
        rises = u > tops
        e = power(tl.where(rises, tops - u, u - tops), high, low)
        e = tl.where(u == -float("inf"), 0.0, e)
        rests = tl.where(rises, (rests + 1.0) * e, rests + e)
        tops = tl.where(rises, u, tops)
        if SMOOTHED:
            fall = reference - u
            if WEIGHTED and not BY_ROW:
                each = tl.load(w + columns, mask=inside, other=0.0)
                drops += tl.where(inside & (each > 0), each * fall, 0.0)
            else:
                drops += tl.where(inside, fall, 0.0)
    top = tl.max(tops, 0)
    level = tl.where(top == -float("inf"), 0.0, top)
    lanes = tl.where(tops == top, rests, (rests + 1.0) * power(tops - level, high, low))
    lanes = tl.where((tops == -float("inf")) & (rests == 0), 0.0, lanes)
    sums = tl.sum(lanes, 0)
    ties = tl.sum(tl.where((tops == top) & (tops > -float("inf")), 1.0, 0.0), 0)
    drop = tl.sum(drops, 0)
    if SPLIT:
        at = parts + (row * splits + split) * 4
        tl.store(at, top)
        tl.store(at + 1, sums)
        tl.store(at + 2, ties)
        tl.store(at + 3, drop)
    else:
        rest = tl.where(tl.abs(top) < float("inf"), sums + (ties - 1.0), float("nan"))
        loss = _loss(
            top, rest, drop, at_label, reference, count, own, mass, spread, inverse, z_loss,
            SMOOTHED, NORMED,
        )  # fmt: skip
        tl.store(loss_out + row, loss)
        tl.store(count_out + row, count)
        tl.store(top_out + row, top)
        tl.store(rest_out + row, rest)


@triton.jit
def _combine(
    z, y, w, total, ignored, smoothing, inverse, high, low, cap, z_loss,
    loss_out, count_out, top_out, rest_out, parts, k, splits,
    IGNORES: tl.constexpr, WEIGHTED: tl.constexpr, BY_ROW: tl.constexpr, SMOOTHED: tl.constexpr,
    CAPPED: tl.constexpr, NORMED: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    label, count, own, spread, mass = _label(
        row, k, y, w, total, ignored, smoothing, IGNORES, WEIGHTED, BY_ROW
    )
    at_label, reference = _at_label(z, row * k, label, cap, CAPPED)
    each = tl.arange(0, PARTS)
    at = parts + (row * splits + each) * 4
    known = each < splits
    tops = tl.load(at, mask=known, other=-float("inf"))
    sums = tl.load(at + 1, mask=known, other=0.0)
    ties = tl.load(at + 2, mask=known, other=0.0)
    drop = tl.sum(tl.load(at + 3, mask=known, other=0.0), 0)
    top = tl.max(tops, 0)
    level = tl.where(top == -float("inf"), 0.0, top)
    at_top = (tops == top) & (tops > -float("inf"))
    below = tl.where(tops == -float("inf"), sums, (sums + ties) * power(tops - level, high, low))
    rest = tl.sum(tl.where(at_top, sums, below), 0)
    rest += tl.sum(tl.where(at_top, ties, 0.0), 0) - 1.0
    rest = tl.where(tl.abs(top) < float("inf"), rest, float("nan"))
    loss = _loss(
        top, rest, drop, at_label, reference, count, own, mass, spread, inverse, z_loss,
        SMOOTHED, NORMED,
    )  # fmt: skip
    tl.store(loss_out + row, loss)
    tl.store(count_out + row, count)
    tl.store(top_out + row, top)
    tl.store(rest_out + row, rest)


@triton.jit
def _pull(
    z, y, w, total, ignored, smoothing, inverse, high, low, cap, z_loss,
    tops, rests, g, stride, out, k,
    IGNORES: tl.constexpr, WEIGHTED: tl.constexpr, BY_ROW: tl.constexpr, SMOOTHED: tl.constexpr,
    CAPPED: tl.constexpr, NORMED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(k, BLOCK)
    row = (tl.program_id(0) // blocks).to(tl.int64)
    columns = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < k
    label, count, own, spread, mass = _label(
        row, k, y, w, total, ignored, smoothing, IGNORES, WEIGHTED, BY_ROW
    )
    counted = count + mass  # 0 or NaN for a row that is not to be read
    read = columns < tl.where(counted > 0, k, 0)
    u = tl.load(z + row * k + columns, mask=read, other=0.0).to(tl.float32)
    factor = tl.load(g + row * stride).to(tl.float32) * inverse
    if CAPPED:
        u, slope = capped(u, cap)
        factor = factor * slope
    top = tl.load(tops + row)
    rest = tl.load(rests + row)
    share = 1.0 / (1.0 + rest)
    gap = u - top
    e = power(gap, high, low)
    p = e * share
    extra = mass
    if NORMED:
        extra += 2.0 * z_loss * count * (top * inverse + log1p(rest))
    left = tl.where(gap == 0, rest, 1.0 + rest - e) * share  # 1 - p, of the likeliest too
    pull = p * (own + extra)
    pull = tl.where(columns == label, p * extra - own * left, pull)
    if SMOOTHED:
        if WEIGHTED and not BY_ROW:
            pull -= spread * tl.load(w + columns, mask=inside, other=0.0)
        else:
            pull -= spread
    pull = tl.where(counted == 0, 0.0, pull * factor)
    tl.store(out + row * k + columns, pull.to(out.dtype.element_ty), mask=inside)

r"""Softmax of rows on a GPU, forward and backward, reading and writing each number once.

Rows that fit the registers of one multiprocessor are done by one program each. Longer ones, and
rows too few to occupy the GPU, are split over programs: the first phase measures each split, the
second writes the result once its row is measured. Both phases are in one launch: programs start
in the order of their numbers, and the second phase of some rows comes after the first phase of the
rows that follow them. So nobody waits for a program that has not started, hardly anybody waits at
all, and the second reading finds the row in the cache of the GPU. (The order of programs is that
which CUB's scans rely on: Merrill & Garland 2016, Single-pass parallel prefix scan with decoupled
look-back.)
"""

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from luce.nn.eager import is_plain
from luce.nn.functional.softmax import jacobian_product
from luce.nn.gpu.numerics import power, scales

_WHOLE = 32768  # numbers of a row that the registers of one program hold, of each of its arrays
_PART = 8192  # numbers of a split
_WINDOW = 12 << 20  # bytes of rows between the phases: two of them fit the cache of an A100
_ENOUGH = 264  # programs that occupy a large GPU


def softmax(z: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the softmax of rows (n, k) on a GPU."""
    p: Tensor = _Softmax.apply(z, temperature)
    return p


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, temperature: float) -> Tensor:
        p = forward_rows(z.contiguous(), temperature)
        ctx.save_for_backward(p)
        ctx.temperature = temperature
        return p

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None]:
        (p,) = ctx.saved_tensors
        if torch.is_grad_enabled() or not is_plain(v):
            return jacobian_product(p, v, -1, ctx.temperature), None
        return backward_rows(p, v.contiguous(), ctx.temperature), None


class Plan(NamedTuple):
    """How rows are divided among programs."""

    block: int
    warps: int
    splits: int
    group: int  # rows that a phase takes at a time
    programs: int

    @classmethod
    def of(cls, n: int, k: int, most: int, size: int) -> "Plan":
        """Return the plan for n rows of k numbers of that size, `most` of which fit a program."""
        whole = triton.next_power_of_2(k)
        few = n < _ENOUGH and whole > 4096
        if whole <= most and not few:
            return cls(whole, _warps(whole), 1, n, n)
        block = _PART
        while block > 1024 and n * triton.cdiv(k, block) < 2 * _ENOUGH:
            block //= 2
        splits = triton.cdiv(k, block)
        group = min(n, max(1, _WINDOW // (k * size), triton.cdiv(_ENOUGH, splits)))
        return cls(block, _warps(block), splits, group, 2 * triton.cdiv(n, group) * group * splits)


def _warps(block: int) -> int:
    """Return the warps of a program: 32 numbers a thread where there are many, at least 8."""
    return min(32, max(4, block // 1024))


def forward_rows(z: Tensor, temperature: float) -> Tensor:
    """Return the softmax of contiguous rows (n, k)."""
    n, k = z.shape
    p = torch.empty_like(z)
    if not z.numel():
        return p
    plan = Plan.of(n, k, _WHOLE, z.element_size())
    high, low = scales(temperature)
    if plan.splits == 1:
        _whole_rows[(n,)](z, p, k, high, low, BLOCK=plan.block, num_warps=plan.warps)
        return p
    parts = torch.empty((n, plan.splits, 2), dtype=torch.float32, device=z.device)
    done = torch.zeros(n, dtype=torch.int32, device=z.device)
    _split_rows[(plan.programs,)](
        z, p, parts, done, n, k, high, low, plan.splits, plan.group,
        BLOCK=plan.block, PARTS=triton.next_power_of_2(plan.splits), num_warps=plan.warps,
    )  # fmt: skip
    return p


def backward_rows(p: Tensor, v: Tensor, temperature: float) -> Tensor:
    """Return the product of the Jacobian and `v`, given the softmax of contiguous rows."""
    n, k = p.shape
    grad = torch.empty_like(p)
    if not p.numel():
        return grad
    plan = Plan.of(n, k, _WHOLE // 2, 2 * p.element_size())
    if plan.splits == 1:
        _whole_rows_backward[(n,)](
            p, v, grad, k, 1.0 / temperature, BLOCK=plan.block, num_warps=plan.warps
        )
        return grad
    parts = torch.empty((n, plan.splits, 4), dtype=torch.float32, device=p.device)
    done = torch.zeros(n, dtype=torch.int32, device=p.device)
    _split_rows_backward[(plan.programs,)](
        p, v, grad, parts, done, n, k, 1.0 / temperature, plan.splits, plan.group,
        BLOCK=plan.block, PARTS=triton.next_power_of_2(plan.splits), num_warps=plan.warps,
    )  # fmt: skip
    return grad


@triton.jit
def _whole_rows(z, p, k, high, low, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * k
    columns = tl.arange(0, BLOCK)
    inside = columns < k
    x = tl.load(z + start + columns, mask=inside, other=-float("inf")).to(tl.float32)
    e = power(x - tl.max(x, 0), high, low)  # NaN at a largest logit that is infinite
    share = 1.0 / tl.sum(e, 0)
    tl.store(p + start + columns, (e * share).to(p.dtype.element_ty), mask=inside)


@triton.jit
def _place(number, n, splits, group):
    """Return which row and split a program has, and whether in the second phase.

    Phases of groups take turns: first of 0; first of 1, second of 0; first of 2, second of 1; ...
    """
    chunk = number // (group * splits)
    inside = number % (group * splits)
    last = chunk == 2 * tl.cdiv(n, group) - 1
    second = last | ((chunk > 0) & (chunk % 2 == 0))
    lead = (chunk + 1) // 2
    which = tl.where(second, tl.where(last, lead - 1, chunk // 2 - 1), lead)
    return which * group + inside // splits, inside % splits, second


@triton.jit
def _announce(done, row):
    """Tell that a split is measured, once all threads of the program have written it."""
    tl.debug_barrier()
    tl.atomic_add(done + row, 1, sem="release")


@triton.jit
def _await(done, row, splits):
    """Wait until all splits of the row are measured."""
    while tl.atomic_add(done + row, 0, sem="acquire") < splits:
        pass


@triton.jit
def _split_rows(
    z, p, parts, done, n, k, high, low, splits, group, BLOCK: tl.constexpr, PARTS: tl.constexpr
):
    row, split, second = _place(tl.program_id(0), n, splits, group)
    if row < n:
        start = row.to(tl.int64) * k
        columns = split * BLOCK + tl.arange(0, BLOCK)
        inside = columns < k
        at = parts + (row * splits).to(tl.int64) * 2
        if second:
            _await(done, row, splits)
            others = tl.arange(0, PARTS)
            known = others < splits
            tops = tl.load(at + 2 * others, known, -float("inf"), cache_modifier=".cg")
            sums = tl.load(at + 2 * others + 1, known, 0.0, cache_modifier=".cg")
            highest = tl.max(tops, 0)
            total = tl.sum(sums * power(tops - highest, high, low), 0)  # NaN where that is infinite
            y = tl.load(z + start + columns, inside, 0.0, eviction_policy="evict_first")
            e = power(y.to(tl.float32) - highest, high, low) * (1.0 / total)
            tl.store(p + start + columns, e.to(p.dtype.element_ty), inside, cache_modifier=".cs")
        else:
            x = tl.load(z + start + columns, inside, -float("inf"), eviction_policy="evict_last")
            x = x.to(tl.float32)
            top = tl.max(x, 0)
            level = tl.where(top == -float("inf"), 0.0, top)
            tl.store(at + 2 * split, top)
            tl.store(at + 2 * split + 1, tl.sum(power(x - level, high, low), 0))
            _announce(done, row)


@triton.jit
def _whole_rows_backward(p, v, grad, k, inverse, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * k
    columns = tl.arange(0, BLOCK)
    inside = columns < k
    share = tl.load(p + start + columns, mask=inside, other=0.0).to(tl.float32)
    lead = tl.load(v + start + columns, mask=inside, other=0.0).to(tl.float32)
    winner = tl.argmax(share, 0)
    # Measured from the gradient of the winner, nothing cancels where it has nearly all.
    lead = tl.where(inside, lead - tl.sum(tl.where(columns == winner, lead, 0.0), 0), 0.0)
    result = share * (lead - tl.sum(share * lead, 0)) * inverse
    tl.store(grad + start + columns, result.to(grad.dtype.element_ty), mask=inside)


@triton.jit
def _split_rows_backward(
    p, v, grad, parts, done, n, k, inverse, splits, group, BLOCK: tl.constexpr, PARTS: tl.constexpr
):
    row, split, second = _place(tl.program_id(0), n, splits, group)
    if row < n:
        start = row.to(tl.int64) * k
        columns = split * BLOCK + tl.arange(0, BLOCK)
        inside = columns < k
        at = parts + (row * splits).to(tl.int64) * 4
        if second:
            _await(done, row, splits)
            others = tl.arange(0, PARTS)
            known = others < splits
            bests = tl.load(at + 4 * others, known, -1.0, cache_modifier=".cg")
            levels = tl.load(at + 4 * others + 1, known, 0.0, cache_modifier=".cg")
            mass = tl.load(at + 4 * others + 2, known, 0.0, cache_modifier=".cg")
            mean = tl.load(at + 4 * others + 3, known, 0.0, cache_modifier=".cg")
            first = tl.argmax(bests, 0)
            base = tl.sum(tl.where(others == first, levels, 0.0), 0)
            total = tl.sum(mean + tl.where(known, (levels - base) * mass, 0.0), 0)
            mine = tl.load(p + start + columns, inside, 0.0, eviction_policy="evict_first")
            slope = tl.load(v + start + columns, inside, 0.0, eviction_policy="evict_first")
            result = mine.to(tl.float32) * ((slope.to(tl.float32) - base) - total) * inverse
            result = result.to(grad.dtype.element_ty)
            tl.store(grad + start + columns, result, inside, cache_modifier=".cs")
        else:
            share = tl.load(p + start + columns, inside, 0.0, eviction_policy="evict_last")
            lead = tl.load(v + start + columns, inside, 0.0, eviction_policy="evict_last")
            share, lead = share.to(tl.float32), lead.to(tl.float32)
            best = tl.max(share, 0)
            winner = tl.argmax(share, 0) + split * BLOCK
            level = tl.sum(tl.where(columns == winner, lead, 0.0), 0)
            tl.store(at + 4 * split, best)
            tl.store(at + 4 * split + 1, level)
            tl.store(at + 4 * split + 2, tl.sum(share, 0))
            tl.store(at + 4 * split + 3, tl.sum(tl.where(inside, share * (lead - level), 0.0), 0))
            _announce(done, row)

"""Rows that each need the weights of their own group only: many small products, no copies."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from luce.nn.eager import is_plain


def grouped_linear(
    rows: Tensor, weight: Tensor, groups: Sequence[tuple[int, int, int]], width: int
) -> Tensor:
    """Multiply each group of rows by its own part of the weight.

    Equals ``out[a:b, :size] = rows[a:b] @ weight[start : start + size].T`` for each group, one
    after the other. Saves gathering the weights of each row, which takes
    ``len(rows) * size * features`` numbers; costs three products for each group of the batch, so
    it pays where groups have more than a few classes.

    Parameters
    ----------
    rows : Tensor, shape (n, d)
        Sorted by group.
    weight : Tensor, shape (all, d)
        The weights of all groups, one after the other.
    groups : sequence of (count, start, size)
        For each group that has rows: how many, and where its weights begin and how many they are.
        Each group at most once.
    width : int
        The largest size.

    Returns
    -------
    Tensor, shape (n, width)
        0 where a group is smaller than `width`.
    """
    out: Tensor = _GroupedLinear.apply(rows, weight, tuple(groups), width)
    return out


class _GroupedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, groups: tuple[tuple[int, int, int], ...], width: int
    ) -> Tensor:
        ctx.save_for_backward(rows, weight)
        ctx.groups = groups
        out = rows.new_zeros(len(rows), width)
        at = 0
        for count, start, size in groups:
            part = out[at : at + count]
            torch.mm(
                rows[at : at + count],
                weight[start : start + size].T,
                out=part if size == width else part[:, :size],
            )
            at += count
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        rows, weight = ctx.saved_tensors
        plain = is_plain(*grads) and not torch.is_grad_enabled()
        into = _grads if plain else _differentiable_grads
        return *into(grads[0], rows, weight, ctx.groups), None, None


def _grads(
    grad: Tensor, rows: Tensor, weight: Tensor, groups: tuple[tuple[int, int, int], ...]
) -> tuple[Tensor, Tensor]:
    grad_rows, grad_weight = torch.empty_like(rows), torch.zeros_like(weight)
    at = 0
    for count, start, size in groups:
        own = grad[at : at + count, :size]
        torch.mm(own, weight[start : start + size], out=grad_rows[at : at + count])
        torch.mm(own.T, rows[at : at + count], out=grad_weight[start : start + size])
        at += count
    return grad_rows, grad_weight


def _differentiable_grads(
    grad: Tensor, rows: Tensor, weight: Tensor, groups: tuple[tuple[int, int, int], ...]
) -> tuple[Tensor, Tensor]:
    """Return the same, made of operations that have derivatives of their own."""
    grad_rows, grad_weight, places = [], [], []
    at = 0
    for count, start, size in groups:
        own = grad[at : at + count, :size]
        grad_rows.append(own @ weight[start : start + size])
        grad_weight.append(own.T @ rows[at : at + count])
        places.append(torch.arange(start, start + size, device=weight.device))
        at += count
    if not groups:
        return torch.zeros_like(rows), torch.zeros_like(weight)
    scattered = torch.zeros_like(weight).index_copy(0, torch.cat(places), torch.cat(grad_weight))
    return torch.cat(grad_rows), scattered

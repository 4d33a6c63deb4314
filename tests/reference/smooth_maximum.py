"""Smooth maxima and their gradients in mpmath, one row at a time."""

from collections.abc import Iterable

from mpmath import mp, mpf

from reference.functions import at_full_precision, exact, softmax


@at_full_precision
def boltzmann_max(row: Iterable[float], temperature: float = 1.0) -> tuple[mpf, mpf]:
    """Return sum_j p_j x_j, and sum_j p_j |x_j|, the size of what may cancel."""
    p, x = softmax(row, temperature), exact(row)
    terms = [one * z for one, z in zip(p, x, strict=True)]
    return mp.fsum(terms), mp.fsum(map(abs, terms))


@at_full_precision
def boltzmann_max_grad(
    row: Iterable[float], temperature: float = 1.0
) -> tuple[list[mpf], list[mpf]]:
    """Return the gradient, and the size of what may cancel in each element."""
    p, x, t = softmax(row, temperature), exact(row), mpf(float(temperature))
    top = max(x)
    drop = mp.fsum(one * (top - z) for one, z in zip(p, x, strict=True)) / t
    grad = [one * (1 + drop - (top - z) / t) for one, z in zip(p, x, strict=True)]
    return grad, [one * (1 + drop + (top - z) / t) for one, z in zip(p, x, strict=True)]


@at_full_precision
def p_norm_max(row: Iterable[float], p: float) -> mpf:
    sizes = [abs(one) for one in exact(row)]
    if p == float("inf") or not any(sizes):
        return max(sizes)
    # Most powers are 0 to any precision: the sum is taken below the largest.
    top = max(sizes)
    total = mp.fsum((one / top) ** mpf(p) for one in sizes if one)
    return top * total ** (1 / mpf(p))


@at_full_precision
def p_norm_max_grad(row: Iterable[float], p: float) -> list[mpf]:
    norm = p_norm_max(row, p)
    return [mp.sign(x) * (abs(x) / norm) ** (mpf(p) - 1) if x else mpf(0) for x in exact(row)]

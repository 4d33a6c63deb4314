"""A linear layer whose matrix is a sum of Kronecker products: parametrised hypercomplex numbers."""

from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from luce.errors import ParameterError, ShapeError

RULES = ("learned", "hamilton")


def hamilton_rule(**like: Any) -> Tensor:
    r"""Return the multiplication rule of the quaternions, for `PHMLinear` with ``n = 4``.

    ``rule[i, a, b]`` is the sign of part ``a`` in the product of unit ``i`` with unit ``b``, in
    the order 1, i, j, k: :math:`(r + x i + y j + z k)\, q` is the matrix
    :math:`r A_0 + x A_1 + y A_2 + z A_3` times the vector of ``q``.

    Parameters
    ----------
    **like
        ``dtype`` and ``device`` of the tensor.

    Returns
    -------
    Tensor, shape (4, 4, 4)
        Of -1, 0 and 1.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import hamilton_rule
    >>> i, j = torch.tensor([0.0, 1, 0, 0]), torch.tensor([0.0, 0, 1, 0])
    >>> torch.einsum("i,iab,b->a", i, hamilton_rule(), j)  # i j = k
    tensor([0., 0., 0., 1.])
    """
    # Row i, column b: the unit that i b is (1-based, with its sign).
    table = [[1, 2, 3, 4], [2, -1, 4, -3], [3, -4, -1, 2], [4, 3, -2, -1]]
    rule = torch.zeros(4, 4, 4, **like)
    for i, products in enumerate(table):
        for b, product in enumerate(products):
            rule[i, abs(product) - 1, b] = 1 if product > 0 else -1
    return rule


class PHMLinear(nn.Module):
    r"""A linear layer with ``in * out / n + n^3`` weights instead of ``in * out``.

    .. math:: y = H x + b, \qquad H = \sum_{i=1}^n A_i \otimes S_i

    with ``n`` matrices :math:`A_i` of n x n, the rule by which n-dimensional numbers are
    multiplied, and ``n`` matrices :math:`S_i` of ``out / n`` x ``in / n``, the layer's weights in
    that algebra. With ``n = 1`` and ``A = 1`` it is ``torch.nn.Linear``.

    Equals ``F.linear(x, layer.dense(), layer.bias)``.

    Parameters
    ----------
    in_features, out_features : int
        Multiples of `n`.
    n : int
        By how much the weights become fewer.
    bias : bool
        Whether there is a bias for each output.
    rule : {"learned", "hamilton"} or Tensor of shape (n, n, n)
        The matrices ``A``: "learned" with the rest; "hamilton", the product of quaternions, for
        ``n = 4``; or others that stay as they are.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If `n` does not divide both sizes, or the rule is unknown.
    ShapeError
        If a rule is not of shape (n, n, n).

    Notes
    -----
    Saves: weights, their gradients and the optimiser's state, all by the factor ``n``. Costs: the
    multiplications of the dense layer, and either ``n * in * out`` more to make its matrix or, of
    few rows, ``in * n^2`` for each without making it.

    The entries of :math:`H` start with the variance that ``torch.nn.Linear`` gives them.

    Source: Zhang et al. (2021), arXiv 2102.08597, section 3.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import PHMLinear
    >>> layer = PHMLinear(512, 256, n=4)
    >>> sum(p.numel() for p in layer.parameters()), 512 * 256 + 256
    (33088, 131328)
    >>> layer(torch.zeros(3, 512)).shape
    torch.Size([3, 256])
    """

    rule: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        n: int,
        bias: bool = True,
        *,
        rule: str | Tensor = "learned",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        made = {"device": device, "dtype": dtype}
        _check_divides(n, in_features, out_features)
        self.in_features, self.out_features, self.n = in_features, out_features, n
        if isinstance(rule, str) and rule == "learned":
            self.register_parameter("rule", nn.Parameter(torch.empty(n, n, n, **made)))
        else:
            self.register_buffer("rule", _fixed_rule(rule, n, made))
        self.blocks = nn.Parameter(torch.empty(n, out_features // n, in_features // n, **made))
        self.bias = nn.Parameter(torch.empty(out_features, **made)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1.0 / sqrt(self.in_features) if self.in_features else 0.0
        if isinstance(self.rule, nn.Parameter):
            side = sqrt(3.0 / self.n)  # variance 1 / n: the n terms of an entry add up to 1
            nn.init.uniform_(self.rule, -side, side)
        nn.init.uniform_(self.blocks, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs.

        Parameters
        ----------
        x : Tensor, shape (..., in_features)
            Rows.

        Returns
        -------
        Tensor, shape (..., out_features)
            One row for each.
        """
        rows = x.reshape(-1, self.in_features)
        # Mixing the parts of every row takes rows n^2 in multiplications, making the matrix
        # n in out of them.
        if len(rows) * self.n >= self.out_features:
            y = F.linear(rows, self.dense(), self.bias)
        else:
            y = self._mixed(rows)
            y = y if self.bias is None else y + self.bias
        return y.reshape(*x.shape[:-1], self.out_features)

    def _mixed(self, rows: Tensor) -> Tensor:
        """Return the product with the matrix, which is not made: ``S_i (sum_b A_i[a, b] x_b)``."""
        n = self.n
        by_part = rows.reshape(-1, n, self.in_features // n)  # (rows, n, in / n)
        mixing = self.rule.transpose(0, 1).reshape(n * n, n)  # (a i, b)
        mixed = (mixing @ by_part).reshape(-1, self.in_features)  # (rows a, i in/n)
        stacked = self.blocks.transpose(0, 1).reshape(-1, self.in_features)  # (out / n, i in/n)
        return F.linear(mixed, stacked).reshape(-1, self.out_features)

    def dense(self) -> Tensor:
        """Return the matrix ``H`` of shape (out_features, in_features) that the layer stands for.

        Returns
        -------
        Tensor
            With a gradient.
        """
        return kronecker_sum(self.rule, self.blocks)

    def extra_repr(self) -> str:
        learned = "learned" if isinstance(self.rule, nn.Parameter) else "fixed"
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, n={self.n},"
            f" bias={self.bias is not None}, rule={learned}"
        )


def kronecker_sum(rule: Tensor, blocks: Tensor) -> Tensor:
    """Return ``sum_i rule_i (x) blocks_i`` of (n, a, b) and (n, c, d), as a matrix (a c, b d)."""
    n, a, b = rule.shape
    _, c, d = blocks.shape
    product = rule.reshape(n, a * b).T @ blocks.reshape(n, c * d)  # (a b, c d)
    return product.reshape(a, b, c, d).transpose(1, 2).reshape(a * c, b * d)


def _check_divides(n: int, in_features: int, out_features: int) -> None:
    if n < 1 or in_features % n or out_features % n:
        raise ParameterError(
            f"n must divide in_features and out_features, got n={n!r} with"
            f" {in_features} and {out_features}. Choose a common divisor, or other sizes."
        )


def _fixed_rule(rule: str | Tensor, n: int, made: dict[str, Any]) -> Tensor:
    if isinstance(rule, str):
        if rule not in RULES:
            raise ParameterError(
                f"rule must be 'learned', 'hamilton' or a tensor, got {rule!r}. Choose one of them."
            )
        if n != 4:
            raise ParameterError(
                f"n must be 4 for rule='hamilton', got {n}. Quaternions have four parts."
            )
        return hamilton_rule(**made)
    if rule.shape != (n, n, n):
        raise ShapeError(
            f"rule must have shape ({n}, {n}, {n}) for n={n}, got {tuple(rule.shape)}."
            " Pass one n x n matrix for each of n units."
        )
    return rule.detach().clone().to(**{k: v for k, v in made.items() if v is not None})

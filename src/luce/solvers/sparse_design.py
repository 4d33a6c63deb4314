"""Sparse rows, centred and scaled without ever being spelled out."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from luce import kernels
from luce.solvers.blocks import blocks, each, large_blocks
from luce.solvers.design import Columns, Doubles, Floats, StoredRows
from luce.solvers.fused_rows import CompressedRows, shifted_squares, starts_of

T = TypeVar("T")

_SHARED = 48.0  # stored numbers a column


class _Block:
    """Neighbouring rows of a matrix, by rows and, once a gradient is asked for, by columns.

    By columns there is one row more, that of the totals: minus the shift in each column, and the
    intercept's 1. So a gradient needs one product and nothing after it.
    """

    def __init__(
        self,
        part: slice,
        by_rows: Any,
        shift: Doubles,
        intercept: bool,
        fused: CompressedRows | None,
    ) -> None:
        self.part, self.by_rows = part, by_rows
        self._shift, self._intercept = shift, intercept
        self.fused = fused

    @cached_property
    def by_columns(self) -> Any:
        return self._with_totals(sparse.csr_array(self.by_rows.T), -self._shift, 1.0)

    @cached_property
    def squares_by_columns(self) -> Any:
        """`shifted_squares` of the stored numbers; the totals bring the others."""
        columns = sparse.csr_array(self.by_rows.T, dtype=np.float64)
        shift = np.repeat(self._shift, np.diff(columns.indptr))
        columns.data = shifted_squares(columns.data, shift)
        return self._with_totals(columns, np.square(self._shift), 1.0)

    def _with_totals(self, columns: Any, share: Doubles, own: float) -> Any:
        if not self._intercept:
            return columns
        last = sparse.csr_array(np.append(share, own)[:, None].astype(columns.dtype))
        columns.resize(len(share) + 1, columns.shape[1])
        return sparse.csr_array(sparse.hstack([columns, last]))


class SparseRows:
    """A block of a sparse design."""

    def __init__(self, block: _Block, shift: Doubles, intercept: bool, sums: Any) -> None:
        self.part = block.part
        self._block, self._x = block, block.by_rows
        self._shift, self._intercept, self._sums = shift, intercept, sums

    def logits(self, operand: tuple[Floats, Floats]) -> Floats:
        """Return ``x theta.T``."""
        weights, constant = operand
        z = _product(self._x, weights, weights.dtype)
        z += constant
        return z

    def pulled(self, residual: Floats) -> Floats:
        """Return ``residual.T x``."""
        fused = self._block.fused
        if fused is not None and residual.dtype == np.float64:
            return fused.pulled(np.asarray(residual, dtype=np.float64))
        return self._pulled(self._block.by_columns, residual, self._sums)

    def _pulled(self, columns: Any, residual: Floats, sums: Any) -> Floats:
        if not self._intercept:
            return _product(columns, residual, sums).T
        total = residual.sum(axis=0, dtype=np.float64)
        with_total = np.concatenate([residual, total[None].astype(residual.dtype)])
        pulled = _product(columns, with_total, sums)
        pulled[-1] = total
        return pulled.T

    def gram(self, weights: Doubles) -> Floats:
        """Return ``sum_i weights_i x_i x_i^T``; the shifts are taken off the sums of products."""
        m = len(self._shift)
        weighted = self._x.multiply(weights[:, None]).tocsr()
        gram = np.zeros((m + self._intercept,) * 2)
        gram[:m, :m] = (self._x.T @ weighted).toarray()
        if self._intercept:
            total, sums = weights.sum(), np.asarray(weighted.sum(axis=0)).ravel()
            cross = np.outer(sums - 0.5 * total * self._shift, self._shift)
            gram[:m, :m] -= cross + cross.T
            gram[m, :m] = gram[:m, m] = sums - total * self._shift
            gram[m, m] = total
        return gram

    def column_squares(self, weights: Doubles) -> Doubles:
        """Return ``sum_i weights_i x_ic^2`` for each column of weights."""
        w = weights.astype(np.float64, copy=False).reshape(len(weights), -1)
        fused = self._block.fused
        if fused is not None:
            squares: Floats = fused.weighted_squares(w)
        else:
            squares = self._pulled(self._block.squares_by_columns, w, np.float64)
            np.maximum(squares, 0.0, out=squares)
        return np.asarray(squares[0] if weights.ndim == 1 else squares, dtype=np.float64)


class SparseDesign:
    """Rows of a sparse matrix; the shift of its columns exists in the arithmetic alone.

    Row i is ``matrix_i - shift``, followed by a 1 where there is an intercept. Logits take the
    shift off through one constant a class, gradients through the totals of the residual, so that
    neither costs more than the stored numbers do.

    Parameters
    ----------
    matrix : (n, m) scipy.sparse CSR matrix of float32 or float64
        The columns, scaled.
    shift : (m,) array
        What is taken off each column; zeros where there is no intercept to take it up.
    intercept : bool
        Whether a last column of ones is added.
    sums : dtype
        In which the sums of a gradient are taken.
    """

    def __init__(
        self,
        matrix: Any,
        shift: Doubles,
        intercept: bool,
        sums: type[np.floating[Any]] = np.float64,
    ) -> None:
        self.matrix = sparse.csr_array(matrix)
        self.shift = shift
        self.intercept = intercept
        self.sums = sums
        self._cut: dict[int, list[_Block]] = {}
        shared = self.matrix.nnz >= _SHARED * len(shift)
        self._shared = shared and self.matrix.dtype == np.float64 and sums is np.float64
        self._fused = self._compressed(self.matrix)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m + intercept)."""
        return self.matrix.shape[0], self.matrix.shape[1] + self.intercept

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the matrix."""
        dtype: np.dtype[Any] = self.matrix.dtype
        return dtype

    @property
    def order(self) -> Literal["C", "F"]:
        """Column by column: the products read and write all classes of a column at once."""
        return "F"

    @property
    def density(self) -> float:
        """The share of the values that are stored."""
        return float(self.matrix.nnz / max(1, self.matrix.shape[0] * self.matrix.shape[1]))

    @property
    def stored(self) -> int:
        """Those of the matrix."""
        return int(self.matrix.nnz)

    @property
    def panels(self) -> None:
        """There are none: sparse rows stay sparse."""

    @property
    def fused_rows(self) -> CompressedRows | None:
        """The rows as they are, in float64, where their columns are few and shared by many rows.

        Elsewhere the gradients into which a pass scatters would not stay in the cache.
        """
        return self._fused

    def with_panels(self) -> "SparseDesign":
        """Return itself."""
        return self

    def operand(self, theta: Doubles) -> tuple[Floats, Floats]:
        """Return the weights (m, k), and what the shift and the intercept add to every logit."""
        m = len(self.shift)
        weights = np.ascontiguousarray(theta[:, :m].T, dtype=self.dtype)
        shift = self.shift.astype(theta.dtype)
        constant = theta[:, m] - theta[:, :m] @ shift if self.intercept else np.zeros(1)
        return weights, constant.astype(self.dtype)

    def each(self, function: Callable[[SparseRows], T], row_bytes: int = 0) -> Iterator[T]:
        """Yield ``function(rows)`` of every block of rows: few of them, for each has a gradient."""
        for block in self._blocks(row_bytes):
            yield function(SparseRows(block, self.shift, self.intercept, self.sums))

    def each_dense(self, function: Callable[[slice, Doubles], T], row_bytes: int) -> Iterator[T]:
        """Yield ``function(part, x)`` of small blocks, spelled out in float64."""

        def of_block(part: slice) -> T:
            return function(part, self._spelled_out(part))

        return each(of_block, blocks(len(self), max(row_bytes, 8 * self.shape[1])))

    def take(self, rows: NDArray[np.intp]) -> "SparseDesign":
        """Return the design of some of the rows."""
        return SparseDesign(self.matrix[rows], self.shift, self.intercept)

    def columns(self, kept: NDArray[np.intp]) -> "SparseDesign":
        """Return the design of some of the columns."""
        inner = kept[kept < len(self.shift)]
        return SparseDesign(self.matrix[:, inner], self.shift[inner], len(inner) < len(kept))

    def by_column(self, kept: NDArray[np.intp]) -> Columns:
        """Return some of the columns one after another, the shift beside them."""
        inner = kept[kept < len(self.shift)]
        stored = self.matrix[:, inner].tocsc().astype(np.float64)
        start, rows, values = stored.indptr, stored.indices, stored.data
        shift = self.shift[inner]
        if len(inner) < len(kept):
            start = np.append(start, len(values) + len(self))
            rows = np.append(rows, np.arange(len(self)))
            values, shift = np.append(values, np.ones(len(self))), np.append(shift, 0.0)
        return Columns(start.astype(np.int64), rows.astype(np.int64), values, shift)

    def by_row(self, kept: NDArray[np.intp]) -> StoredRows:
        """Return some of the rows, the shift beside them."""
        matrix = self.matrix[kept]
        if not self.intercept:
            return StoredRows(matrix, self.shift)
        ones = sparse.csr_array(np.ones((len(kept), 1), self.dtype))
        return StoredRows(sparse.csr_array(sparse.hstack([matrix, ones])), np.append(self.shift, 0))

    def in_double(self) -> "SparseDesign":
        """Return the same rows in float64."""
        if self.dtype == np.float64:
            return self
        return SparseDesign(self.matrix.astype(np.float64), self.shift, self.intercept)

    def in_single(self) -> "SparseDesign":
        """Return itself: what is taken off the columns is so in every pass."""
        return self

    def for_steps(self) -> "SparseDesign":
        """Return the same rows in float32, gradients included."""
        matrix = self.matrix.astype(np.float32)
        return SparseDesign(matrix, self.shift, self.intercept, np.float32)

    def squares(self, weights: Doubles | None = None) -> Doubles:
        """Return the square of each row's norm, the columns weighted."""
        w = np.ones(self.shape[1]) if weights is None else weights
        inner = w[: len(self.shift)]
        bent = self.matrix.astype(np.float64)
        bent.data = shifted_squares(bent.data, self.shift[bent.indices])
        constant = float(inner @ np.square(self.shift)) + self.intercept * w[-1]
        square: Doubles = bent @ inner + constant
        return np.maximum(square, 0.0)

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def _blocks(self, row_bytes: int) -> list[_Block]:
        """Return the matrix cut into blocks; they are kept, with what is learnt of them."""
        parts = large_blocks(len(self), row_bytes)
        if len(parts) not in self._cut:
            one = len(parts) == 1
            self._cut[len(parts)] = [
                self._block(part, self.matrix if one else self.matrix[part]) for part in parts
            ]
        return self._cut[len(parts)]

    def _block(self, part: slice, by_rows: Any) -> _Block:
        fused = self._fused if by_rows is self.matrix else self._compressed(by_rows)
        return _Block(part, by_rows, self.shift, self.intercept, fused)

    def _compressed(self, by_rows: Any) -> CompressedRows | None:
        return CompressedRows(by_rows, self.shift, self.intercept) if self._shared else None

    def _spelled_out(self, part: slice) -> Doubles:
        m = len(self.shift)
        x = np.ones((part.stop - part.start, m + self.intercept))
        x[:, :m] = self.matrix[part].toarray()
        if self.intercept:
            x[:, :m] -= self.shift
        return x


def _product(matrix: Any, dense: Floats, dtype: Any) -> Floats:
    """Return ``matrix @ dense``, on all threads; `dtype` is that of the sums."""
    out = np.empty((matrix.shape[0], dense.shape[1]), dtype)
    kernels.sparse_rows(
        starts_of(matrix),
        matrix.indices,
        matrix.data.astype(dense.dtype, copy=False),
        np.ascontiguousarray(dense),
        out,
    )
    return out

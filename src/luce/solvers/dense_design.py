"""Dense rows: standardised once in memory, or block by block in every pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from luce import kernels
from luce.solvers.blocks import blocks, each
from luce.solvers.design import Columns, Doubles, Floats, StoredRows
from luce.solvers.fused_rows import PanelRows
from luce.solvers.panels import panels_of

T = TypeVar("T")

_FEW_CLASSES = 16  # narrow.hpp's: of those the core multiplies float32 rows twice as fast as BLAS


@dataclass(frozen=True)
class DenseRows:
    """A block of an array."""

    part: slice
    x: Floats  # (b, d)

    def logits(self, operand: Floats) -> Floats:
        """Return ``x theta.T``."""
        if self._narrow(operand):
            z: Floats = np.empty((len(self.x), operand.shape[1]), np.float32)
            kernels.narrow_logits(self.x, np.ascontiguousarray(operand.T), z)
            return z
        z = self.x @ operand
        return z

    def pulled(self, residual: Floats) -> Floats:
        """Return ``residual.T x``."""
        if self._narrow(residual):
            gradient: Floats = np.empty((residual.shape[1], self.x.shape[1]), np.float32)
            kernels.narrow_pulled(np.ascontiguousarray(residual), self.x, gradient)
            return gradient
        gradient = residual.T @ self.x.astype(residual.dtype, copy=False)
        return gradient

    def _narrow(self, factor: Floats) -> bool:
        """Whether rows and what they are multiplied by are of the kind that BLAS is slow at."""
        narrow = factor.shape[1] <= _FEW_CLASSES and self.x.flags.c_contiguous
        return narrow and self.x.dtype == factor.dtype == np.float32

    def gram(self, weights: Doubles) -> Floats:
        """Return ``sum_i weights_i x_i x_i^T``."""
        x = self.x * np.sqrt(weights)[:, None].astype(self.x.dtype)
        gram: Floats = x.T @ x  # a symmetric product: half the work
        return gram

    def column_squares(self, weights: Doubles) -> Doubles:
        """Return ``sum_i weights_i x_ic^2`` for each column of weights."""
        squares: Doubles = weights.T @ np.square(self.x, dtype=np.float64)
        return squares


@dataclass(frozen=True)
class DenseDesign:
    """Rows that stand in memory as the solver works on them.

    Parameters
    ----------
    rows : (n, d) array of float32 or float64, C-contiguous
        The rows.
    panels : array, optional
        The same rows for fused passes, see `luce.solvers.panels`.
    """

    rows: Floats
    panels: Doubles | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        n, d = self.rows.shape
        return n, d

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the rows."""
        return self.rows.dtype

    @property
    def order(self) -> Literal["C", "F"]:
        """Row by row."""
        return "C"

    @property
    def density(self) -> float:
        """Return 1: all values are stored."""
        return 1.0

    @property
    def stored(self) -> int:
        """All of them."""
        n, d = self.shape
        return n * d

    @property
    def fused_rows(self) -> PanelRows | None:
        """The panels, where there are any."""
        return None if self.panels is None else PanelRows(self.panels)

    def with_panels(self) -> "DenseDesign":
        """Return the same rows, and panels of them."""
        return DenseDesign(self.rows, panels_of(self.rows) if self.panels is None else self.panels)

    def operand(self, theta: Doubles) -> Floats:
        """Return ``theta.T`` in the dtype of the rows."""
        return theta.astype(self.rows.dtype, copy=False).T

    def each(self, function: Callable[[DenseRows], T], row_bytes: int = 0) -> Iterator[T]:
        """Yield ``function(rows)`` of every block of rows."""
        n, d = self.rows.shape
        parts = blocks(n, max(row_bytes, d * self.rows.itemsize))
        return each(lambda part: function(DenseRows(part, self.rows[part])), parts)

    def each_dense(self, function: Callable[[slice, Doubles], T], row_bytes: int) -> Iterator[T]:
        """Yield ``function(part, x)`` of every block, in float64."""

        def of_block(rows: DenseRows) -> T:
            return function(rows.part, rows.x.astype(np.float64, copy=False))

        return self.each(of_block, row_bytes)

    def take(self, rows: NDArray[np.intp]) -> "DenseDesign":
        """Return the design of some of the rows."""
        return DenseDesign(self.rows[rows])

    def columns(self, kept: NDArray[np.intp]) -> "DenseDesign":
        """Return the design of some of the columns."""
        return DenseDesign(np.ascontiguousarray(self.rows[:, kept]))

    def by_column(self, kept: NDArray[np.intp]) -> Columns:
        """Return some of the columns one after another."""
        start = len(self.rows) * np.arange(len(kept) + 1)
        values = np.ascontiguousarray(self.rows[:, kept].T, dtype=np.float64)
        return Columns(start, None, values.ravel(), np.zeros(len(kept)))

    def by_row(self, kept: NDArray[np.intp]) -> StoredRows:
        """Return some of the rows; all values are stored."""
        return StoredRows(sparse.csr_array(self.rows[kept]), np.zeros(self.shape[1]))

    def in_double(self) -> "DenseDesign":
        """Return the same rows in float64."""
        if self.rows.dtype == np.float64:
            return self
        return DenseDesign(self.rows.astype(np.float64))

    def in_single(self) -> "DenseDesign":
        """Return the same rows in float32."""
        return DenseDesign(self.rows.astype(np.float32, copy=False))

    def for_steps(self) -> "DenseDesign":
        """Return the same rows in float32."""
        return self.in_single()

    def squares(self, weights: Doubles | None = None) -> Doubles:
        """Return the square of each row's norm, the columns weighted."""
        if weights is not None:
            return np.asarray(np.square(self.rows) @ weights, dtype=np.float64)
        squares = np.einsum("ij,ij->i", self.rows, self.rows)
        return np.asarray(squares, dtype=np.float64)


@dataclass(frozen=True)
class RawDesign:
    """Rows that are standardised block by block, in every pass over them.

    For tables of bytes, files mapped into memory, and whatever has no room for a second copy: no
    more than a few blocks exist as floating point at any time.

    Parameters
    ----------
    table : (n, m) array of any real dtype
        The columns as they came.
    centre, scale : (m,) arrays
        Column c is worked on as ``(x_c - centre_c) / scale_c``.
    intercept : bool
        Whether a last column of ones is added.
    dtype : dtype
        float32 or float64: that of the arithmetic.
    """

    table: NDArray[Any]
    centre: Doubles
    scale: Doubles
    intercept: bool
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m + intercept)."""
        return self.table.shape[0], self.table.shape[1] + self.intercept

    @property
    def order(self) -> Literal["C", "F"]:
        """Row by row."""
        return "C"

    @property
    def density(self) -> float:
        """Return 1: all values are stored."""
        return 1.0

    @property
    def stored(self) -> int:
        """All of them."""
        n, d = self.shape
        return n * d

    @property
    def panels(self) -> None:
        """There are none: the rows are standardised anew in every pass."""

    @property
    def fused_rows(self) -> None:
        """There is no such pass."""

    def with_panels(self) -> "RawDesign":
        """Return itself."""
        return self

    def operand(self, theta: Doubles) -> Floats:
        """Return ``theta.T`` in the dtype of the arithmetic."""
        return theta.astype(self.dtype, copy=False).T

    def each(self, function: Callable[[DenseRows], T], row_bytes: int = 0) -> Iterator[T]:
        """Yield ``function(rows)`` of every block of rows."""
        n, d = self.shape
        parts = blocks(n, max(row_bytes, d * self.dtype.itemsize))
        return each(
            lambda part: function(DenseRows(part, self._standardised(self.table[part]))), parts
        )

    def each_dense(self, function: Callable[[slice, Doubles], T], row_bytes: int) -> Iterator[T]:
        """Yield ``function(part, x)`` of every block, in float64."""

        def of_block(rows: DenseRows) -> T:
            return function(rows.part, rows.x.astype(np.float64, copy=False))

        return self.in_double().each(of_block, row_bytes)

    def take(self, rows: NDArray[np.intp]) -> "RawDesign":
        """Return the design of some of the rows."""
        return self._with(table=self.table[rows])

    def columns(self, kept: NDArray[np.intp]) -> "RawDesign":
        """Return the design of some of the columns."""
        inner = kept[kept < self.table.shape[1]]
        return self._with(
            table=np.ascontiguousarray(self.table[:, inner]),
            centre=self.centre[inner],
            scale=self.scale[inner],
            intercept=len(inner) < len(kept),
        )

    def by_column(self, kept: NDArray[np.intp]) -> Columns:
        """Return some of the columns one after another."""
        rows = self.columns(kept).each_dense(lambda _, x: x, 0)
        return DenseDesign(np.concatenate([np.empty((0, len(kept))), *rows])).by_column(
            np.arange(len(kept))
        )

    def by_row(self, kept: NDArray[np.intp]) -> StoredRows:
        """Return some of the rows; all values are stored."""
        return DenseDesign(self._standardised(self.table[kept])).by_row(np.arange(len(kept)))

    def in_double(self) -> "RawDesign":
        """Return the same rows, worked on in float64."""
        return self._with(dtype=np.dtype(np.float64))

    def in_single(self) -> "RawDesign":
        """Return itself: the centre is taken off in every pass."""
        return self

    def for_steps(self) -> "RawDesign":
        """Return the same rows, worked on in float32."""
        return self._with(dtype=np.dtype(np.float32))

    def squares(self, weights: Doubles | None = None) -> Doubles:
        """Return the square of each row's norm, the columns weighted."""
        w = np.ones(self.shape[1]) if weights is None else weights
        square = self.each_dense(lambda _, x: np.square(x) @ w, 0)
        return np.concatenate([np.empty(0), *square])

    def _with(self, **changes: Any) -> "RawDesign":
        return RawDesign(**{**vars(self), **changes})

    def _standardised(self, table: NDArray[Any]) -> Floats:
        m = table.shape[1]
        x = np.empty((len(table), m + self.intercept), self.dtype)
        x[:, m:] = 1
        inner = x[:, :m]
        np.subtract(table, self.centre.astype(self.dtype), out=inner, dtype=self.dtype)
        np.divide(inner, self.scale.astype(self.dtype), out=inner)
        return x

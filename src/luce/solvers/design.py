"""The rows of a problem, behind one small protocol: whatever holds them, a solver sees this."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from luce.solvers.fused_rows import FusedRows

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
T = TypeVar("T")


class Columns(NamedTuple):
    """Columns of a design one after another, for methods that move one coefficient at a time."""

    start: NDArray[np.int64]  # (c + 1,) where the values of each begin and end
    rows: NDArray[np.int64] | None  # of each value; None where every column has all rows
    values: Doubles
    shift: Doubles  # (c,) to be taken off every row of a column, those without a value included


class StoredRows(NamedTuple):
    """Some rows of a design in compressed form: ``matrix - shift``."""

    matrix: Any  # CSR array (r, d), the intercept's 1 included
    shift: Doubles  # (d,) to be taken off every row


class Rows(Protocol):
    """Some neighbouring rows of a design, on which one thread works at a time."""

    @property
    def part(self) -> slice:
        """Which rows of the design these are."""

    def logits(self, operand: Any) -> Floats:
        """Return ``x theta.T`` (b, k), a new array; `operand` is ``design.operand(theta)``."""

    def pulled(self, residual: Floats) -> Floats:
        """Return ``residual.T x`` (k, d)."""

    def gram(self, weights: Doubles) -> Floats:
        """Return ``sum_i weights_i x_i x_i^T`` (d, d)."""

    def column_squares(self, weights: Doubles) -> Doubles:
        """Return ``sum_i weights_i x_ic^2`` (d,), or (k, d) for weights (b, k)."""


class Design(Protocol):
    """The rows ``x_i`` (n, d) of a problem; where there is an intercept, the last column is 1.

    The columns are those that the solver works on, usually standardised: a design may hold the
    table as it came and do the arithmetic of centre and scale on parameters and gradients.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d), the intercept's column included."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: the dtype of logits and residuals."""

    @property
    def order(self) -> Literal["C", "F"]:
        """In which parameters and gradients (k, d) stand in memory: "F" is column by column."""

    @property
    def density(self) -> float:
        """The share of the values that are stored, 1 where all are."""

    @property
    def panels(self) -> Doubles | None:
        """The rows as `luce.solvers.panels` lays them out, if that was asked for and pays."""

    @property
    def fused_rows(self) -> "FusedRows | None":
        """The rows behind one native pass for loss and gradient, where there is one."""

    @property
    def stored(self) -> int:
        """How many numbers one pass over the rows multiplies with: n d, or those not 0."""

    def operand(self, theta: Doubles) -> Any:
        """Return parameters (k, d) in the form that `Rows.logits` multiplies with."""

    def with_panels(self) -> Self:
        """Return the same design with `panels`, where they pay: for many passes over the rows."""

    def each(self, function: Callable[[Rows], T], row_bytes: int = 0) -> Iterator[T]:
        """Yield ``function(rows)`` of every block of rows, in order.

        The blocks depend on the sizes alone, so what is added up in their order has the same bits
        on any number of threads. `row_bytes` is what the function needs for a row besides it.
        """

    def each_dense(self, function: Callable[[slice, Doubles], T], row_bytes: int) -> Iterator[T]:
        """Yield ``function(part, x)`` of small blocks, spelled out in float64: for small d only."""

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return the design of some of the rows."""

    def columns(self, kept: NDArray[np.intp]) -> Self:
        """Return the design of some of the columns; the intercept's stays the last."""

    def by_column(self, kept: NDArray[np.intp]) -> Columns:
        """Return some of the columns one after another, in float64."""

    def by_row(self, kept: NDArray[np.intp]) -> StoredRows:
        """Return some of the rows, sparse."""

    def in_double(self) -> Self:
        """Return the same design computed in float64."""

    def in_single(self) -> Self:
        """Return the same design computed in float32.

        Itself, where a centre is taken off in every pass: in float32 that would cancel.
        """

    def for_steps(self) -> Self:
        """Return the same design computed in float32 throughout: steps need few digits."""

    def squares(self, weights: Doubles | None = None) -> Doubles:
        """Return ``sum_c weights_c x_ic^2`` of each row (n,); without weights, ``|x_i|^2``."""

"""Which classes each rank holds."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from luce.errors import ParameterError


class ClassSplit(NamedTuple):
    """Consecutive classes for each rank: rank r holds `sizes[r]` of them."""

    sizes: tuple[int, ...]
    rank: int

    @classmethod
    def of(cls, classes: int, ranks: int, rank: int, splits: Sequence[int] | None) -> "ClassSplit":
        """Return the split that is asked for; None splits as evenly as can be.

        The first ranks hold one class more where it does not come out even.
        """
        if splits is None:
            each, more = divmod(classes, ranks)
            return cls(tuple(each + (r < more) for r in range(ranks)), rank)
        sizes = tuple(int(size) for size in splits)
        if len(sizes) != ranks or min(sizes) < 0 or sum(sizes) != classes:
            raise ParameterError(
                f"splits must hold {ranks} numbers of classes, one for each process, none"
                f" negative and {classes} in all, got {list(splits)!r}."
                " Leave splits out for an even split."
            )
        return cls(sizes, rank)

    @property
    def classes(self) -> int:
        """The number of all classes."""
        return sum(self.sizes)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first class of each rank."""
        return tuple(accumulate(self.sizes, initial=0))[:-1]

    @property
    def own(self) -> range:
        """The classes of this rank."""
        start = self.starts[self.rank]
        return range(start, start + self.sizes[self.rank])

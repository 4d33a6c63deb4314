"""Samplers: which classes a head compares the right one with, and how often each is expected.

A sampled head replaces a sum over all classes by one over few, each term divided by how often its
class is expected in the sample (Horvitz & Thompson 1952). Every sampler therefore tells the exact
logarithm of that number for the classes that it draws.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from luce._checks import as_count, as_finite
from luce.errors import ParameterError
from luce.nn.alias_table import AliasTable
from luce.nn.class_counts import as_frequencies
from luce.nn.eager import is_recorded
from luce.nn.inclusion import inclusion_scale, systematic


class Draw(NamedTuple):
    """Classes that have been drawn."""

    ids: Tensor
    """(c,) int64."""
    log_expected_count: Tensor
    """(c,) float64: log of the expected number of times that each is in a sample; infinity for an
    entry that is to be left out."""


class Sampler(nn.Module, ABC):
    """Draws classes for the rows of a batch to share.

    Parameters
    ----------
    n_classes : int
        The number of classes ``k``.
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = as_count(n_classes, 2**48, "n_classes")

    @abstractmethod
    def draw(self, n: int, labels: Tensor, *, generator: torch.Generator | None = None) -> Draw:
        """Return `n` classes, or those of `labels` (-1 for a row without one)."""

    def prepare(self, n: int) -> None:
        """Make the tables for samples of `n` now and not at the first draw."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # A model in bfloat16 must not round probabilities: tables move to devices, no more.
        kept = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, table in kept.items():
            moved = self._buffers[name]
            if table is not None and moved is not None and moved.dtype != table.dtype:
                self._buffers[name] = table.to(moved.device)
        return self

    def extra_repr(self) -> str:
        return f"n_classes={self.n_classes}"


class ClassSampler(Sampler):
    """Draws from a fixed distribution over the classes.

    With ``distinct=True`` a sample has `n` different classes. The probability that class j is one
    of them is exactly what `log_expected_count` says: ``min(1, c q_j)``, with ``c`` such that these
    add up to `n`; frequent classes are in every sample. With ``distinct=False`` the `n` draws are
    independent, frequent classes come several times, and the expected count is ``n q_j``.
    """

    def __init__(self, n_classes: int, distinct: bool) -> None:
        super().__init__(n_classes)
        self.distinct = distinct

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Return the ids of `n` classes, int64."""
        n = self._size(n)
        self.prepare(n)
        draw = self._distinct if self.distinct else self._independent
        return draw(n, generator, device)

    @abstractmethod
    def log_prob(self, ids: Tensor) -> Tensor:
        """Return log q of each class, float64: the distribution of a single draw."""

    def log_expected_count(self, ids: Tensor, n: int) -> Tensor:
        """Return the log of how often each class is expected in a sample of `n`, float64."""
        n = self._size(n)
        log_q = self.log_prob(ids)
        if not self.distinct:
            return log_q + math.log(n)
        if n == self.n_classes:
            return torch.zeros_like(log_q)
        return (log_q + self._log_scale(n)).clamp(max=0.0)

    def draw(self, n: int, labels: Tensor, *, generator: torch.Generator | None = None) -> Draw:
        ids = self.sample(n, generator=generator, device=labels.device)
        return Draw(ids, self.log_expected_count(ids, n))

    def extra_repr(self) -> str:
        return f"n_classes={self.n_classes}, distinct={self.distinct}"

    @abstractmethod
    def _independent(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor: ...

    @abstractmethod
    def _distinct(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor: ...

    @abstractmethod
    def _log_scale(self, n: int) -> float:
        """Return log c for samples of n distinct classes, n below their number."""

    def _size(self, n: int) -> int:
        most = self.n_classes if self.distinct else 2**31
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= most:
            why = "the number of classes: a sample holds distinct ones" if self.distinct else "2^31"
            raise ParameterError(
                f"n must be a whole number from 1 to {most} ({why}), got {n!r}."
                " Draw fewer classes, or pass distinct=False to the sampler."
            )
        return n


class UniformSampler(ClassSampler):
    """Draws every class alike.

    Parameters
    ----------
    n_classes : int
        The number of classes ``k``.
    distinct : bool
        Whether a sample holds different classes, each with probability ``n / k``: a simple random
        sample without replacement. False draws independently.

    Notes
    -----
    Holds no table and costs O(n) a sample; O(k) for distinct samples of more than half of the
    classes, and where PyTorch compiles.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import UniformSampler
    >>> sampler = UniformSampler(1000)
    >>> ids = sampler.sample(10, generator=torch.Generator().manual_seed(0))
    >>> len(ids.unique())
    10
    >>> sampler.log_expected_count(ids, 10).exp()[:3]
    tensor([0.0100, 0.0100, 0.0100], dtype=torch.float64)
    """

    def __init__(self, n_classes: int, *, distinct: bool = True) -> None:
        super().__init__(n_classes, distinct)

    def log_prob(self, ids: Tensor) -> Tensor:
        return torch.full_like(ids, -math.log(self.n_classes), dtype=torch.float64)

    def _independent(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor:
        return torch.randint(self.n_classes, (n,), generator=generator, device=device)

    def _distinct(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor:
        k = self.n_classes
        if n > k // 2 or is_recorded():  # the loop below has no fixed shapes
            return torch.randperm(k, generator=generator, device=device)[:n]
        # Independent draws treat all classes alike, so a random part of the different ones among
        # them is as likely as any other.
        found = torch.empty(0, dtype=torch.int64, device=device)
        while len(found) < n:
            more = torch.randint(k, (n + n // 4 + 8,), generator=generator, device=device)
            found = torch.cat([found, more]).unique()
        return found[torch.randperm(len(found), generator=generator, device=device)[:n]]

    def _log_scale(self, n: int) -> float:
        return math.log(n)


class LogUniformSampler(ClassSampler):
    r"""Draws class j in proportion to :math:`\log\frac{j + 2}{j + 1}`, after Zipf's law.

    Fits classes that are numbered by falling frequency, such as the words of a vocabulary.

    Parameters
    ----------
    n_classes : int
        The number of classes ``k``.
    distinct : bool
        Whether a sample holds different classes; then the first, most frequent ones are in every
        sample. False draws independently, as TensorFlow's sampler does with ``unique=False``.

    Notes
    -----
    Holds no table and costs O(n) a sample: the distribution function,
    :math:`\log(j + 1) / \log(k + 1)`, can be inverted.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import LogUniformSampler
    >>> sampler = LogUniformSampler(30_000)
    >>> ids = sampler.sample(500, generator=torch.Generator().manual_seed(0))
    >>> len(ids.unique()), int((ids < 100).sum())
    (500, 95)
    >>> sampler.log_expected_count(torch.tensor([0, 29_999]), 500).exp().numpy().round(4)
    array([1.    , 0.0024])
    """

    def __init__(self, n_classes: int, *, distinct: bool = True) -> None:
        super().__init__(n_classes, distinct)
        self._prepared, self._certain, self._scale = 0, 0, 0.0

    def prepare(self, n: int) -> None:
        if self.distinct and self._prepared != n and n < self.n_classes:
            self._certain, self._scale = _log_uniform_inclusion(self.n_classes, n)
            self._prepared = n

    def log_prob(self, ids: Tensor) -> Tensor:
        return (1 / (ids + 1).to(torch.float64)).log1p().log() - math.log(
            math.log1p(self.n_classes)
        )

    def _independent(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor:
        u = torch.rand(n, generator=generator, device=device, dtype=torch.float64)
        return self._inverse(u)

    def _distinct(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor:
        k = self.n_classes
        if n == k:
            return torch.arange(k, device=device)
        certain, scale = self._certain, self._scale
        start = torch.rand((), generator=generator, device=device, dtype=torch.float64)
        points = start + torch.arange(n, device=device)  # as in `systematic`
        below = math.log1p(certain) / math.log1p(k)  # the mass of the certain classes
        rare = self._inverse(below + (points - certain).clamp(min=0) / scale)
        return torch.where(points < certain, points.to(torch.int64), rare.clamp(min=certain))

    def _log_scale(self, n: int) -> float:
        self.prepare(n)
        return math.log(self._scale)

    def _inverse(self, mass: Tensor) -> Tensor:
        """Return the class in which the distribution function reaches `mass`."""
        ids = (mass * math.log1p(self.n_classes)).exp().floor().to(torch.int64) - 1
        return ids.clamp(0, self.n_classes - 1)


def _log_uniform_inclusion(k: int, n: int) -> tuple[int, float]:
    """Return how many classes are in every sample of n < k, and c; see `inclusion_scale`."""
    whole = math.log1p(k)
    for certain in range(n):
        scale = (n - certain) * whole / (whole - math.log1p(certain))
        if scale * math.log1p(1 / (certain + 1)) <= whole:
            return certain, scale
    raise AssertionError("n - 1 certain classes leave one draw, which no class fills")


class UnigramSampler(ClassSampler):
    r"""Draws classes in proportion to a power of how often they occur.

    Parameters
    ----------
    counts : array_like, shape (k,)
        How often each class occurs in the data.
    power : float
        Between 0 (all alike) and 1 (as often as in the data). The default is that of word2vec.
    least : float
        Classes that occur less often are drawn as if they occurred so often: a class that is
        never drawn would never learn that it is wrong. Above 0.
    distinct : bool
        Whether a sample holds different classes; then frequent ones are in every sample. False
        draws independently.

    Notes
    -----
    Independent draws cost O(1) each, from an alias table (Vose 1991), distinct ones O(log k), by
    systematic sampling (Madow 1949). Tables: 8 bytes a class for ``log q``, and 16 or 8 more.

    Source of the power 3/4: Mikolov et al. (2013), arXiv 1310.4546, section 2.2.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import UnigramSampler
    >>> sampler = UnigramSampler([1000, 100, 10, 10, 0], distinct=False)
    >>> sampler.log_prob(torch.arange(5)).exp().numpy().round(3)
    array([0.802, 0.143, 0.025, 0.025, 0.005])
    >>> ids = sampler.sample(1000, generator=torch.Generator().manual_seed(0))
    >>> torch.bincount(ids, minlength=5)
    tensor([795, 138,  35,  25,   7])
    """

    def __init__(
        self, counts: ArrayLike, *, power: float = 0.75, least: float = 1.0, distinct: bool = True
    ) -> None:
        seen = as_frequencies(counts)
        super().__init__(len(seen), distinct)
        power = as_finite(power, "power", 0.0, 1.0)
        if not 0 < least <= float(seen.max()):
            raise ParameterError(
                f"least must be above 0 and at most the largest count, {float(seen.max()):g}, got"
                f" {least!r}. Pass the count that classes never seen are taken to have."
            )
        log_q = power * seen.clamp(min=least).log()
        self.log_q: Tensor
        self.register_buffer("log_q", log_q - log_q.logsumexp(0))
        self._prepared = 0
        self._scale = 0.0
        self._table: AliasTable | None
        self.keep: Tensor
        self.alias: Tensor
        self.upto: Tensor
        for name in ("keep", "alias", "upto"):
            self.register_buffer(name, None, persistent=False)
        self.register_load_state_dict_post_hook(_forget_tables)

    def log_prob(self, ids: Tensor) -> Tensor:
        return self.log_q[ids]

    def prepare(self, n: int) -> None:
        if not self.distinct:
            if not self._prepared:
                self.keep, self.alias = AliasTable.of(self.log_q.exp())
                self._prepared = 1
        elif self._prepared != n and n < self.n_classes:
            q = self.log_q.exp()
            self._scale = inclusion_scale(q, n)
            self.upto = (self._scale * q).clamp(max=1.0).cumsum(0)
            self._prepared = n

    def _independent(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor:
        return AliasTable(self.keep, self.alias).draw(n, generator)

    def _distinct(self, n: int, generator: torch.Generator | None, device: Any) -> Tensor:
        if n == self.n_classes:
            return torch.arange(n, device=self.log_q.device)
        return systematic(self.upto, n, generator)

    def _log_scale(self, n: int) -> float:
        self.prepare(n)
        return math.log(self._scale)


def _forget_tables(sampler: nn.Module, _: Any) -> None:
    assert isinstance(sampler, UnigramSampler)
    sampler._prepared = 0

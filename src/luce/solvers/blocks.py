"""Blocks of rows worked on by all cores, with results that do not depend on how many there are."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import local
from typing import TypeVar

from luce import kernels

T = TypeVar("T")
U = TypeVar("U")

_BLOCK_BYTES = 1 << 21  # a block of rows stays in the cache between two products
_LARGE_BYTES = 1 << 27
_here = local()


def blocks(n: int, row_bytes: int) -> list[slice]:
    """Return slices of rows, of about 2 MB each, that depend on the sizes alone."""
    step = max(256, _BLOCK_BYTES // max(1, row_bytes))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def large_blocks(n: int, row_bytes: int) -> list[slice]:
    """Return slices of rows, as few as leave what a function keeps of a block small enough."""
    step = max(256, _LARGE_BYTES // max(1, row_bytes))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def each(function: Callable[[U], T], parts: Sequence[U]) -> Iterator[T]:
    """Yield ``function(part)`` of every part in order, computed by all threads of luce.

    The caller adds the results up in that order, so the same data give the same bits on one core
    and on many. The products inside belong to BLAS, whose own threads are held to one meanwhile
    (see the estimators): two pools of threads on the same cores wait for each other.
    """
    threads = kernels.get_num_threads()
    if min(threads, len(parts)) < 2 or getattr(_here, "busy", False):
        yield from map(function, parts)
        return
    yield from _pool(os.getpid(), threads).map(function, parts)


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that wait for work: to start them anew costs more than many a block.

    A forked process has none of its parent's threads, so it gets its own.
    """
    return ThreadPoolExecutor(threads, initializer=_be_busy)


def _be_busy() -> None:
    """Mark a thread of a pool: what it splits further it does alone, for the others are busy."""
    _here.busy = True

"""Requests answered together: all that has arrived while the last ones were computed is a batch.

A lone request is computed at once. Under load batches form by themselves: each turn of the event
loop reads what has arrived, and one product serves what came in successive turns. Nothing waits for
company that has not arrived.
Short batches are computed in the loop's own thread, because to hand them to another one would cost
more than they do; long ones in a thread beside it, so that the server stays answerable.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter

from luce.server.api.served import Served
from luce.server.security import Refused, busy
from luce.tasks.crowds import Probabilities, Rows, predict_crowd

_SHORT = 2e-3  # seconds that the event loop may be kept from other work

Answer = Probabilities | Exception


class Waiting:
    """A request in the queue."""

    __slots__ = ("done", "rows", "served", "since")

    def __init__(self, served: Served, rows: Rows, done: Callable[[Answer], None]) -> None:
        self.served, self.rows, self.done, self.since = served, rows, done, perf_counter()


class Batcher:
    """Computes probabilities for requests, many at a time, in the order in which they came.

    Parameters
    ----------
    max_batch : rows that are computed together; a longer request is computed alone
    queue : requests that may wait
    timeout : seconds that a request may wait; one that even at the best rate that there has been
        would have to wait longer is refused at once
    on_batch : told the rows and seconds of each batch
    """

    def __init__(
        self,
        *,
        max_batch: int = 64,
        queue: int = 256,
        timeout: float = 10.0,
        on_batch: Callable[[int, float], None] = lambda rows, seconds: None,
    ) -> None:
        self._max_batch, self._queue, self._timeout = max_batch, queue, timeout
        self._on_batch = on_batch
        self._waiting: OrderedDict[Waiting, None] = OrderedDict()
        self._rows = 0  # that wait
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="luce-batch")
        self._busy = False
        self._seconds_a_row = _SHORT  # a guess, until the first batch has been timed
        self._fewest_seconds = 0.0  # for a row, in any batch of ...
        self._timed_model: tuple[int, int, int] | None = None  # ... the model with this stamp

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether one more request would be refused."""
        wait = self._rows * self._fewest_seconds
        return len(self._waiting) >= self._queue or wait > self._timeout

    def put(self, served: Served, rows: Rows, done: Callable[[Answer], None]) -> Waiting:
        """Put a request into the queue; `done` is called with its answer, but never at once.

        Raises
        ------
        Refused
            503: the queue is full.
        """
        if self.full:
            raise queue_full()
        waiting = Waiting(served, rows, done)
        self._waiting[waiting] = None
        self._rows += len(rows)
        self._go_on(asyncio.get_running_loop())
        return waiting

    def leave(self, waiting: Waiting) -> None:
        """Take a request that nobody waits for any more out of the queue, if it is there."""
        if waiting in self._waiting:
            del self._waiting[waiting]
            self._rows -= len(waiting.rows)

    def submit(self, served: Served, rows: Rows) -> "asyncio.Future[Probabilities]":
        """Put a request into the queue; a future that is done before it takes it out again.

        Raises
        ------
        Refused
            503: the queue is full.
        """
        future: asyncio.Future[Probabilities] = asyncio.get_running_loop().create_future()
        waiting = self.put(served, rows, partial(settle, future))
        future.add_done_callback(lambda done: self.leave(waiting))
        return future

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._busy and self._waiting:
            self._busy = True
            loop.call_soon(self._gather, loop, len(self._waiting))

    def _gather(self, loop: asyncio.AbstractEventLoop, before: int) -> None:
        """Compute what waits, as soon as a turn of the event loop has brought nothing more."""
        if before < len(self._waiting) and self._rows < self._max_batch:
            loop.call_soon(self._gather, loop, len(self._waiting))
        else:
            self._work(loop)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._take()
        rows = sum(len(one.rows) for one in batch)
        if rows * self._seconds_a_row <= _SHORT:
            self._done(batch, self._timed(batch), loop)
            return
        work = loop.run_in_executor(self._thread, self._timed, batch)
        work.add_done_callback(lambda done: self._done(batch, done.result(), loop))

    def _take(self) -> list[Waiting]:
        """The next requests: of one model, at least one unless all have left, as many as fit."""
        batch: list[Waiting] = []
        rows = 0
        while self._waiting:
            one = next(iter(self._waiting))
            if batch and (
                one.served is not batch[0].served or rows + len(one.rows) > self._max_batch
            ):
                break
            self.leave(one)
            batch.append(one)
            rows += len(one.rows)
        return batch

    def _timed(self, batch: list[Waiting]) -> tuple[list[Answer], float]:
        started = perf_counter()
        answers: list[Answer] = []
        try:
            if batch:
                answers = predict_crowd(batch[0].served.model, [one.rows for one in batch])
        except Exception as error:  # a bug; the server must live on
            answers = [error] * len(batch)
        return answers, perf_counter() - started

    def _done(
        self,
        batch: list[Waiting],
        result: tuple[list[Answer], float],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        answers, seconds = result
        try:
            if batch:
                rows = sum(len(one.rows) for one in batch)
                self._on_batch(rows, seconds)
                if not any(isinstance(answer, Exception) for answer in answers):
                    self._learn(batch[0].served, seconds / rows)
            self._refuse_the_late(perf_counter())
        finally:
            self._busy = False
            self._go_on(loop)
            for one, answer in zip(batch, answers, strict=True):
                _tell(one, answer)

    def _learn(self, served: Served, each: float) -> None:
        if served.stamp != self._timed_model:
            self._timed_model, self._fewest_seconds = served.stamp, each
        self._fewest_seconds = min(self._fewest_seconds, each)
        self._seconds_a_row += 0.1 * (each - self._seconds_a_row)

    def _refuse_the_late(self, now: float) -> None:
        while self._waiting:
            first = next(iter(self._waiting))
            if now - first.since <= self._timeout:
                return
            self.leave(first)
            _tell(first, queue_full())


def _tell(one: Waiting, answer: Answer) -> None:
    try:
        one.done(answer)
    except Exception as error:  # a bug; it takes no other answer along
        told = {"message": "an answer could not be given", "exception": error}
        asyncio.get_running_loop().call_exception_handler(told)


def settle(future: "asyncio.Future[Probabilities]", answer: Answer) -> None:
    """Give a future its answer, unless it has one."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def queue_full() -> Refused:
    """Return the refusal of a request for which there is no place."""
    return busy("The server has more requests than it can answer.")

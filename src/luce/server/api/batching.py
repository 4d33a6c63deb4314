"""Requests answered together: all that has arrived while the last ones were computed is a batch.

A lone request is computed at once; nothing ever waits for company. Under load batches form by
themselves: each turn of the event loop reads what has arrived, and one product serves it all.
Short batches are computed in the loop's own thread, because to hand them to another one would cost
more than they do; long ones in a thread beside it, so that the server stays answerable.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter

from luce.server.api.served import Served
from luce.server.security import Refused
from luce.tasks.crowds import Probabilities, Rows, predict_crowd

_SHORT = 2e-3  # seconds that the event loop may be kept from other work
_RETRY = (b"retry-after", b"1")


@dataclass(eq=False)
class _Waiting:
    """A request in the queue."""

    served: Served
    rows: Rows
    future: "asyncio.Future[Probabilities]"
    since: float = field(default_factory=perf_counter)


class Batcher:
    """Computes probabilities for requests, many at a time, in the order in which they came.

    Parameters
    ----------
    max_batch : rows that are computed together; a longer request is computed alone
    queue : requests that may wait
    timeout : seconds that a request may wait
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
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="luce-batch")
        self._busy = False
        self._seconds_a_row = _SHORT  # a guess, until the first batch has been timed

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether one more request would be refused."""
        return len(self._waiting) >= self._queue

    def submit(self, served: Served, rows: Rows) -> "asyncio.Future[Probabilities]":
        """Put a request into the queue.

        Raises
        ------
        Refused
            503: the queue is full.
        """
        if self.full:
            raise queue_full()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(served, rows, loop.create_future())
        self._waiting.append(waiting)
        self._go_on(loop)
        return waiting.future

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._busy and self._waiting:
            self._busy = True
            loop.call_soon(self._work, loop)  # after what else has arrived in this turn

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._take()
        rows = sum(len(one.rows) for one in batch)
        if rows * self._seconds_a_row <= _SHORT:
            self._done(batch, self._timed(batch), loop)
            return
        work = loop.run_in_executor(self._thread, self._timed, batch)
        work.add_done_callback(lambda done: self._done(batch, done.result(), loop))

    def _take(self) -> list[_Waiting]:
        """The next requests: of one model, at least one, else as many as fit a batch."""
        batch = [self._waiting.popleft()]
        rows = len(batch[0].rows)
        while self._waiting and self._waiting[0].served is batch[0].served:
            rows += len(self._waiting[0].rows)
            if rows > self._max_batch:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _timed(self, batch: list[_Waiting]) -> tuple[list[Probabilities | Exception], float]:
        started = perf_counter()
        model = batch[0].served.model
        try:
            answers = predict_crowd(model, [one.rows for one in batch])
        except Exception as error:  # a bug; the server must live on
            answers = [error] * len(batch)
        return answers, perf_counter() - started

    def _done(
        self,
        batch: list[_Waiting],
        result: tuple[list[Probabilities | Exception], float],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        answers, seconds = result
        for one, answer in zip(batch, answers, strict=True):
            if one.future.done():  # its client went away
                continue
            if isinstance(answer, Exception):
                one.future.set_exception(answer)
            else:
                one.future.set_result(answer)
        rows = sum(len(one.rows) for one in batch)
        self._seconds_a_row += 0.1 * (seconds / rows - self._seconds_a_row)
        self._on_batch(rows, seconds)
        self._refuse_the_late(perf_counter())
        self._busy = False
        self._go_on(loop)

    def _refuse_the_late(self, now: float) -> None:
        while self._waiting and now - self._waiting[0].since > self._timeout:
            late = self._waiting.popleft()
            if not late.future.done():
                late.future.set_exception(queue_full())


def queue_full() -> Refused:
    """Return the refusal of a request for which there is no place."""
    return Refused(
        503, "Busy", "The server has more requests than it can answer. Try later.", (_RETRY,)
    )

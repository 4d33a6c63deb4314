"""Requests answered together get what each would get alone, and the queue has an end."""

import asyncio
import itertools
import threading

import numpy as np
import polars as pl
import pytest

from luce.errors import DataError
from luce.server.api.batching import Batcher
from luce.server.api.served import Served
from luce.server.security import Refused
from luce.tasks.crowds import predict_rows

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def arrays(runs):
    return Served.load(runs["arrays"])


def together(served, crowd, **options):
    """The answers to requests that come at the same moment, and the sizes of the batches."""
    sizes = []

    async def ask():
        batcher = Batcher(on_batch=lambda rows, seconds: sizes.append(rows), **options)
        try:
            waiting = [batcher.submit(served, rows) for rows in crowd]
            return await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            batcher.close()

    return asyncio.run(ask()), sizes


def test_a_crowd_is_one_batch_and_gets_the_bits_of_lone_requests(arrays):
    crowd = [np.random.default_rng(i).normal(size=(i % 3 + 1, 3)) for i in range(20)]
    answers, sizes = together(arrays, crowd)
    assert sizes == [sum(map(len, crowd))]
    for rows, answer in zip(crowd, answers, strict=True):
        np.testing.assert_array_equal(answer, predict_rows(arrays.model, rows))


def test_batches_have_a_largest_size_and_keep_the_order(arrays):
    crowd = [np.full((1, 3), float(i)) for i in range(10)]
    answers, sizes = together(arrays, crowd, max_batch=4)
    assert sizes == [4, 4, 2]
    np.testing.assert_array_equal(
        np.concatenate(answers), predict_rows(arrays.model, np.concatenate(crowd))
    )


def test_a_long_request_is_computed_alone(arrays):
    crowd = [np.ones((1, 3)), np.ones((100, 3)), np.ones((1, 3))]
    assert together(arrays, crowd, max_batch=10)[1] == [1, 100, 1]


def test_a_poisoned_row_fails_alone(arrays):
    good, bad = np.ones((1, 3)), np.array([[1.0, np.nan, 1.0]])
    answers, sizes = together(arrays, [good, bad, good])
    assert sizes == [3]
    assert isinstance(answers[1], DataError)
    for answer in (answers[0], answers[2]):
        np.testing.assert_array_equal(answer, predict_rows(arrays.model, good))


def test_requests_of_other_types_do_not_change_what_a_cell_means(runs):
    served = Served.load(runs["table"])
    crowd = [
        pl.DataFrame({"size": [size], "colour": ["red"], "new": [new], "day": ["2024-01-01"]})
        for size, new in ((1, True), ("1.5", "true"), (2.0, 1), ("x", None))
    ]
    answers, _ = together(served, crowd)
    assert isinstance(answers[3], DataError)
    for rows, answer in zip(crowd[:3], answers[:3], strict=True):
        np.testing.assert_array_equal(answer, predict_rows(served.model, rows))


def test_a_full_queue_refuses_at_once(arrays):
    async def ask():
        batcher = Batcher(queue=2)
        waiting = [batcher.submit(arrays, np.ones((1, 3))) for _ in range(2)]
        assert batcher.full
        with pytest.raises(Refused) as refused:
            batcher.submit(arrays, np.ones((1, 3)))
        assert (refused.value.status, refused.value.headers) == (503, ((b"retry-after", b"1"),))
        await asyncio.gather(*waiting)
        assert not batcher.full
        await batcher.submit(arrays, np.ones((1, 3)))
        batcher.close()

    asyncio.run(ask())


def test_who_waits_too_long_is_refused(arrays, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("luce.server.api.batching.perf_counter", lambda: float(next(clock)))
    answers, _ = together(arrays, [np.ones((1, 3))] * 3, max_batch=1, timeout=2.5)
    assert isinstance(answers[0], np.ndarray)
    assert {type(answer) for answer in answers[1:]} == {Refused}


def test_who_would_have_to_wait_too_long_is_refused_at_once(arrays):
    async def ask():
        batcher = Batcher(timeout=10.0)
        batcher._learn(arrays, 2.0)  # seconds a row
        batcher._learn(arrays, 1.0)
        waiting = [batcher.submit(arrays, np.ones((5, 3))) for _ in range(2)]
        assert not batcher.full
        waiting.append(batcher.submit(arrays, np.ones((1, 3))))
        assert batcher.full
        await asyncio.gather(*waiting)
        assert not batcher.full
        batcher.close()

    asyncio.run(ask())


def test_only_batches_of_the_same_model_that_were_computed_tell_what_one_takes(
    arrays, runs, monkeypatch
):
    async def ask():
        batcher = Batcher(timeout=10.0)
        batcher._learn(Served.load(runs["images"]), 0.001)  # a fast model, until a reload
        batcher._learn(arrays, 1.0)
        for wrong in (np.full((1, 3), np.nan), np.ones((1, 3))):
            with pytest.raises((DataError, ZeroDivisionError)):
                await batcher.submit(arrays, wrong)
            monkeypatch.setattr(
                "luce.server.api.batching.predict_crowd", lambda model, crowd: 1 / 0
            )
        waiting = [batcher.submit(arrays, np.ones((11, 3)))]
        assert batcher.full
        await asyncio.gather(*waiting, return_exceptions=True)
        batcher.close()

    asyncio.run(ask())


def test_a_request_whose_client_went_away_is_not_computed(arrays):
    async def ask():
        computed = []
        batcher = Batcher(queue=2, on_batch=lambda rows, seconds: computed.append(rows))
        batcher._busy = True  # as while a long batch is computed
        gone, there = (batcher.submit(arrays, np.ones((rows, 3))) for rows in (5, 1))
        assert batcher.full
        gone.cancel()
        await asyncio.sleep(0)  # what is to be done when it is cancelled is done
        assert not batcher.full
        batcher._busy = False
        more = batcher.submit(arrays, np.ones((2, 3)))
        assert [len(p) for p in await asyncio.gather(there, more)] == [1, 2]
        batcher.close()
        return computed

    assert asyncio.run(ask()) == [3]


def test_a_batch_that_all_have_left_is_no_end(arrays):
    async def ask():
        batcher = Batcher()
        waiting = batcher.put(arrays, np.ones((1, 3)), lambda answer: None)
        batcher.leave(waiting)
        await asyncio.sleep(0)
        assert (await batcher.submit(arrays, np.ones((2, 3)))).shape == (2, 2)
        batcher.close()

    asyncio.run(ask())


def test_long_work_is_done_beside_the_event_loop(arrays, monkeypatch):
    threads = []

    def slow(model, crowd):
        threads.append(threading.current_thread())
        return [np.zeros((1, 2))] * len(crowd)

    monkeypatch.setattr("luce.server.api.batching.predict_crowd", slow)
    together(arrays, [np.ones((1, 3))])
    together(arrays, [np.ones((10_000, 3))])
    assert [thread is threading.main_thread() for thread in threads] == [True, False]


def raises(*told):
    raise RuntimeError(f"told {told}")


def test_who_counts_batches_may_fail(arrays):
    async def ask():
        wrong = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: wrong.append(told))
        batcher = Batcher(on_batch=raises)
        async with asyncio.timeout(60):
            for _ in range(2):
                assert (await batcher.submit(arrays, np.ones((1, 3)))).shape == (1, 2)
        batcher.close()
        return wrong

    assert [type(told["exception"]) for told in asyncio.run(ask())] == [RuntimeError] * 2


def test_who_is_told_to_have_waited_too_long_may_fail(arrays):
    async def ask():
        wrong = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: wrong.append(told))
        batcher = Batcher(max_batch=1, timeout=0.0)
        first = batcher.submit(arrays, np.ones((1, 3)))
        batcher.put(arrays, np.ones((1, 3)), raises)
        late = batcher.submit(arrays, np.ones((1, 3)))
        async with asyncio.timeout(60):
            assert (await first).shape == (1, 2)
            with pytest.raises(Refused):
                await late
            assert (await batcher.submit(arrays, np.ones((1, 3)))).shape == (1, 2)
        batcher.close()
        return wrong

    # By the handler of the loop: a server's own tells each error once.
    assert [type(told["exception"]) for told in asyncio.run(ask())] == [RuntimeError]


def test_a_bug_is_the_answer_of_its_batch_and_not_the_end(arrays, monkeypatch):
    monkeypatch.setattr("luce.server.api.batching.predict_crowd", lambda model, crowd: 1 / 0)
    answers, _ = together(arrays, [np.ones((1, 3))])
    assert isinstance(answers[0], ZeroDivisionError)

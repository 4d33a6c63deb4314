"""Many callers at once, and a number of threads that changes under them: the same bits."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest

import luce
from luce.losses import cross_entropy_grad

CALLERS, ROUNDS = 16, 3
RNG = np.random.default_rng(3)
TABLE = RNG.normal(0, 5, (700, 100))
LONG = RNG.normal(0, 5, (2, 70_000))
LABELS = RNG.integers(0, 100, 700)

WORK = {
    "softmax of rows": lambda dtype: luce.softmax(TABLE.astype(dtype)),
    "softmax of long rows": lambda dtype: luce.softmax(LONG.astype(dtype)),
    "softmax of columns": lambda dtype: luce.softmax(TABLE.astype(dtype), 0),
    "log_softmax of columns": lambda dtype: luce.log_softmax(TABLE.astype(dtype), 0),
    "sigmoid": lambda dtype: luce.sigmoid(LONG.astype(dtype)),
    "logsumexp": lambda dtype: luce.logsumexp(LONG.astype(dtype)),
    "gradient": lambda dtype: cross_entropy_grad(TABLE.astype(dtype), LABELS).grad,
    "smoothed gradient": lambda dtype: (
        cross_entropy_grad(TABLE.astype(dtype), LABELS, label_smoothing=0.1).grad
    ),
}
JOBS = [(name, dtype) for name in WORK for dtype in ("float32", "float64")]


@pytest.fixture
def restored():
    before, interval = luce.get_num_threads(), sys.getswitchinterval()
    yield
    luce.set_num_threads(before)
    sys.setswitchinterval(interval)


def bits(job):
    name, dtype = job
    return WORK[name](dtype).tobytes()


@pytest.mark.parametrize("changing", [False, True], ids=["fixed", "changing"])
def test_callers_at_once_get_the_single_threaded_bits(restored, changing):
    luce.set_num_threads(1)
    expected = {job: bits(job) for job in JOBS}
    luce.set_num_threads(4)
    sys.setswitchinterval(1e-5)
    start, done = Barrier(CALLERS + 1), Event()

    def caller(number):
        start.wait()
        order = np.random.default_rng(number).permutation(len(JOBS) * ROUNDS) % len(JOBS)
        return [JOBS[i] for i in order if bits(JOBS[i]) != expected[JOBS[i]]]

    def meddler():
        start.wait()
        while changing and not done.wait(1e-4):
            luce.set_num_threads(int(RNG.integers(1, 9)))

    with ThreadPoolExecutor(CALLERS + 1) as pool:
        meddling = pool.submit(meddler)
        wrong = list(pool.map(caller, range(CALLERS)))
        done.set()
    meddling.result()
    assert wrong == [[]] * CALLERS


def test_a_pool_may_have_more_threads_than_are_asked_for(restored):
    """Each worker has a buffer: there are as many as threads were asked for, not as there are."""
    luce.set_num_threads(1)
    expected = luce.log_softmax(TABLE, 0)
    luce.set_num_threads(64)
    luce.log_softmax(TABLE, 0)
    luce.set_num_threads(2)
    for _ in range(200):
        np.testing.assert_array_equal(luce.log_softmax(TABLE, 0), expected)

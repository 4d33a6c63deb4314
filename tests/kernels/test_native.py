"""The native core agrees with its twin, and a row's bits do not depend on anything but the row."""

import multiprocessing
import os
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
from reference.kernel_cases import SPECIAL, apply, logits

NAMES = ["softmax", "log_softmax", "logsumexp"]
DTYPES = [np.float32, np.float64]
# around the limits of the lanes, of short rows, and of the pieces of long ones
LENGTHS = [1, 2, 3, 4, 5, 8, 10, 17, 31, 32, 33, 65, 100, 4095, 4096, 4097, 9000]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", LENGTHS)
def test_agrees_with_the_twin(native, twin, name, n, dtype):
    for seed in range(3):
        z = logits(5, n, dtype, seed, special=4 * seed)
        expected = apply(twin, name, z)
        np.testing.assert_allclose(
            apply(native, name, z),
            expected,
            rtol=8 * np.finfo(dtype).eps,
            atol=2 * np.finfo(dtype).smallest_subnormal,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("temperature", [0.01, 0.7, 3.0, 1e308])
def test_agrees_with_the_twin_at_any_temperature(native, twin, temperature, dtype):
    for n in (3, 10, 40):
        z = logits(9, n, dtype, special=6)
        for name in NAMES:
            expected = apply(twin, name, z, temperature=temperature)
            got = apply(native, name, z, temperature=temperature)
            np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps, atol=1e-44)


@pytest.mark.parametrize("name", ["sigmoid", "log_sigmoid", "softplus"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_elementwise_functions_agree_with_the_twin(native, twin, name, dtype):
    x = np.concatenate([np.array(SPECIAL, dtype), logits(1, 300, dtype)[0] * 20])
    got, expected = np.empty_like(x), np.empty_like(x)
    getattr(native, name)(x, got)
    getattr(twin, name)(x, expected)
    np.testing.assert_allclose(got, expected, rtol=6 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 10, 33, 5000])
def test_cross_entropy_agrees_with_the_twin(native, twin, k, weighted, dtype):
    rng = np.random.default_rng(3)
    z = logits(7, k, dtype, special=3)
    y = rng.integers(0, k, 7)
    a, b = rng.uniform(0.5, 1, 7), rng.uniform(0.1, 0.3, 7)
    y[2], a[2], b[2], z[2, 0] = -1, 0, 0, np.nan  # ignored, whatever the row holds
    b[3:] = 0
    w = rng.uniform(0.5, 2, k) if weighted else None
    got, expected = _cross_entropy(native, z, y, a, b, w), _cross_entropy(twin, z, y, a, b, w)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(got[0], expected[0], rtol=8 * eps)
    np.testing.assert_allclose(got[1], expected[1], rtol=8 * eps, atol=4 * eps)
    np.testing.assert_allclose(got[1][3:], expected[1][3:], rtol=8 * eps, atol=1e-44)
    assert got[0][2] == 0
    assert not got[1][2].any()


def test_gradient_of_a_confident_class_is_minus_the_others(native):
    for k in (2, 40):
        z = np.full((1, k), -40.0, np.float32)
        z[0, 0] = 0
        _, grad = _cross_entropy(native, z, np.zeros(1, np.int64), np.ones(1), np.zeros(1), None)
        assert grad[0, 0] == pytest.approx(-(k - 1) * np.exp(-40.0), rel=1e-6)
        assert grad[0, 0] == pytest.approx(-grad[0, 1:].astype(float).sum(), rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_curvature_agrees_with_the_twin(native, twin, dtype):
    p = apply(native, "softmax", logits(50, 13, dtype))
    u, scale = logits(50, 13, dtype, 1), logits(1, 50, dtype, 2)[0]
    got, expected = u.copy(), np.empty_like(u)
    native.softmax_curvature(p, got, scale, got)  # in place
    twin.softmax_curvature(p, u, scale, expected)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [3, 10, 32, 33, 1000, 5000])
def test_a_row_gives_the_same_bits_wherever_it_stands(native, name, n, dtype):
    z = logits(19, n, dtype, special=5)
    together = apply(native, name, z)
    alone = np.concatenate([apply(native, name, row[None]) for row in z])
    other_axis = apply(native, name, np.ascontiguousarray(z.T), axis=0).T
    middle = np.stack([z, z[::-1]]).transpose(0, 2, 1)
    inside = apply(native, name, np.ascontiguousarray(middle), axis=1)[0].T
    for got in (alone, other_axis, inside):
        assert np.ascontiguousarray(got).tobytes() == together.tobytes()
    if name != "logsumexp":
        getattr(native, name)(z, z)
        assert z.tobytes() == together.tobytes()


@pytest.mark.parametrize("shape", [(3, 70_000), (1, 300_001), (50_000, 10), (300, 1000)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_number_of_threads_does_not_show(native, threads, shape, dtype):
    z = logits(*shape, dtype)
    results = []
    for n in (1, 2, 3, 8):
        threads(n)
        results.append([apply(native, name, z).tobytes() for name in NAMES])
    assert all(result == results[0] for result in results)


def test_large_results_give_the_same_bits(native):
    # results of this size go past the cache; one that starts off a vector's boundary too
    z = logits(900, 4099, np.float32)
    out = np.empty(z.size + 1, np.float32)[1:].reshape(z.shape)
    native.softmax(z, out)
    for row in (0, 1, 450, 899):
        assert out[row].tobytes() == apply(native, "softmax", z[row][None]).tobytes()


def test_a_million_equal_classes_sum_to_one(native):
    p = apply(native, "softmax", np.full((1, 1_000_000), 0.3, np.float32))
    assert abs(p.sum(dtype=np.float64) - 1) <= 2.5e-7


def test_concurrent_callers_do_not_disturb_each_other(native, threads):
    threads(4)
    inputs = [logits(200, 1000, np.float32, seed) for seed in range(6)]
    expected = [apply(native, "softmax", z).tobytes() for z in inputs]
    results = [[] for _ in inputs]

    def work(i):
        results[i].extend(apply(native, "softmax", inputs[i]).tobytes() for _ in range(10))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [[one] * 10 for one in expected]


def _digest(z):
    from luce.kernels import _native

    return apply(_native, "softmax", z).tobytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_works_after_fork(native, threads):
    threads(4)
    z = logits(400, 1000, np.float32)
    expected = _digest(z)  # the pool is running now
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_digest, [z] * 4).get(timeout=60) == [expected] * 4


def test_works_in_joblib_workers(native):
    z = logits(100, 200, np.float32)
    results = joblib.Parallel(n_jobs=2)(joblib.delayed(_bits_of_softmax)(z) for _ in range(2))
    np.testing.assert_allclose(results[0], apply(native, "softmax", z), rtol=1e-6)
    assert results[0].tobytes() == results[1].tobytes()


def _bits_of_softmax(z):
    import luce

    return luce.softmax(z)


def test_refuses_memory_it_must_not_touch(native):
    z = np.zeros((4, 6), np.float32)
    with pytest.raises((TypeError, ValueError, BufferError)):
        native.softmax(z.T, np.empty((6, 4), np.float32))
    with pytest.raises(TypeError):
        native.softmax(z, np.empty((4, 5), np.float32))
    with pytest.raises(TypeError):
        native.softmax(z, np.empty((4, 6)))
    read_only = np.zeros((4, 6), np.float32)
    read_only.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        native.softmax(z, read_only)


def test_the_short_cut_declines_what_needs_preparation(native):
    def quick(*args, **kwargs):
        return native.softmax_quick(args, kwargs)

    z = np.zeros((4, 6), np.float32)
    out = np.empty_like(z)
    assert quick(z).tolist() == [[np.float32(1 / 6)] * 6] * 4
    assert quick(z, 0, out=out) is out
    assert quick(z, axis=-2, out=None) is not None
    read_only = np.empty_like(z)
    read_only.flags.writeable = False
    shared = np.zeros(30, np.float32)
    for args, kwargs in [
        ((), {}), ((), {"x": z}), ((z, -1, out), {}), ((z, True), {}), ((z, 2), {}),
        ((z, 2**70), {}), ((z.T,), {}), ((z.astype(">f4"),), {}), ((z[:0],), {}),
        ((z.view(np.recarray),), {}),
        ((z,), {"out": np.empty((4, 6))}), ((z,), {"out": [1, 2]}), ((z,), {"out": read_only}),
        ((z,), {"temperature": 0.0}), ((z,), {"temperature": np.inf}), ((z,), {"temperature": 1}),
        ((z,), {"where": None}), ((z,), {"\ud800": 1}), ((z.astype(int),), {}),
        ((np.float32(1),), {}),
        ((shared[:24],), {"out": shared[6:]}),  # they overlap in part
    ]:  # fmt: skip
        assert quick(*args, **kwargs) is None


def test_the_short_cut_of_logsumexp_removes_the_axis(native):
    def quick(*args, **kwargs):
        return native.logsumexp_quick(args, kwargs)

    z = np.arange(24, dtype=np.float32).reshape(4, 6)
    for axis, length in ((-1, 4), (1, 4), (0, 6), (-2, 6)):
        expected = apply(native, "logsumexp", z, axis, 2.0).ravel()
        np.testing.assert_array_equal(quick(z, axis, temperature=2.0), expected, strict=True)
        out = np.empty(length, np.float32)
        assert quick(z, axis=axis, out=out, temperature=2.0) is out
        np.testing.assert_array_equal(out, expected)
        for wrong in (out[:-1], out[None], out.astype(float), z[0, :length]):  # the last overlaps
            assert quick(z, axis, out=wrong) is None
    assert type(quick(z[0])) is np.float32
    assert quick(z, 2) is quick(z, -3) is quick(z[:0]) is None


@pytest.mark.parametrize("name", ["sigmoid", "log_sigmoid", "softplus"])
def test_short_cuts_of_elementwise_functions_take_no_axis(native, name):
    def quick(*args, **kwargs):
        return getattr(native, f"{name}_quick")(args, kwargs)

    x = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
    expected = np.empty_like(x)
    getattr(native, name)(x, expected)
    np.testing.assert_array_equal(quick(x), expected, strict=True)
    np.testing.assert_array_equal(quick(np.array(x[0, 0]), temperature=1.0), expected[0, 0])
    assert quick(x, out=expected) is expected
    assert quick(x, 0) is quick(x, axis=0) is quick(x, temperature=2.0) is quick(x.T) is None


PRODUCTS = ["softmax_product", "log_softmax_forward", "log_softmax_backward"]


def product(core, name, z, v, axis=-1, temperature=1.0):
    out = np.full_like(z, 7.0)
    done = getattr(core, name)(z, v, out, axis, temperature)
    return out, done


@pytest.mark.parametrize("dtypes", [("f", "f"), ("f", "d"), ("d", "d")])
@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("n", [1, 3, 17, 4097])
def test_products_give_a_row_the_same_bits_wherever_it_stands(native, threads, name, n, dtypes):
    z, v = logits(19, n, dtypes[0]), logits(19, n, dtypes[1], 1)
    z[3], v[5, 0] = np.nan, np.inf
    threads(1)
    together, done = product(native, name, z, v)
    assert not done
    assert np.isnan(together[[3, 5]]).all()
    assert np.isfinite(np.delete(together, [3, 5], axis=0)).all()
    threads(4)
    alone = np.concatenate(
        [product(native, name, a[None], b[None])[0] for a, b in zip(z, v, strict=True)]
    )
    columns, _ = product(native, name, z.T.copy(), v.T.copy(), 0)
    many, _ = product(native, name, np.tile(z, (40, 1)), np.tile(v, (40, 1)))
    for got in (alone, columns.T.copy(), many[-19:]):
        assert got.tobytes() == together.tobytes()


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_leave_open_what_could_overflow(native, name):
    z, v = np.zeros((2, 3)), np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 1e308]])
    got, done = product(native, name, z, v)
    assert not done
    assert np.isnan(got).any(axis=1).tolist() == [False, True]
    assert not product(native, name, z[:1], v[:1], temperature=1e-300)[1]
    assert product(native, name, z[:1], v[:1], temperature=1e300)[1]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="limits memory as Linux does")
def test_a_lack_of_memory_in_a_worker_is_the_callers_error(native):
    code = """
import os, resource
import numpy as np
from luce.kernels import _native
_native.set_num_threads(4)
z = np.full((4000, 512), -1e6, np.float32)  # columns that are gathered in workers
out = np.empty_like(z)
while len(os.listdir("/proc/self/task")) < 4:  # until all workers have started
    _native.softmax(np.zeros((400, 1000), np.float32), np.empty((400, 1000), np.float32))
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
stacks = 200_000  # of the main thread: where it cannot grow, the kernel kills the process
resource.setrlimit(resource.RLIMIT_AS, (used + stacks, resource.RLIM_INFINITY))
for _ in range(20):
    try:
        _native.softmax(z, out, 0)
    except MemoryError:
        print("MemoryError")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
_native.softmax(z, out, 0)
print(out[0, 0] == np.float32(1 / 4000))
"""
    # Without these, glibc hands out memory that a thread has reserved before there was a limit.
    anew = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **anew},
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"MemoryError", "True"}


def _cross_entropy(core, z, y, a, b, w):
    loss, grad = np.empty(len(z)), np.empty_like(z)
    core.cross_entropy_rows(z, y, a, b, w, loss, grad)
    return loss, grad

"""Each test of the native core runs on every instruction set that is built and understood here."""

import pytest

from luce.kernels import _numpy, dispatch

FOUND = dispatch.describe()["available"]
# avx2x2 is the arithmetic of avx512, for processors that do not have it.
WITHOUT = {"numpy", "avx2x2"} if "avx512" in FOUND else {"numpy"}
BUILT = [name for name in FOUND if name not in WITHOUT]


@pytest.fixture(params=BUILT or ["native"])
def native(request):
    module = pytest.importorskip("luce.kernels._native", reason="the native core is not built")
    module.select(request.param)
    yield module
    module.select(dispatch.simd() if dispatch.simd() in BUILT else BUILT[0])


@pytest.fixture
def threads(native):
    """Set the number of threads; the test's end restores it."""
    before = native.get_num_threads()
    yield native.set_num_threads
    native.set_num_threads(before)


@pytest.fixture
def twin():
    return _numpy

"""Which core is chosen, and what importing it leaves alone. Each choice needs its own process."""

import os
import subprocess
import sys

import numpy as np
import pytest

from luce import kernels
from luce.errors import ParameterError

AVAILABLE = kernels.describe()["available"]


def run(code, **environment):
    """Return what a new interpreter prints."""
    settings = {**os.environ, "LUCE_SIMD": "", **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("simd", AVAILABLE)
def test_each_instruction_set_can_be_asked_for(simd):
    code = """
import luce.kernels as k
print(k.simd(), k.describe()["simd"], all(check.passed for check in k.self_test()))
"""
    assert run(code, LUCE_SIMD=simd).stdout.split() == [simd, simd, "True"]


def test_the_best_instruction_set_is_the_default():
    assert run("import luce.kernels as k; print(k.simd())").stdout.strip() == AVAILABLE[0]


def test_an_unknown_instruction_set_is_refused():
    done = run("import luce.kernels", LUCE_SIMD="sse17")
    assert done.returncode == 1
    assert "ParameterError: LUCE_SIMD must name an instruction set" in done.stderr
    assert "'sse17'" in done.stderr


def test_the_twin_says_why_it_is_in_use():
    code = "import luce.kernels as k; print(k.describe()['twin_reason'])"
    assert run(code, LUCE_SIMD="numpy").stdout.strip()
    code = "import sys; sys.modules['luce.kernels._native'] = None\n" + code
    assert "not there" in run(code).stdout


@pytest.mark.skipif(AVAILABLE == ["numpy"], reason="the twin always uses one thread")
@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({"LUCE_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, "3"),
        ({"LUCE_NUM_THREADS": "", "OMP_NUM_THREADS": "5"}, "5"),
    ],
)
def test_the_environment_sets_the_number_of_threads(environment, threads):
    code = "import luce; print(luce.get_num_threads())"
    assert run(code, **environment).stdout.strip() == threads


@pytest.mark.skipif(kernels.simd() == "numpy", reason="the twin always uses one thread")
def test_the_number_of_threads_can_be_set():
    before = kernels.get_num_threads()
    kernels.set_num_threads(before + 1)
    assert kernels.get_num_threads() == before + 1
    kernels.set_num_threads(before)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", None])
def test_a_wrong_number_of_threads_is_refused(wrong):
    with pytest.raises(ParameterError, match="integer of at least 1"):
        kernels.set_num_threads(wrong)


def test_subnormal_numbers_stay_what_they_are_after_import():
    code = """
import numpy as np
tiny = np.array([5e-324, 1e-310]), np.array([1e-45, 1e-40], np.float32)
import luce
luce.softmax(np.zeros((1000, 1000), np.float32))
print(all((x * x.dtype.type(1) != 0).all() and (x / x.dtype.type(1) == x).all() for x in tiny))
"""
    assert run(code).stdout.strip() == "True"


def test_import_loads_numpy_alone():
    code = """
import sys, luce
luce.softmax([1.0, 2.0])
print(sorted({"scipy", "sklearn", "matplotlib", "torch", "polars", "click"} & set(sys.modules)))
"""
    assert run(code).stdout.strip() == "[]"


def test_residual_overwrites_the_logits():
    z = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    scale, y, loss = np.array([2.0, 0.5]), np.array([0, 2]), np.empty(2)
    t = 0.9 * np.eye(3)[y] + 0.1 / 3
    kernels.softmax_residual(z, y, scale, loss, smoothing=0.1)
    np.testing.assert_allclose(z, scale[:, None] * (p - t), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(loss, -scale * (t * np.log(p)).sum(axis=1), rtol=1e-12)

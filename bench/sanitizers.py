"""Look for memory errors and undefined behaviour in the native core; exit 1 if there are any.

The core is built with AddressSanitizer and UndefinedBehaviorSanitizer and the tests of kernels,
functions and losses run on it, on every instruction set of this processor; then every kernel is
called under valgrind (which does not know AVX-512). Needs GCC or Clang, CMake, the tools of
``make test``, and valgrind for the second part.

Usage: python bench/sanitizers.py [--keep FOLDER] [--simd avx2,baseline] [--skip-valgrind]
       [tests ...]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ["tests/kernels", "tests/functions", "tests/losses"]
REPORT = re.compile(r"ERROR: AddressSanitizer|runtime error:")

SMOKE = """
import numpy as np, luce
from luce import kernels
from luce.losses import cross_entropy_grad
assert kernels.simd() == "avx2", kernels.simd()
luce.set_num_threads(2)
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    for shape in ((3, 1), (5, 2), (4, 10), (33, 3), (2, 129), (3, 1000), (1, 20011), (300, 101)):
        x = rng.normal(0, 5, shape).astype(dtype)
        x[0, 0] = rng.choice([0, np.inf, -np.inf, np.nan])
        for axis in (0, 1):
            for options in ({}, {"temperature": 0.7}):
                luce.softmax(x, axis, **options), luce.log_softmax(x, axis, **options)
            luce.logsumexp(x, axis)
        luce.sigmoid(x), luce.log_sigmoid(x)
        labels = rng.integers(0, shape[1], shape[0])
        cross_entropy_grad(x, labels)
        weight = np.ones(shape[1])
        cross_entropy_grad(x, labels, label_smoothing=0.1, weight=weight)
        p, out = np.abs(np.ascontiguousarray(x)), np.empty_like(x)
        kernels.softmax_curvature(p, x, np.ones(len(x), dtype), out)
kernels.self_test()
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="build here, and use what is built already")
    parser.add_argument("--simd", help="instruction sets, instead of all")
    parser.add_argument("--skip-valgrind", action="store_true")
    parser.add_argument("tests", nargs="*", default=TESTS)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    try:
        faults = sanitized(folder, options)
        if not options.skip_valgrind:
            faults += under_valgrind(folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    print("no finding" if not faults else "FOUND: " + "; ".join(faults))
    return bool(faults)


def sanitized(folder, options):
    package = built(folder / "sanitized", "-DLUCE_SANITIZE=ON")
    environment = {
        "PYTHONPATH": str(package),
        "PYTHONMALLOC": "malloc",  # so that every object has its own guarded memory
        "LD_PRELOAD": " ".join(map(library, ("libasan.so", "libubsan.so", "libstdc++.so"))),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # Python frees little at exit
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    listed = "from luce import kernels; print(*kernels.describe()['available'])"
    names = run([sys.executable, "-c", listed], environment).stdout.split()
    faults = []
    for simd in options.simd.split(",") if options.simd else names:
        if simd == "numpy":
            continue
        call = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", *options.tests]
        call += ["-p", "no:cacheprovider"]
        call += [
            "-k",
            "not megabytes and not lack_of_memory",
        ]  # of which the sanitizers take many themselves
        done = run(call, environment | {"LUCE_SIMD": simd}, check=False)
        text = done.stdout + done.stderr
        print(f"sanitizers, {simd}: {done.stdout.strip().splitlines()[-1:]}", flush=True)
        if done.returncode or REPORT.search(text):
            print(text[-20_000:])
            faults.append(f"sanitizers on {simd}")
    return faults


def under_valgrind(folder):
    if not shutil.which("valgrind"):
        print("valgrind: not installed, left out")
        return []
    package = built(folder / "plain", "-DCMAKE_CXX_FLAGS=-g")
    report = folder / "valgrind.xml"
    environment = {"PYTHONPATH": str(package), "PYTHONMALLOC": "malloc", "LUCE_SIMD": "avx2"}
    call = [
        "valgrind",
        "-q",
        "--leak-check=no",
        "--track-origins=yes",
        "--xml=yes",
        f"--xml-file={report}",
    ]
    run([*call, sys.executable, "-c", SMOKE], environment | {"OPENBLAS_NUM_THREADS": "1"})
    errors = [one for one in ElementTree.parse(report).getroot().iter("error") if is_ours(one)]
    for error in errors:
        print(ElementTree.tostring(error, encoding="unicode"))
    print(f"valgrind, avx2: {len(errors)} errors")
    return ["valgrind"] if errors else []


def is_ours(error):
    """Whether the core is to blame; leaks say nothing: its threads live as long as the process."""
    if error.findtext("kind").startswith("Leak_"):
        return False
    return any("_native" in (place.findtext("obj") or "") for place in error.iter("frame"))


def built(folder, *options):
    """Return a folder to import luce from, with a native core built with these options."""
    python = f"-DPython_EXECUTABLE={sys.executable}"
    common = ["-DCMAKE_BUILD_TYPE=Release", "-DLUCE_WIDE_TEST=ON", python]
    run(["cmake", "-S", str(ROOT), "-B", str(folder / "build"), *common, *options])
    run(["cmake", "--build", str(folder / "build"), "--parallel", "2"])
    package = folder / "package"
    shutil.rmtree(package, ignore_errors=True)
    ignored = shutil.ignore_patterns("_native*", "__pycache__", "src")
    shutil.copytree(ROOT / "src" / "luce", package / "luce", ignore=ignored)
    for core in (folder / "build").glob("_native*"):
        shutil.copy(core, package / "luce" / "kernels")
    return package


def library(name):
    """Return the path of a library of the compiler."""
    path = run([os.environ.get("CXX", "g++"), f"-print-file-name={name}"]).stdout.strip()
    return str(Path(path).resolve())


def run(call, environment=None, check=True):
    done = subprocess.run(
        call,
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        sys.exit(f"{' '.join(call)}\n{done.stdout[-5000:]}{done.stderr[-5000:]}")
    return done


if __name__ == "__main__":
    sys.exit(main())

"""Clone the project into an empty folder and run ``make demo`` there, as a newcomer would.

    python bench/clean_clone.py [--limit 120] [--test]

Three times: with the compiler of this computer, with a PATH that holds none, and with
LUCE_NO_NATIVE=1. Each has its own clone and its own ``.venv``; pip's cache of downloads is used.
``--test`` runs ``make test`` in the first clone as well (about 15 minutes more). Only what is
committed is cloned. Ends with exit code 1 if a demand is missed. About 4 minutes.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from section import Demand, show_figures, show_table, verdict

PROJECT = Path(__file__).parents[1]
COMPILER = re.compile(
    r"(.*-)?(cc|c\+\+|gcc|g\+\+|clang|clang\+\+|cpp|c89|c99|icx|icpx|nvc\+\+|zig|tcc)(-[\d.]+)?"
)
OURS = ("LUCE_", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS")  # what a newcomer's shell has not
Environment = dict[str, str]


class Demo(NamedTuple):
    """What one ``make demo`` in a clean clone came to."""

    name: str
    seconds: float
    kernels: str
    accuracy: Mapping[str, float]


def newcomer(folder: Path) -> Environment:
    """The environment without what belongs to the work on luce."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def without_compiler(folder: Path) -> Environment:
    """A PATH of links to every program but the compilers, and neither CC nor CXX."""
    environment = newcomer(folder)
    links = folder / "path"
    links.mkdir()
    for place in map(Path, environment["PATH"].split(os.pathsep)):
        for program in place.iterdir() if place.is_dir() else ():
            link = links / program.name
            if not COMPILER.fullmatch(program.name) and not link.is_symlink():
                link.symlink_to(program)
    kept = {name: value for name, value in environment.items() if name not in ("CC", "CXX")}
    return {**kept, "PATH": str(links)}


def without_native(folder: Path) -> Environment:
    return {**newcomer(folder), "LUCE_NO_NATIVE": "1"}


WAYS: dict[str, Callable[[Path], Environment]] = {
    "with a compiler": newcomer,
    "without a compiler in PATH": without_compiler,
    "with `LUCE_NO_NATIVE=1`": without_native,
}


def run(command: list[str], folder: Path, environment: Environment) -> float:
    """Run and return the seconds; what the command says goes to stderr."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)
    return time.perf_counter() - start


def demo(name: str, environment: Environment, clone: Path) -> Demo:
    copy = ["git", "clone", "-q", "--no-hardlinks", str(PROJECT), str(clone)]
    seconds = run(copy, PROJECT, environment) + run(["make", "-s", "demo"], clone, environment)
    (evaluation,) = clone.glob("runs/*/eval.json")
    facts = json.loads(evaluation.with_name("environment.json").read_text())
    accuracy = json.loads(evaluation.read_text())["accuracy"]
    return Demo(name, seconds, facts["simd"], accuracy)


def measure(folder: Path, with_tests: bool) -> tuple[list[Demo], float | None]:
    demos, test_seconds = [], None
    for number, (name, prepare) in enumerate(WAYS.items()):
        place = folder / str(number)
        place.mkdir()
        environment = prepare(place)
        demos.append(demo(name, environment, place / "luce"))
        if with_tests and number == 0:
            test_seconds = run(["make", "-s", "test"], place / "luce", environment)
    return demos, test_seconds


def show(demos: list[Demo], test_seconds: float | None, limit: float) -> int:
    show_table(
        [
            {
                "`make demo` in a clean clone": each.name,
                "seconds": f"{each.seconds:.0f}",
                "kernels": each.kernels,
                "digits, test accuracy": "{value:.4f} [{low:.4f}, {high:.4f}]".format_map(
                    each.accuracy
                ),
            }
            for each in demos
        ]
    )
    print("\nFrom `git clone` of the committed state to the report. Warm: the packages, which pip")
    print("had downloaded before. Cold: the rest; the virtual environment is made, each package is")
    print("unpacked, luce is built, and the byte code is compiled.")
    if test_seconds is not None:
        print(f"`make test` in the first of the clones was green after {test_seconds:.0f} s.")
    worst = max(each.seconds for each in demos)
    lowest = min(each.accuracy["value"] for each in demos)
    code = verdict(
        [
            Demand(f"at most {limit:g} s", f"{worst:.0f} s", worst <= limit),
            Demand("digits test accuracy at least 0.95", f"{lowest:.4f}", lowest >= 0.95),
            Demand(
                "the native core where there is a compiler, its NumPy twin where there is none",
                ", ".join(each.kernels for each in demos),
                [each.kernels == "numpy" for each in demos] == [False, True, True],
            ),
        ]
    )
    show_figures(seconds=f"{demos[0].seconds:.0f}", seconds_without=f"{demos[1].seconds:.0f}")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=120, help="seconds")
    parser.add_argument("--test", action="store_true", help="run `make test` in a clone, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luce-clone-") as folder:
        return show(*measure(Path(folder), options.test), options.limit)


if __name__ == "__main__":
    sys.exit(main())

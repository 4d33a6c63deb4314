"""Time ``import luce`` and its first softmax against ``import numpy``: the promise is 50 ms more.

    python bench/import_time.py [--rounds 15]

Each import runs in a new interpreter; the two take turns, and the medians are compared.
"""

import argparse
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "bare Python": "pass",
    "import numpy": "import numpy",
    "import luce": "import numpy, luce",
    "import luce, first softmax": "import numpy, luce; luce.softmax([1.0, 2.0])",
}


def seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds + 1):  # the first round fills the file cache
        for name, program in PROGRAMS.items():
            times[name].append(seconds(program))
    medians = {name: statistics.median(values[1:]) * 1e3 for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:28} {value:6.0f} ms  ({value - medians['import numpy']:+.0f} ms)")


if __name__ == "__main__":
    main()

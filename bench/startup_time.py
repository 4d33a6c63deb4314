"""How long ``luce --help`` and ``import luce`` take, beside bare Python and NumPy.

Targets: ``luce --help`` in at most bare Python + 100 ms; ``import luce`` in at most
``import numpy`` + 50 ms. The commands take turns, and the medians are compared: a busy moment of
the computer hits all of them.
"""

import os
import statistics
import subprocess
import sys
import time

from section import Demand, show_figures, show_table, verdict

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "luce --help": ["-m", "luce.cli", "--help"],
    "luce train --help": ["-m", "luce.cli", "train", "--help"],
    "import numpy": ["-c", "import numpy"],
    "import luce": ["-c", "import luce"],
    "luce.softmax": ["-c", "import luce; luce.softmax"],
}
LIMITS = [
    ("luce --help", "python -c pass", 100),
    ("luce train --help", "python -c pass", 100),
    ("import luce", "import numpy", 50),
    ("luce.softmax", "import numpy", 50),
]
ROUNDS = 15


def milliseconds(arguments: list[str]) -> float:
    # With PYTHONDONTWRITEBYTECODE every import compiles anew: times two to five times too long.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True
    )
    return 1000 * (time.perf_counter() - started)


def main() -> int:
    for arguments in COMMANDS.values():
        milliseconds(arguments)  # writes the byte code
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            times[name].append(milliseconds(arguments))
    medians = {name: statistics.median(values) for name, values in times.items()}
    show_table([{"command": f"`{k}`", "ms": f"{median:.0f}"} for k, median in medians.items()])
    demands = []
    for name, base, limit in LIMITS:
        extra = medians[name] - medians[base]
        promise = f"`{name}` in at most `{base}` + {limit} ms"
        demands.append(Demand(promise, f"{extra:+.0f} ms", extra <= limit))
    code = verdict(demands)
    show_figures(help=f"{medians['luce --help']:.0f}", bare=f"{medians['python -c pass']:.0f}")
    return code


if __name__ == "__main__":
    sys.exit(main())

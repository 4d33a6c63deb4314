"""Out of core: peak memory and time of a fit on a file that memory need not hold.

    python bench/out_of_core.py [--gigabytes 10] [--part 1] [--formats parquet csv] [--scratch]
        [--folder DIR] [--keep]

Makes a table of numbers (30 columns, 5 classes that overlap, units from 1e-3 to 1e3) in each
format, fits it from a stream in a process of its own whose peak memory is told, and compares the
optimum of a part, which fits in memory, with the optimum there. Peak memory is the resident set,
imports included.
Ends with exit code 1 if a demand is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from section import Demand, show_figures, show_table, verdict

COLUMNS, CLASSES = 30, 5
STEP = 100_000  # rows made at a time
ROW_BYTES = {"csv": 262, "parquet": 245}
LIMIT = 500  # MB
BENCH = str(Path(__file__).parent)
TOLERANCE = 1e-6

FIT = """
import json, sys, time
sys.path.insert(0, sys.argv[4])
start = time.perf_counter()
from luce import SoftmaxRegression
from luce.data import stream
from memory import peak
source = stream(sys.argv[1], target="label", scratch=sys.argv[3] or None)
opened = time.perf_counter() - start
model = SoftmaxRegression(tol=float(sys.argv[2])).fit(source)
print(json.dumps({
    "seconds": time.perf_counter() - start,
    "opened": opened,
    "passes": model.n_passes_,
    "gap": model.gap_,
    "objective": model.objective_,
    "lower": model.lower_bound_,
    "peak": peak() / 1e6,
}))
"""


def block(number: int, rows: int) -> pl.DataFrame:
    fixed = np.random.default_rng(0)
    truth, units = fixed.normal(size=(COLUMNS, CLASSES)), 10 ** fixed.uniform(-3, 3, COLUMNS)
    random = np.random.default_rng([1, number])
    X = random.normal(size=(rows, COLUMNS))
    y = (0.3 * X @ truth + random.gumbel(size=(rows, CLASSES))).argmax(axis=1)
    data = {f"x{c}": X[:, c] * units[c] for c in range(COLUMNS)}
    return pl.DataFrame(data).with_columns(label=pl.Series(y))


def make(path: Path, rows: int) -> None:
    """Write a table block by block."""
    parts = ((n, min(STEP, rows - n * STEP)) for n in range(-(-rows // STEP)))
    if path.suffix == ".csv":
        with path.open("wb") as file:
            for number, size in parts:
                block(number, size).write_csv(
                    file, include_header=number == 0, float_scientific=True, float_precision=5
                )
        return
    frames = (block(number, size).lazy() for number, size in parts)
    pl.concat(frames, parallel=False).sink_parquet(path, row_group_size=STEP, compression="zstd")


def fit(path: Path, scratch: str) -> dict[str, Any]:
    command = [sys.executable, "-c", FIT, str(path), str(TOLERANCE), scratch, BENCH]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def in_memory(path: Path) -> float:
    """Return the optimum of the rows in memory, to a gap of 1e-9."""
    from luce import SoftmaxRegression

    frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    X = np.ascontiguousarray(frame.drop("label").to_numpy())
    return float(SoftmaxRegression(tol=1e-8).fit(X, frame["label"].to_numpy()).objective_)


def row(path: Path, found: dict[str, Any], held: float | None) -> dict[str, str]:
    size = path.stat().st_size / 1e9
    return {
        "file": f"{size:.2f} GB {path.suffix[1:]}",
        "seconds": f"{found['seconds']:.0f}",
        "passes": str(found["passes"]),
        "MB a second and pass": f"{size * 1000 * found['passes'] / found['seconds']:.0f}",
        "gap, proven": f"{found['gap']:.1e}",
        "peak memory, MB": f"{found['peak']:.0f}",
        "off the optimum in memory": "" if held is None else f"{found['objective'] / held - 1:.1e}",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=10.0, help="of the large file")
    parser.add_argument("--part", type=float, default=1.0, help="gigabytes of the part")
    parser.add_argument("--formats", nargs="+", choices=ROW_BYTES, default=["parquet", "csv"])
    parser.add_argument("--folder", help="where the files are made; default: a temporary one")
    parser.add_argument("--scratch", action="store_true", help="passes read a copy as numbers")
    options = parser.parse_args()
    lines, peaks, off = [], [], []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for kind in options.formats:
            for size, compared in ((options.part, True), (options.gigabytes, False)):
                if not size:
                    continue
                path = Path(folder, f"table.{kind}")
                start = time.perf_counter()
                make(path, round(size * 1e9 / ROW_BYTES[kind]))
                print(f"{path.name}: made in {time.perf_counter() - start:.0f} s", file=sys.stderr)
                found = fit(path, folder if options.scratch else "")
                held = in_memory(path) if compared else None
                lines.append(row(path, found, held))
                print(lines[-1], file=sys.stderr)
                peaks.append(found["peak"])
                if held is not None:
                    off.append(abs(found["objective"] / held - 1))
                path.unlink()
    show_table(lines)
    print(
        f"\n{COLUMNS} columns, {CLASSES} classes, C = 1, tol = {TOLERANCE:g}; the time counts from"
    )
    print("the start of the process. Peak memory is the resident set, imports included.")
    code = verdict(
        [
            Demand(f"at most {LIMIT} MB", f"{max(peaks):.0f} MB", max(peaks) <= LIMIT),
            Demand("the optimum in memory, to 1e-6", f"{max(off, default=0):.1e}",
                   max(off, default=0) <= 1e-6),
        ]
    )  # fmt: skip
    show_figures(peak=f"{max(peaks):.0f}", gigabytes=f"{options.gigabytes:g}")
    return code


if __name__ == "__main__":
    sys.exit(main())

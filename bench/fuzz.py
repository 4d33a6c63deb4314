"""Call the functions and losses with random arguments, good and bad, and look for what must not be.

    python bench/fuzz.py [--minutes 5] [--seed 0] [--trials N] [--only softmax,logsumexp]

A trial draws a function, shapes (long, scalar and empty ones too), dtypes, memory layouts, axes,
masks, options, special values, and in one trial of four something that does not belong. It fails if

- the process dies, or anything but a LuceError comes out of a call, or any warning does;
- an argument is changed, or the result is no plain array of the promised dtype and shape;
- a plain copy of the arguments, or another number of threads, gives other bits;
- probabilities are not in [0, 1] with the sum 1, or finite arguments give NaN;
- the native core and the NumPy twin are further apart than both promise.

Each failure prints the command that runs it again; there are none if the exit code is 0.
"""

import argparse
import faulthandler
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fuzzing.checks import trial
from fuzzing.draft import FUNCTIONS

from luce import kernels


def work(options, place):
    """Run trials from options.seed on, and write each seed down before it starts."""
    warnings.simplefilter("error")
    names = options.only.split(",") if options.only else sorted(FUNCTIONS)
    end = time.monotonic() + 60 * options.minutes
    failures, outcomes, seed = 0, Counter(), options.seed
    with place.open("r+b", buffering=0) as notes:
        while time.monotonic() < end and seed - options.seed < options.trials:
            notes.seek(0)
            notes.write(b"%20d" % seed)
            faulthandler.dump_traceback_later(options.patience, exit=True)
            try:
                outcomes[trial(seed, names)] += 1
            except Exception:
                failures += 1
                show(options, seed, traceback.format_exc(limit=-3))
            seed += 1
            if failures == options.failures:
                break
    print(f"{seed - options.seed} trials, {failures} failures, {outcomes['passed']} passed,")
    print(f"{outcomes['refused']} refused as they should be. Refused though nothing was spoiled:")
    for what, count in outcomes.most_common(options.refusals + 2):
        if what not in ("passed", "refused"):
            print(f"  {count:6} {what}")
    return 2 if failures else 0


def show(options, seed, text):
    only = f" --only {options.only}" if options.only else ""
    again = f"python bench/fuzz.py --seed {seed} --trials 1{only}"
    print(f"FAILURE, again with: LUCE_SIMD={kernels.simd()} {again}\n{text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=10**12)
    parser.add_argument("--failures", type=int, default=10, help="stop after so many")
    parser.add_argument("--refusals", type=int, default=12, help="kinds to show")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for a trial")
    parser.add_argument("--only", help="functions, instead of all")
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.place:
        return work(options, options.place)
    status, end, seed = 0, time.monotonic() + 60 * options.minutes, options.seed
    with tempfile.NamedTemporaryFile() as notes:
        while True:
            notes.seek(0)
            notes.truncate()
            minutes = str(max(0.0, end - time.monotonic()) / 60)
            call = [sys.executable, *sys.argv, "--place", notes.name]
            call += ["--minutes", minutes, "--seed", str(seed)]
            call += ["--trials", str(options.trials - (seed - options.seed))]
            died = subprocess.run(call, check=False, env=os.environ).returncode
            if died in (0, 2):
                return max(status, died)
            status = 2
            seed = int(Path(notes.name).read_bytes())
            cause = signal.Signals(-died).name if died < 0 else "exhausted patience"
            show(options, seed, f"the process died of {cause}")
            seed += 1


if __name__ == "__main__":
    sys.exit(main())

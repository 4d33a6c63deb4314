"""Kill a process at random moments while it saves a model in a loop; load after each kill.

    python bench/kill_while_saving.py [--kills 200] [--megabytes 8] [--seed 0]

Every load must give one of the models that were being saved, whole: each carries its number in its
metadata and in all of its weights. Nearly every kill (SIGKILL) lands inside a save, because the
child does nothing else. Ends with exit code 1 if one load fails, if two halves were mixed, or if
temporary files are left after the last save.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from luce.errors import ModelFileError
from luce.storage import load_model, save_model

CLASSES = 10


def save_numbered(path: Path, number: int, features: int) -> None:
    """Save a model that holds ``number`` in every weight and in its metadata."""
    weights = {
        "coef": np.full((CLASSES, features), number, np.float32),
        "intercept": np.full(CLASSES, number, np.float32),
    }
    metadata = {
        "format": "luce-model",
        "version": 1,
        "luce_version": "0.1.0",
        "created": "2026-01-01T00:00:00Z",
        "estimator": "SoftmaxRegression",
        "classes": {"kind": "int", "values": list(range(CLASSES))},
        "class_names": None,
        "encoding": {},
        "options": {},
        "data": {"name": "none", "fingerprint": "none", "rows": 0, "target": None},
        "metrics": {},
        "training": {"n_iter": number, "gap": None, "converged": True},
    }
    save_model(path, weights, metadata)


def loads_whole(path: Path) -> bool:
    """True if the file loads and all its parts come from the same save."""
    try:
        tensors, metadata = load_model(path)
    except ModelFileError as error:
        print(error, file=sys.stderr)
        return False
    number = metadata["training"]["n_iter"]
    return all((tensor == number).all() for tensor in tensors.values())


def save_for_ever(path: Path, features: int) -> None:
    """The child: say that it is ready, then save model after model until killed."""
    number = load_model(path).metadata["training"]["n_iter"]
    print("ready", flush=True)
    while True:
        number = (number + 1) % 2**20  # stays exact in float32
        save_numbered(path, number, features)


def kill_once(path: Path, features: int, wait: float) -> int:
    """Start a saving child, kill it after ``wait`` seconds, count the temporary files."""
    command = [sys.executable, __file__, "--child", str(path), "--features", str(features)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait)
        child.kill()
    return len(list(path.parent.glob(".*.tmp")))


def run(kills: int, megabytes: float, seed: int) -> int:
    """Kill that often; return how many loads failed."""
    features = max(1, round(megabytes * 2**20 / 4 / CLASSES))
    waits = np.random.default_rng(seed).exponential(0.05, kills)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        save_numbered(path, 0, features)
        bad = inside = 0
        for wait in waits.tolist():
            inside += kill_once(path, features, wait) > 0
            bad += not loads_whole(path)
        save_numbered(path, 0, features)
        litter = [p.name for p in Path(folder).iterdir() if p != path]
    print(
        f"{kills} kills while saving {megabytes:g} MB: {kills - bad} of {kills} loads gave a whole"
        f" model; {inside} kills left a temporary file, {len(litter)} remain after the next save"
    )
    return bad + len(litter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--features", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        save_for_ever(options.child, options.features)
    sys.exit(1 if run(options.kills, options.megabytes, options.seed) else 0)


if __name__ == "__main__":
    main()

"""Kill a process at random moments while it saves a model in a loop; load after each kill.

    python bench/kill_while_saving.py [--kills 200] [--megabytes 8] [--seed 0]   save big models
    python bench/kill_while_saving.py --train [--kills 200]                      train on digits

Every load must give one of the models that were being saved, whole. Without ``--train`` each model
carries its number in its metadata and in all of its weights, and nearly every kill (SIGKILL) lands
inside a save, because the child does nothing else. With it, the child fits digits with a growing
``C`` and saves after each fit, and a loaded model must be right on nine digits of ten. Ends with
exit code 1 if one load fails, or if temporary files are left after the last save.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from section import Demand, show_figures, verdict

from luce.errors import ModelFileError
from luce.storage import ModelFile, load_model, save_model

CLASSES = 10


def save(path: Path, weights: dict[str, np.ndarray], number: int) -> None:
    """Save weights of ten classes with ``number`` as the number of iterations."""
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


class Numbered:
    """Models of a given size that hold their own number everywhere."""

    def __init__(self, megabytes: float) -> None:
        self.features = max(1, round(megabytes * 2**20 / 4 / CLASSES))

    def weights(self, number: int) -> dict[str, np.ndarray]:
        return {
            "coef": np.full((CLASSES, self.features), number, np.float32),
            "intercept": np.full(CLASSES, number, np.float32),
        }

    def is_whole(self, model: ModelFile) -> bool:
        number = model.metadata["training"]["n_iter"]
        return all((tensor == number).all() for tensor in model.tensors.values())


class Trained:
    """Models fitted to digits, each with another strength of the penalty."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        self.X, self.y = load_digits(return_X_y=True)

    def weights(self, number: int) -> dict[str, np.ndarray]:
        from luce import SoftmaxRegression

        fitted = SoftmaxRegression(C=10.0 ** (number % 5 - 4)).fit(self.X, self.y)
        return {"coef": fitted.coef_, "intercept": fitted.intercept_}

    def is_whole(self, model: ModelFile) -> bool:
        logits = self.X @ model.tensors["coef"].T + model.tensors["intercept"]
        return float((logits.argmax(axis=1) == self.y).mean()) > 0.9


def loads_whole(path: Path, models: Numbered | Trained) -> bool:
    """True if the file loads and is what one save has written."""
    try:
        return models.is_whole(load_model(path))
    except ModelFileError as error:
        print(error, file=sys.stderr)
        return False


def save_for_ever(path: Path, models: Numbered | Trained) -> None:
    """The child: say that it is ready, then save model after model until killed."""
    number = load_model(path).metadata["training"]["n_iter"]
    print("ready", flush=True)
    while True:
        number = (number + 1) % 2**20  # stays exact in float32
        save(path, models.weights(number), number)


def kill_once(path: Path, wait: float) -> int:
    """Start a saving child, kill it after ``wait`` seconds, count the temporary files."""
    command = [sys.executable, __file__, *sys.argv[1:], "--child", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait)
        child.kill()
    return len(list(path.parent.glob(".*.tmp")))


def run(models: Numbered | Trained, kills: int, seed: int) -> int:
    """Kill that often and load after each; return the exit code."""
    waits = np.random.default_rng(seed).exponential(0.05, kills)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        save(path, models.weights(0), 0)
        size = path.stat().st_size
        bad = inside = 0
        for wait in waits.tolist():
            inside += kill_once(path, wait) > 0
            bad += not loads_whole(path, models)
        save(path, models.weights(0), 0)
        litter = [p.name for p in Path(folder).iterdir() if p != path]
    print(
        f"{kills} kills while saving {size:,} bytes: {kills - bad} of {kills} loads gave a whole"
        f" model; {inside} kills left a temporary file, {len(litter)} remain after the next save"
    )
    whole = f"{kills - bad} of {kills}"
    code = verdict(
        [
            Demand("the model loads, whole, after every kill", whole, bad == 0),
            Demand("no temporary file outlives the next save", f"{len(litter)} left", not litter),
        ]
    )
    show_figures(whole=whole)
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = Trained() if options.train else Numbered(options.megabytes)
    if options.child:
        save_for_ever(options.child, models)
    sys.exit(run(models, options.kills, options.seed))


if __name__ == "__main__":
    main()

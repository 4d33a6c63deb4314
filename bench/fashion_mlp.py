"""Fashion-MNIST with luce.nn: a network, its calibration, and a student of a larger one.

    python bench/fashion_mlp.py [--teacher FILE] [--seeds 3]

The classical 784-128-10 with and without label smoothing and temperature scaling, a small
convolutional teacher, and students with 32 hidden units, taught by the labels alone or by the
teacher too, from the same starting weights. `--teacher` names a checkpoint of an earlier run: the
teacher then is not trained again. Ends with exit code 1 if a demand is missed. About 10 minutes.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from section import Demand, show_figures, show_table, verdict
from torch import Tensor, nn

from luce import TemperatureScaling
from luce.data import load
from luce.metrics import calibration_error, log_loss
from luce.nn import Distillation, Plan, SoftmaxMLP, fit, teacher_logits
from luce.nn.functional import cross_entropy
from luce.tasks import load_checkpoint, save_checkpoint

HELD_OUT = 5000  # of the training rows, for the temperature
TEACHER = Plan(
    epochs=9, batch_size=128, learning_rate=4e-3, schedule="one-cycle", weight_decay=0.01
)
STUDENT = Plan(epochs=30, batch_size=128, learning_rate=2e-3)
# A student this small cannot follow a softer teacher: at T = 4 it falls behind the labels alone.
TEMPERATURE, ALPHA = 1.0, 1.0


class Images(NamedTuple):
    """The standard split, as bytes and as standardised tensors."""

    X: NDArray[np.uint8]  # (n, 784)
    y: NDArray[np.int64]
    test_X: NDArray[np.uint8]
    test_y: NDArray[np.int64]

    @classmethod
    def read(cls) -> "Images":
        train, test = load("fashion-mnist"), load("fashion-mnist", split="test")
        parts = [(len(d), np.asarray(d.features), np.asarray(d.target)) for d in (train, test)]
        (n, X, y), (m, test_X, test_y) = parts
        return cls(
            X.reshape(n, -1), y.astype(np.int64), test_X.reshape(m, -1), test_y.astype(np.int64)
        )

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Training and test rows, in units of the training pixels' deviation."""
        X, test_X = (torch.tensor(part, dtype=torch.float32) for part in (self.X, self.test_X))
        centre, spread = X.mean(), X.std()
        y, test_y = torch.from_numpy(self.y), torch.from_numpy(self.test_y)
        return (X - centre) / spread, y, (test_X - centre) / spread, test_y


class Calibrated(NamedTuple):
    """A network on the test rows."""

    name: str
    accuracy: float
    log_loss: float
    error: float


def networks(images: Images, seed: int) -> list[Calibrated]:
    """The classical network on all training rows but those for the temperature."""
    found = []
    order = np.random.default_rng(seed).permutation(len(images.y))
    kept, held_out = order[HELD_OUT:], order[:HELD_OUT]
    for smoothing in (0.0, 0.05):
        started = time.perf_counter()
        model = SoftmaxMLP(epochs=20, label_smoothing=smoothing, random_state=seed)
        model.fit(images.X[kept], images.y[kept])
        scaling = TemperatureScaling().fit(
            model.decision_function(images.X[held_out]), images.y[held_out]
        )
        z = model.decision_function(images.test_X)
        smoothed = f", label smoothing {smoothing:g}" if smoothing else ""
        for words, p in (
            ("", model.predict_proba(images.test_X)),
            (", temperature scaling", scaling.predict_proba(z)),
        ):
            found.append(_calibrated(f"784-128-10{smoothed}{words}", images.test_y, p))
        _tell(f"network{smoothed}: {time.perf_counter() - started:.0f} s, {found[-1]}")
    return found


def _calibrated(name: str, y: NDArray[np.int64], p: NDArray[np.floating]) -> Calibrated:
    right = float((p.argmax(axis=1) == y).mean())
    return Calibrated(name, right, log_loss(y, p).value, calibration_error(y, p).value)


def cnn() -> nn.Sequential:
    """Two convolutions and two linear layers, on rows of 784 pixels."""
    layers = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * 49, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )
    return layers.to(memory_format=torch.channels_last)


def student(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))


def accuracy(model: nn.Module, X: Tensor, y: Tensor) -> float:
    return float((teacher_logits(model, X).argmax(dim=1) == y).double().mean())


def taught_teacher(X: Tensor, y: Tensor, file: Path | None) -> nn.Module:
    """The teacher, trained or as the checkpoint has it."""
    torch.manual_seed(0)
    model = cnn()
    known = load_checkpoint(file) if file is not None and file.exists() else None
    fit(
        model,
        cross_entropy,
        (X, y),
        plan=TEACHER,
        callbacks=[lambda entry: _tell(f"teacher: {entry}")],
        on_checkpoint=None if file is None else lambda state: save_checkpoint(state, file),
        resume=known,
    )
    return model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    images = Images.read()
    _plain, _scaled, _smoothed, _both = rows = networks(images, 0)
    X, y, test_X, test_y = images.tensors()
    teacher = taught_teacher(X, y, given.teacher)
    of_teacher = accuracy(teacher, test_X, test_y)
    _tell(f"teacher: {of_teacher:.4f}")
    logits = teacher_logits(teacher, X)
    alone, taught = [], []
    for seed in range(given.seeds):
        plan = Plan(**{**STUDENT.to_json(), "seed": seed})
        model = student(seed)
        fit(model, cross_entropy, (X, y), plan=plan)
        alone.append(accuracy(model, test_X, test_y))
        model = student(seed)
        lesson = Distillation(None, temperature=TEMPERATURE, alpha=ALPHA)
        fit(model, lesson, (X, y, logits), plan=plan)
        taught.append(accuracy(model, test_X, test_y))
        _tell(f"student {seed}: {alone[-1]:.4f} alone, {taught[-1]:.4f} taught")
    return _show(rows, of_teacher, alone, taught)


def _show(rows: list[Calibrated], teacher: float, alone: list[float], taught: list[float]) -> int:
    print(
        "60,000 images to train, 10,000 to test. The networks see 55,000, 20 times; the other 5,000"
    )
    print("set the temperature.\n")
    show_table(
        [
            {
                "": row.name,
                "test accuracy": f"{row.accuracy:.4f}",
                "log loss": f"{row.log_loss:.4f}",
                "calibration error": f"{100 * row.error:.2f} %",
            }
            for row in rows
        ]
    )
    gain = statistics.mean(taught) - statistics.mean(alone)
    print(f"\nA student, 784-32-10, {STUDENT.epochs} epochs; the teacher is a network of two")
    print(
        f"convolutions with an accuracy of {teacher:.4f}. Temperature {TEMPERATURE:g}, share of the"
    )
    print(f"teacher {ALPHA:g}.\n")
    show_table(
        [
            {"seed": str(seed), "labels alone": f"{a:.4f}", "with the teacher": f"{t:.4f}"}
            for seed, (a, t) in enumerate(zip(alone, taught, strict=True))
        ]
    )
    plain, scaled, smoothed, both = rows
    best = min(row.error for row in (scaled, smoothed, both))
    code = verdict(
        [
            Demand(
                "784-128-10: test accuracy at least .885",
                f"{plain.accuracy:.4f}, with label smoothing {smoothed.accuracy:.4f}",
                max(plain.accuracy, smoothed.accuracy) >= 0.885,
            ),
            Demand(
                "better calibrated with label smoothing and temperature scaling",
                f"{100 * plain.error:.2f} % before, {100 * both.error:.2f} % after",
                both.error < plain.error,
            ),
            Demand("teacher: at least .92", f"{teacher:.4f}", teacher >= 0.92),
            Demand(
                "student: at least 0.5 points more with the teacher, in the mean of the seeds",
                f"{100 * gain:.2f} points",
                gain >= 0.005,
            ),
        ]
    )
    show_figures(
        mlp=f"{plain.accuracy:.3f}",
        teacher=f"{teacher:.3f}",
        gain=f"{100 * gain:.1f}",
        error=f"{100 * plain.error:.1f}",
        best_error=f"{100 * best:.1f}",
    )
    return code


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

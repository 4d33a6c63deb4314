"""Fashion-MNIST with luce.nn: a network, its calibration, and a student of a larger one.

    python bench/fashion_mlp.py [--teacher FILE] [--seeds 3]

The classical 784-128-10 with and without label smoothing and temperature scaling, a small
convolutional teacher, and students with 32 hidden units, taught by the labels alone or by the
teacher too, from the same starting weights. 5,000 of the training rows are held out from
everything that learns: they set the temperature of the networks, and choose how the students are
taught. The test rows are looked at once, at the end. `--teacher` names a checkpoint of an earlier
run: the teacher then is not trained again. Ends with exit code 1 if a demand is missed.
"""

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Sequence
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
from luce.nn.training.rows import Batch, Rows
from luce.tasks import load_checkpoint, save_checkpoint

HELD_OUT = 5000  # of the training rows
SIDE = 28
TEACHER = Plan(
    epochs=10,
    batch_size=256,
    learning_rate=4e-3,
    schedule="one-cycle",
    weight_decay=0.01,
    autocast="bfloat16",
    ema=0.995,
)
STUDENT = Plan(epochs=60, batch_size=256, learning_rate=4e-3)
TRIAL = dataclasses.replace(STUDENT, epochs=20, seed=1000)  # to choose among the recipes


class Images(NamedTuple):
    """The standard split as bytes, some of the training rows held out."""

    X: NDArray[np.uint8]  # (n, 784)
    y: NDArray[np.int64]
    held_X: NDArray[np.uint8]
    held_y: NDArray[np.int64]
    test_X: NDArray[np.uint8]
    test_y: NDArray[np.int64]

    @classmethod
    def read(cls, seed: int = 0) -> "Images":
        train, test = load("fashion-mnist"), load("fashion-mnist", split="test")
        (X, y), (test_X, test_y) = (
            (np.array(d.features).reshape(len(d), -1), np.asarray(d.target).astype(np.int64))
            for d in (train, test)
        )
        order = np.random.default_rng(seed).permutation(len(y))
        held, kept = order[:HELD_OUT], order[HELD_OUT:]
        return cls(X[kept], y[kept], X[held], y[held], test_X, test_y)


class Calibrated(NamedTuple):
    """A network on the test rows."""

    name: str
    accuracy: float
    log_loss: float
    error: float


def networks(images: Images, seed: int) -> list[Calibrated]:
    """The classical network; the held-out rows set its temperature."""
    found = []
    for smoothing in (0.0, 0.05):
        started = time.perf_counter()
        model = SoftmaxMLP(epochs=20, label_smoothing=smoothing, random_state=seed)
        model.fit(images.X, images.y)
        scaling = TemperatureScaling().fit(model.decision_function(images.held_X), images.held_y)
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


class Units(nn.Module):
    """Bytes to numbers, in units of the deviation of the training pixels."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        super().__init__()
        self.centre, self.spread = float(pixels.mean()), float(pixels.std())

    def forward(self, X: Tensor) -> Tensor:
        return (X.float() - self.centre) / self.spread


def cnn(units: Units) -> nn.Sequential:
    """Two convolutions and two linear layers, on rows of 784 pixels.

    Pooled before they are normalised: the same where the scale is positive, for a quarter of it.
    """
    layers = nn.Sequential(
        units,
        nn.Unflatten(1, (1, SIDE, SIDE)),
        nn.Conv2d(1, 32, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(64 * 49, 128),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(128, 10),
    )
    return layers.to(memory_format=torch.channels_last)


class Moved(Rows):
    """Images of which each batch is shifted by up to a pixel, and half are mirrored.

    A shoe may point to either side. A whole batch shares the shift, which makes it a slice.
    """

    def __init__(self, X: Tensor, y: Tensor, seed: int) -> None:
        self._X, self._y = nn.functional.pad(X.view(-1, SIDE, SIDE), (1, 1, 1, 1)), y
        self._generator = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._y)

    def take(self, rows: NDArray[np.int64]) -> Batch:
        down, right = self._generator.integers(3, size=2)
        index = torch.from_numpy(rows)
        X = self._X[index, down : down + SIDE, right : right + SIDE]
        turned = torch.from_numpy(self._generator.random(len(rows)) < 0.5)
        X[turned] = X[turned].flip(2)
        return X.flatten(1), self._y[index]


def taught_teacher(X: Tensor, y: Tensor, units: Units, file: Path | None) -> nn.Module:
    """The teacher, trained or as the checkpoint has it."""
    torch.manual_seed(0)
    model = cnn(units)
    known = load_checkpoint(file) if file is not None and file.exists() else None
    fit(
        model,
        cross_entropy,
        Moved(X, y, 0),
        plan=TEACHER,
        callbacks=[lambda entry: _tell(f"teacher: {entry}")],
        on_checkpoint=None if file is None else lambda state: save_checkpoint(state, file),
        resume=known,
    )
    return model


class Recipe(NamedTuple):
    """How a student is taught by its teacher."""

    temperature: float
    alpha: float

    def __str__(self) -> str:
        return f"T = {self.temperature:g}, share of the teacher {self.alpha:g}"


RECIPES = [Recipe(1.0, 0.7), Recipe(1.0, 1.0), Recipe(2.0, 1.0), Recipe(4.0, 1.0)]


class School:
    """What students learn from: images, labels, and what the teacher says to each image."""

    def __init__(self, X: Tensor, y: Tensor, units: Units, teacher: nn.Module) -> None:
        self._X, self._y, self._units = X, y, units
        self._of_teacher = teacher_logits(teacher, X)

    def taught(self, recipe: Recipe | None, plan: Plan) -> nn.Module:
        """A student that has learnt by a recipe, or from the labels alone."""
        torch.manual_seed(plan.seed)
        model = nn.Sequential(self._units, nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
        if recipe is None:
            fit(model, cross_entropy, (self._X, self._y), plan=plan)
        else:
            lesson = Distillation(None, temperature=recipe.temperature, alpha=recipe.alpha)
            fit(model, lesson, (self._X, self._y, self._of_teacher), plan=plan)
        return model


def accuracy(model: nn.Module, X: NDArray[np.uint8], y: NDArray[np.int64]) -> float:
    answers = teacher_logits(model, torch.from_numpy(X)).argmax(dim=1)
    return float((answers.numpy() == y).mean())


def best(recipes: Sequence[Recipe], held_out: Callable[[Recipe], float]) -> Recipe:
    """The recipe with the highest accuracy on the held-out rows."""
    found = {}
    for recipe in recipes:
        found[recipe] = held_out(recipe)
        _tell(f"held out, {recipe}: {found[recipe]:.4f}")
    return max(found, key=found.__getitem__)


class Students(NamedTuple):
    """Accuracies on the test rows, one for each seed, and the recipe of those that were taught."""

    alone: list[float]
    taught: list[float]
    recipe: Recipe

    @property
    def gain(self) -> float:
        return statistics.mean(self.taught) - statistics.mean(self.alone)


def students(school: School, images: Images, seeds: int) -> Students:
    """Choose the recipe on the held-out rows, and measure on the test rows what it is worth."""

    def held_out(recipe: Recipe) -> float:
        return accuracy(school.taught(recipe, TRIAL), images.held_X, images.held_y)

    recipe = best(RECIPES, held_out)
    alone, taught = [], []
    for seed in range(seeds):
        plan = dataclasses.replace(STUDENT, seed=seed)
        for how, accuracies in ((None, alone), (recipe, taught)):
            student = school.taught(how, plan)
            accuracies.append(accuracy(student, images.test_X, images.test_y))
        _tell(f"student {seed}: {alone[-1]:.4f} alone, {taught[-1]:.4f} taught")
    return Students(alone, taught, recipe)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    images = Images.read()
    rows = networks(images, 0)
    started = time.perf_counter()
    X, y, units = torch.from_numpy(images.X), torch.from_numpy(images.y), Units(images.X)
    teacher = taught_teacher(X, y, units, given.teacher)
    of_teacher = accuracy(teacher, images.test_X, images.test_y)
    _tell(f"teacher: {of_teacher:.4f}, {time.perf_counter() - started:.0f} s")
    learnt = students(School(X, y, units, teacher), images, given.seeds)
    _tell(f"teacher and students: {time.perf_counter() - started:.0f} s")
    _show_networks(rows)
    _show_students(of_teacher, learnt)
    return _judge(rows, of_teacher, learnt)


def _show_networks(rows: Sequence[Calibrated]) -> None:
    print("60,000 images to train, 10,000 to test. What learns sees 55,000, the network 20 times;")
    print("the other 5,000 set its temperature, and choose how the students are taught.\n")
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


def _show_students(teacher: float, learnt: Students) -> None:
    print(
        f"\nStudents, 784-32-10, {STUDENT.epochs} epochs; their teacher, two convolutions and two"
    )
    print(
        f"linear layers, has an accuracy of {teacher:.4f}. Of {len(RECIPES)} ways to be taught the"
    )
    print(f"held-out rows chose {learnt.recipe}.\n")
    pairs = enumerate(zip(learnt.alone, learnt.taught, strict=True))
    show_table(
        [
            {"seed": str(seed), "labels alone": f"{a:.4f}", "with the teacher": f"{t:.4f}"}
            for seed, (a, t) in pairs
        ]
    )


def _judge(rows: Sequence[Calibrated], teacher: float, learnt: Students) -> int:
    plain, scaled, smoothed, both = rows
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
                f"{100 * learnt.gain:.2f} points",
                learnt.gain >= 0.005,
            ),
        ]
    )
    show_figures(
        mlp=f"{plain.accuracy:.3f}",
        teacher=f"{teacher:.3f}",
        gain=f"{100 * learnt.gain:.1f}",
        error=f"{100 * plain.error:.1f}",
        best_error=f"{100 * min(row.error for row in (scaled, smoothed, both)):.1f}",
    )
    return code


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Fashion-MNIST with the defaults: luce's SoftmaxRegression against scikit-learn's.

    python bench/fashion_mnist.py [--rounds 3]

Both get the same array, 60,000 images of 784 pixels in [0, 1]. They take turns, and the medians
of the times are compared. Ends with exit code 1 if a demand is missed. About 5 minutes.
"""

import argparse
import statistics
import sys

import numpy as np
from logistic import Fit, fit, objective
from numpy.typing import NDArray
from section import Demand, show_figures, show_table, verdict
from sklearn.linear_model import LogisticRegression

from luce import SoftmaxRegression
from luce.data import learn_encoding, load

LUCE, SKLEARN = "luce `SoftmaxRegression()`", "scikit-learn `LogisticRegression()`"
CONTESTANTS = {LUCE: SoftmaxRegression, SKLEARN: LogisticRegression}
Doubles = NDArray[np.float64]


class Images:
    """The standard training and test split, encoded the way ``luce train`` does."""

    def __init__(self) -> None:
        train, test = load("fashion-mnist"), load("fashion-mnist", split="test")
        encoding = learn_encoding(train)
        self.X, self.y = encoding.apply(train.features).X, train.target
        self.test_X, self.test_y = encoding.apply(test.features).X, test.target


class Standing:
    """What one library comes to over the rounds; its fits are all alike, the times differ."""

    def __init__(self, fits: list[Fit], images: Images, X: Doubles) -> None:
        self.model, self.gave_up = fits[-1].model, fits[-1].gave_up
        self.seconds = statistics.median(each.seconds for each in fits)
        self.objective = objective(self.model, X, images.y)
        right = self.model.predict(images.test_X.astype(X.dtype)) == images.test_y
        self.accuracy = float(right.mean())

    def row(self, name: str, distance: str) -> dict[str, str]:
        return {
            "": name,
            "seconds": f"{self.seconds:.1f}",
            "iterations": str(int(self.model.n_iter_[0])),
            "ended": "gave up" if self.gave_up else "converged",
            "objective": f"{self.objective:.5f}",
            "above the optimum": distance,
            "test accuracy": f"{self.accuracy:.4f}",
        }


def compete(dtype: str, images: Images, rounds: int) -> dict[str, Standing]:
    X = images.X.astype(dtype)
    fits: dict[str, list[Fit]] = {name: [] for name in CONTESTANTS}
    for number in range(rounds):
        for name, maker in CONTESTANTS.items():
            fits[name].append(fit(maker(), X, images.y))
            told = f"{dtype}, round {number + 1}: {name} {fits[name][-1].seconds:.1f} s"
            print(told, file=sys.stderr)
    exact = images.X.astype(np.float64)
    return {name: Standing(each, images, exact) for name, each in fits.items()}


def show(dtype: str, standings: dict[str, Standing]) -> list[Demand]:
    """Print the table of one dtype; return how its demands fare."""
    ours, theirs = standings[LUCE], standings[SKLEARN]
    gap = float(ours.model.gap_)
    # f* is at least our f / (1 + gap): so much of their distance is proven too.
    behind = theirs.objective * (1 + gap) / ours.objective - 1 - gap
    print(f"\n{dtype} input:\n")
    show_table([ours.row(LUCE, f"at most {gap:.1e}, proven"), theirs.row(SKLEARN, f"{behind:.1e}")])
    return [
        Demand(
            f"{dtype}: test accuracy at least 0.84", f"{ours.accuracy:.4f}", ours.accuracy >= 0.84
        ),
        Demand(f"{dtype}: proven gap at most 1e-4", f"{gap:.1e}", gap <= 1e-4),
        Demand(
            f"{dtype}: in no more time than scikit-learn takes",
            f"{ours.seconds:.1f} s and {theirs.seconds:.1f} s",
            ours.seconds <= theirs.seconds,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    images = Images()
    found = {dtype: compete(dtype, images, rounds) for dtype in ("float32", "float64")}
    print(f"Median of rounds in which the two take turns: {rounds}. The objective is the mean")
    print("cross-entropy plus |W|² / (2 C n), computed in float64 for both.")
    demands = [demand for dtype, each in found.items() for demand in show(dtype, each)]
    code = verdict(demands)
    ours, theirs = found["float32"][LUCE], found["float32"][SKLEARN]
    show_figures(
        seconds=f"{ours.seconds:.0f}",
        rival_seconds=f"{theirs.seconds:.0f}",
        ratio=f"{theirs.seconds / ours.seconds:.1f}",
        accuracy=f"{ours.accuracy:.3f}",
        objective=f"{ours.objective:.4f}",
        rival_objective=f"{theirs.objective:.4f}",
        rival_ended="unconverged" if theirs.gave_up else "converged",
        rival_ended_zh="未收敛" if theirs.gave_up else "已收敛",
    )
    return code


if __name__ == "__main__":
    sys.exit(main())

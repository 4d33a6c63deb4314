"""The figures of ``docs/classifiers.md``: drawn by ``python docs/make_figures.py``."""

from typing import Any

import numpy as np
from figure_style import (
    BLUE,
    DASHED,
    DOTTED,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    lead,
    name,
    panels,
)
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits

import luce

CLASSES = (BLUE, ORANGE, GREEN)
MARKS = ("o", "s", "^")
SIZES = (8, 16, 32, 64, 128, 256)
DRAWS = 8


def step_and_sigmoid() -> Figure:
    """Hours and passed exams: the step's answer, the sigmoid's, and what each learns from."""
    figure, (answers, lessons) = panels("the answer at a score z", "the loss of a row of class 1")
    z = np.linspace(-6, 6, 241)
    split = np.array([-6, -1e-9, np.nan, 1e-9, 6])  # no line through the jump at 0
    rng = np.random.default_rng(3)
    seen = rng.uniform(-5.5, 5.5, 44)
    passed = rng.uniform(size=44) < luce.sigmoid(seen)
    answers.plot(seen, passed, "|", color=MUTED, ms=7, mew=1)
    answers.plot(split, luce.step(split), color=INK, ls=DOTTED)
    answers.plot(z, luce.sigmoid(z), color=BLUE)
    answers.set(xlabel="score z = w·x + b", ylim=(-0.09, 1.12), xlim=(-6, 6))
    name(answers, 1.35, 0.68, "sigmoid: a probability", BLUE)
    name(answers, -0.25, 0.9, "step: yes or no", INK, ha="right")
    name(answers, 5.9, 0.11, "each | is a row of class 0 or 1", MUTED, ha="right")
    lessons.plot(split, 1 - luce.step(split), color=INK, ls=DOTTED)
    lessons.plot(z, np.maximum(-z, 0), color=ORANGE, ls=DASHED)
    lessons.plot(z, -luce.log_sigmoid(z), color=BLUE)
    lessons.set(xlabel="score z", ylim=(-0.25, 5), xlim=(-6, 6))
    name(lessons, -1.6, 3.3, "logistic: −log σ(z)", BLUE)
    lead(lessons, (-3.05, 3.1), (-1.65, 3.3), BLUE)
    name(lessons, -5.75, 2.0, "perceptron:\nmax(−z, 0)", ORANGE)
    lead(lessons, (-3.05, 3.0), (-3.6, 2.2), ORANGE)
    name(lessons, 0.4, 1.25, "mistakes of the step:\nflat, no way down", INK)
    name(lessons, 2.1, 0.45, "never quite 0", BLUE)
    return figure


def three_classes() -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return three classes in a row, the middle one between the others."""
    rng = np.random.default_rng(5)
    centres = np.array([[-2.2, -1.2], [0.0, 0.0], [2.2, 1.2]])
    X = np.concatenate([rng.normal(centre, [0.75, 0.9], (20, 2)) for centre in centres])
    return X, np.repeat([0, 1, 2], 20)


def decision_regions() -> Figure:
    """Where four classifiers put three classes in a row."""
    X, y = three_classes()
    models: dict[str, Any] = {
        "one-vs-rest": luce.OneVsRest(),
        "one-vs-one": luce.OneVsOne(),
        "softmax": luce.SoftmaxRegression(),
        "naive Bayes": luce.GaussianNaiveBayes(),
    }
    scores = {title: model.fit(X, y).score(X, y) for title, model in models.items()}
    titles = [f"{title}: {scores[title]:.0%} right" for title in models]
    figure, axes = panels(*titles, height=2.5, sharey=True)
    across, up = np.meshgrid(np.linspace(-4.4, 4.4, 45), np.linspace(-3.8, 3.8, 39))
    grid = np.column_stack([across.ravel(), up.ravel()])
    for place, model in zip(axes, models.values(), strict=True):
        for j, (log_p, colour) in enumerate(
            zip(model.predict_log_proba(grid).T, CLASSES, strict=True)
        ):
            others = np.delete(model.predict_log_proba(grid), j, axis=1).max(axis=1)
            lead_of_class = (log_p - others).reshape(across.shape)  # smooth, so few points suffice
            place.contourf(across, up, lead_of_class, levels=[0, np.inf], colors=[tint(colour)])
        for j, (colour, mark) in enumerate(zip(CLASSES, MARKS, strict=True)):
            place.plot(*X[y == j].T, mark, color=colour, ms=2.2, mew=0)
        place.set_facecolor(tint(CLASSES[0]))  # where three regions meet, a speck may stay open
        place.grid(visible=False)
        place.set_xticks([])
        place.set_yticks([])
    return figure


def tint(colour: str) -> tuple[float, ...]:
    """Return a quarter of the colour on paper."""
    mixed = 0.28 * np.array(to_rgb(colour)) + 0.72 * np.array(to_rgb(PAPER))
    return tuple(mixed.tolist())


def curves(
    X: NDArray[np.float64], y: NDArray[np.intp], models: dict[str, Any]
) -> dict[str, list[float]]:
    """Return for each model the mean error on the other rows, by the number of training rows."""
    errors: dict[str, list[float]] = {title: [] for title in models}
    for size in SIZES:
        found: dict[str, list[float]] = {title: [] for title in models}
        for draw in range(DRAWS):
            order = np.random.default_rng([size, draw]).permutation(len(y))
            first = [order[y[order] == j][0] for j in np.unique(y)]  # a row of each class at least
            rest = order[~np.isin(order, first)]
            train = np.concatenate([first, rest[: size - len(first)]])
            test = rest[size - len(first) :]
            for title, model in models.items():
                model.fit(X[train], y[train])
                found[title].append(1 - model.score(X[test], y[test]))
        for title, values in found.items():
            errors[title].append(float(np.mean(values)))
    return errors


def learning_curves() -> Figure:
    """Errors of generative and discriminative twins against the number of training rows."""
    figure, axes = panels("breast cancer: 30 features, 2 classes", "digits 3 and 8: 64 features")
    digits, labels = load_digits(return_X_y=True)
    pair = np.isin(labels, (3, 8))
    tables = [load_breast_cancer(return_X_y=True), (digits[pair], (labels[pair] == 8).astype(int))]
    for place, (X, y) in zip(axes, tables, strict=True):
        found = curves(
            X,
            y,
            {
                "naive Bayes, shared variance": luce.GaussianNaiveBayes(
                    shared_variance=True, var_smoothing=1e-6
                ),
                "softmax, C = 100": luce.SoftmaxRegression(C=100.0, tol=1e-2),
            },
        )
        styles = [(ORANGE, DASHED, "s"), (BLUE, "-", "o")]
        for (title, errors), (colour, dash, mark) in zip(found.items(), styles, strict=True):
            place.plot(SIZES, errors, color=colour, ls=dash, marker=mark, ms=4, label=title)
        place.set(xscale="log", xlabel="training rows", ylim=(0, None))
        place.xaxis.set_major_locator(FixedLocator(SIZES))
        place.xaxis.set_minor_locator(NullLocator())
        place.set_xticklabels([str(size) for size in SIZES])
    axes[0].set_ylabel("share of wrong answers")
    axes[1].legend(loc="upper right", frameon=False, fontsize=9, handlelength=3)
    return figure

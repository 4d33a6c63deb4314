"""The figures of ``docs/calibration.md``; ``python docs/make_figures.py`` draws them."""

import numpy as np
from figure_style import BLUE, GREEN, MUTED, ORANGE, panels
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

import luce
from luce import ConformalSets, SelectiveClassifier, SoftmaxRegression, TemperatureScaling
from luce.metrics import confidence, reliability_of_top_label, risk_coverage

TRAIN, CALIBRATION, TEST = slice(0, 500), slice(500, 1100), slice(1100, None)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The digits in a drawn order: as they come, one writer follows the other."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


def logits_of_few_rows() -> tuple[np.ndarray, np.ndarray]:
    """Logits of a model that was trained on 200 rows, and the digits."""
    X, y = digits()
    return SoftmaxRegression(C=1e-4).fit(X[:200], y[:200]).decision_function(X), y


def reliability() -> Figure:
    """What naive Bayes states and what comes true, before and after one number was learnt."""
    X, y = digits()
    logits = GaussianNB(var_smoothing=1e-2).fit(X[TRAIN], y[TRAIN]).predict_log_proba(X)
    scaling = TemperatureScaling().fit(logits[CALIBRATION], y[CALIBRATION])
    sides = np.exp(logits), scaling.predict_proba(logits)
    figure, axes = panels(
        "naive Bayes as it is", f"divided by T = {scaling.temperature_:.1f}", height=3.3
    )
    for place, p, colour in zip(axes, sides, (ORANGE, BLUE), strict=True):
        bins = reliability_of_top_label(y[TEST], p[TEST], bins=10, binning="width")
        x = [b.confidence for b in bins]
        place.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
        low, high = [b.accuracy_low for b in bins], [b.accuracy_high for b in bins]
        place.vlines(x, low, high, color=colour, lw=1.3, alpha=0.6)
        place.plot(x, [b.accuracy for b in bins], "o", ms=5, color=colour)
        place.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="stated probability of the answer")
    axes[0].set_ylabel("share that came true")
    axes[0].text(0.2, 0.03, "below the line:\ntoo sure of itself", color=MUTED, fontsize=9)
    return figure


def sets() -> Figure:
    """Coverage and size of conformal sets against the level that was asked for."""
    logits, y = logits_of_few_rows()
    p = luce.softmax(logits)
    levels = np.linspace(0.6, 0.99, 14)
    figure, (left, right) = panels(
        "share of sets that hold the truth", "classes in a set, mean", height=3.3
    )
    left.plot([0.6, 1], [0.6, 1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
    for method, colour, dash in (("lac", BLUE, "-"), ("aps", ORANGE, (0, (5, 2)))):
        fitted = ConformalSets(method=method, random_state=0).fit(p[CALIBRATION], y[CALIBRATION])
        found = [fitted.predict_set(p[TEST], alpha=round(1 - level, 4)) for level in levels]
        truth = y[TEST]
        shares = [one[np.arange(len(one)), truth].mean() for one in found]
        left.plot(levels, shares, color=colour, ls=dash)
        right.plot(levels, [s.sum(axis=1).mean() for s in found], color=colour, ls=dash)
        right.plot([], [], color=colour, ls=dash, label=method)
    right.legend(frameon=False, loc="upper left")
    left.set(xlabel="asked for, 1 − α", xlim=(0.6, 1), ylim=(0.6, 1.01))
    right.set(xlabel="asked for, 1 − α", xlim=(0.6, 1), ylim=(0, None))
    return figure


def abstaining() -> Figure:
    """Risk against coverage of two confidences, and the threshold that was proven."""
    logits, y = logits_of_few_rows()
    known, new = slice(200, 1100), slice(1100, None)
    wrong = logits.argmax(axis=1) != y
    figure, (left, right) = panels(
        "errors among the answers", "answers against the promise", height=3.3
    )
    styles = (("max_probability", BLUE, "-"), ("max_logit", GREEN, (0, (5, 2))))
    for score, colour, dash in styles:
        curve = risk_coverage(wrong[new], confidence(logits[new], score))
        left.plot(curve.coverage, curve.risk, color=colour, ls=dash, label=score)
    left.legend(frameon=False, fontsize=8.5)
    left.set(xlabel="share of rows answered", xlim=(0, 1), ylim=(0, None))
    risks = np.array([0.05, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16])
    shares, errors = [], []
    for risk in risks:
        careful = SelectiveClassifier(Logits(), prefit=True, max_risk=float(risk))
        answered = careful.fit(logits[known], y[known]).decide(logits[new]).answered
        shares.append(answered.mean())
        errors.append(wrong[new][answered].mean())
    right.plot(risks, shares, "o-", ms=4, color=BLUE)
    right.plot(risks, errors, "s--", ms=4, color=ORANGE)
    right.plot(risks, risks, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    right.text(risks[2], shares[2] - 0.1, "share answered", color=BLUE, fontsize=9)
    right.text(risks[3], 0.19, "errors among them", color=ORANGE, fontsize=9)
    right.set(xlabel="max_risk", ylim=(0, 1.02))
    return figure


class Logits:
    """A classifier whose rows are its logits."""

    classes_ = np.arange(10)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        return X

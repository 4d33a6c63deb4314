"""Draw the figures of the pages with luce: ``python docs/make_figures.py``."""

import re
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from calibration_figures import abstaining, reliability, sets
from classifier_figures import decision_regions, learning_curves, step_and_sigmoid
from figure_style import (
    BLUE,
    DASHED,
    DOTTED,
    GREEN,
    INK,
    LINE,
    MIXED,
    MUTED,
    ORANGE,
    PANEL,
    SETTINGS,
    SOLID,
    lead,
    name,
    panels,
)
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

import luce
from luce import losses

FOLDER = Path(__file__).with_name("images")


def activations() -> Figure:
    """Sigmoid, step, tanh and relu with their derivatives, and where these vanish."""
    figure, (values, slopes) = panels("value", "derivative")
    x = np.linspace(-6, 6, 241)
    split = np.array([-6, -1e-9, np.nan, 1e-9, 6])  # no line through the jump at 0
    values.plot(x, luce.sigmoid(x), color=BLUE)
    values.plot(x, luce.tanh(x), color=ORANGE, ls=DASHED)
    values.plot(x, luce.relu(x), color=GREEN, ls=MIXED)
    values.plot(split, luce.step(split), color=INK, ls=DOTTED)
    values.plot(0, luce.step(0.0), "o", color=INK, ms=3.5)
    values.set(ylim=(-1.2, 2.2), xlabel="x")
    name(values, 3.0, 0.8, "sigmoid", BLUE)
    name(values, -3.4, -0.8, "tanh", ORANGE)
    name(values, 1.75, 1.75, "relu", GREEN, ha="right")
    name(values, -0.2, 0.75, "step", INK, ha="right")
    for flat, colour in ((2.993, PANEL), (4.585, LINE)):  # tanh and sigmoid: slope below 0.01
        slopes.axvspan(-6, -flat, color=colour, lw=0)
        slopes.axvspan(flat, 6, color=colour, lw=0)
    slopes.plot(x, luce.sigmoid_grad(x), color=BLUE)
    slopes.plot(x, luce.tanh_grad(x), color=ORANGE, ls=DASHED)
    slopes.plot(split, luce.relu_grad(split), color=GREEN, ls=MIXED)
    slopes.plot(x, luce.step_grad(x), color=INK, ls=DOTTED)
    slopes.set(xlabel="x", ylim=(-0.14, 1.2), xlim=(-6, 6))
    name(slopes, 1.5, 0.26, "sigmoid", BLUE, bbox=None)
    name(slopes, -0.75, 0.72, "tanh", ORANGE, ha="right")
    name(slopes, 2.2, 1.1, "relu", GREEN)
    name(slopes, -1.5, -0.075, "step: 0", INK, ha="center")
    for place, words in ((-3.79, "tanh’s\nbelow\n0.01"), (-5.29, "sig-\nmoid’s\ntoo")):
        slopes.text(place, 0.6, words, color=MUTED, fontsize=8, ha="center", va="center")
    return figure


def temperature() -> Figure:
    """Probabilities of four logits against the temperature, and at three temperatures."""
    logits = np.array([4.0, 3.0, 2.0, 1.0])
    figure, (lines, *bars) = panels(
        "softmax of 4, 3, 2, 1 at temperature T", "T = 0.3", "T = 1", "T = 5",
        width_ratios=[4, 1.15, 1.15, 1.15],
    )  # fmt: skip
    t = np.geomspace(0.1, 100, 200)
    p = np.array([luce.softmax(logits, temperature=each) for each in t])
    styles = [(BLUE, SOLID), (ORANGE, DASHED), (GREEN, MIXED), (INK, DOTTED)]
    places = [(0.35, 0.87), (1.55, 0.34), (0.74, 0.115), (2.3, 0.035)]
    for column, (colour, dash), (x, y), z in zip(p.T, styles, places, logits, strict=True):
        lines.plot(t, column, color=colour, ls=dash)
        name(lines, x, y, f"{z:g}", colour, ha="center", fontweight="bold")
    lines.axhline(0.25, color=MUTED, lw=0.8)
    lines.set(xscale="log", xlabel="temperature T", ylabel="probability", ylim=(-0.02, 1.04))
    lines.xaxis.set_major_locator(FixedLocator([0.1, 1, 10, 100]))
    lines.xaxis.set_minor_locator(NullLocator())
    lines.set_xticklabels(["0.1", "1", "10", "100"])
    lines.text(0.11, 0.27, "uniform: 1/4", color=MUTED, fontsize=8.5)
    for axes, each in zip(bars, (0.3, 1.0, 5.0), strict=True):
        heights = luce.softmax(logits, temperature=each)
        axes.bar(["4", "3", "2", "1"], heights, color=[c for c, _ in styles], width=0.72)
        axes.set(ylim=(-0.02, 1.04), xlabel="logit")
        axes.grid(visible=False, axis="x")
        axes.tick_params(labelleft=False)
        for place, height in enumerate(heights):
            axes.text(place, height + 0.015, f"{height:.2f}"[1:], ha="center", fontsize=8)
    return figure


def loss() -> Figure:
    """Losses against the probability of the right class, and their pull on its logit."""
    figure, (values, pulls) = panels("loss", "pull on the logit of the right class")
    z = np.linspace(-8, 8, 400)
    rows = np.stack([z, np.zeros_like(z)], axis=1)
    labels = np.zeros(len(z), dtype=int)
    p = luce.softmax(rows)
    entropy, focal = (
        losses.cross_entropy_grad(rows, labels, focal_gamma=gamma, reduction="none")
        for gamma in (0.0, 2.0)
    )
    miss = p[:, 1]  # 1 - p of the right class
    square = luce.softmax_vjp(rows, np.stack([-2 * miss, np.zeros_like(miss)], axis=1))
    right = p[:, 0]
    values.plot(right, entropy.loss, color=BLUE)
    values.plot(right, focal.loss, color=GREEN, ls=MIXED)
    values.plot(right, miss**2, color=ORANGE, ls=DASHED)
    values.set(ylim=(-0.08, 5), xlim=(-0.02, 1.02), xlabel="probability of the right class, p")
    name(values, 0.2, 2.0, "cross-entropy, −log p", BLUE)
    name(values, 0.115, 4.2, "focal, γ = 2: −(1 − p)² log p", GREEN)
    lead(values, (0.022, 3.65), (0.11, 4.15), GREEN)
    name(values, 0.0, 0.13, "squared error, (1 − p)²", ORANGE)
    pulls.plot(right, -entropy.grad[:, 0], color=BLUE)
    pulls.plot(right, -focal.grad[:, 0], color=GREEN, ls=MIXED)
    pulls.plot(right, -square[:, 0], color=ORANGE, ls=DASHED)
    pulls.set(xlim=(-0.02, 1.02), xlabel="probability of the right class, p", ylim=(-0.04, 1.3))
    name(pulls, 0.57, 0.53, "cross-entropy: 1 − p", BLUE)
    name(pulls, 0.14, 1.12, "focal", GREEN)
    name(pulls, 0.36, 0.11, "squared error:\n2 p (1 − p)²", ORANGE, ha="center")
    name(pulls, 0.05, 0.5, "a sure mistake\nhardly teaches", MUTED)
    lead(pulls, (0.004, 0.02), (0.07, 0.42), MUTED)
    return figure


def sensitivity() -> Figure:
    """What happens to every probability when one logit moves."""
    figure, (values, slopes) = panels("probabilities of the logits x, 2, 1, 0", "derivatives in x")
    x = np.linspace(-3, 8, 300)
    rows = np.stack([x, *(np.full_like(x, other) for other in (2.0, 1.0, 0.0))], axis=1)
    p = luce.softmax(rows)
    slope = luce.softmax_jvp(rows, [1.0, 0.0, 0.0, 0.0])
    styles = [("x", BLUE, SOLID), ("2", ORANGE, DASHED), ("1", GREEN, MIXED), ("0", INK, DOTTED)]
    for place, (_, colour, dash) in enumerate(styles):
        values.plot(x, p[:, place], color=colour, ls=dash)
        slopes.plot(x, slope[:, place], color=colour, ls=dash)
    values.set(xlabel="the logit x", ylim=(-0.02, 1.04))
    slopes.set(xlabel="the logit x")
    bold = {"fontweight": "bold", "ha": "center"}
    for (label, colour, _), (left, bottom) in zip(
        styles, [(6.3, 0.92), (-2, 0.715), (-2, 0.3), (-2, 0.145)], strict=True
    ):
        name(values, left, bottom, label, colour, **bold)
    name(slopes, 3.6, 0.235, "p₁ (1 − p₁)", BLUE)
    name(slopes, 4.05, -0.145, "−p₁ p₂", ORANGE)
    name(slopes, 0.6, -0.105, "−p₁ p₃", GREEN, ha="right")
    name(slopes, 6.1, -0.085, "−p₁ p₄", INK)
    lead(slopes, (4.2, -0.016), (6.15, -0.077), INK)
    slopes.axvline(np.log(np.exp([2.0, 1.0, 0.0]).sum()), color=MUTED, lw=0.8)
    slopes.text(2.55, 0.02, "p₁ = ½", color=MUTED, fontsize=8.5, va="center")
    return figure


def maximum() -> Figure:
    """Smooth maxima of x and 1 against the hard one."""
    figure, (left, right) = panels(
        "T log(exp(x/T) + exp(1/T)), the logsumexp", "others: two means at T = 1, and the 4-norm"
    )
    x = np.linspace(-3, 4, 281)
    pairs = np.stack([x, np.ones_like(x)], axis=1)
    for t, colour, dash in ((2.0, ORANGE, DASHED), (1.0, BLUE, SOLID), (0.3, GREEN, MIXED)):
        left.plot(x, luce.logsumexp(pairs, temperature=t), color=colour, ls=dash)
    name(left, -0.1, 2.2, "T = 2", ORANGE, ha="right")
    name(left, 0.02, 1.62, "T = 1", BLUE, ha="center")
    name(left, 1.75, 1.25, "T = 0.3, just above", GREEN)
    name(left, 1.75, 0.85, "the maximum", INK)
    right.plot(x, luce.logmeanexp(pairs), color=BLUE)
    right.plot(x, luce.boltzmann_max(pairs), color=ORANGE, ls=DASHED)
    right.plot(x, luce.p_norm_max(pairs, 4), color=GREEN, ls=MIXED)
    name(right, -2.9, 0.1, "logmeanexp", BLUE)
    name(right, 0.55, 0.5, "Boltzmann operator:", ORANGE)
    name(right, 0.55, 0.2, "falls, then rises", ORANGE)
    name(right, -2.2, 2.75, "p-norm: takes sizes", GREEN)
    for axes in (left, right):
        axes.plot(x, pairs.max(axis=1), color=INK, ls=DOTTED, lw=1.5)
        axes.set(xlabel="x", ylim=(-0.2, 4.1))
    return figure


def sparse() -> Figure:
    """Softmax, entmax, sparsemax and hardmax of two classes, and their derivatives."""
    figure, (values, slopes) = panels("probability of the first of two classes", "derivative")
    x = np.linspace(-4, 4, 321)
    pairs = np.stack([x, np.zeros_like(x)], axis=1)
    ahead = [1.0, 0.0]
    values.plot(x, luce.softmax(pairs)[:, 0], label="softmax", color=BLUE)
    values.plot(x, luce.entmax(pairs)[:, 0], label="entmax 1.5", color=GREEN, ls=MIXED)
    values.plot(x, luce.sparsemax(pairs)[:, 0], label="sparsemax", color=ORANGE, ls=DASHED)
    values.plot([-4, 0, 0, 4], [0, 0, 1, 1], label="hardmax", color=INK, ls=DOTTED)
    values.legend(loc="lower right", frameon=False, fontsize=9, handlelength=3)
    slopes.plot(x, luce.softmax_jvp(pairs, ahead)[:, 0], color=BLUE)
    slopes.plot(x, luce.entmax_jvp(pairs, ahead)[:, 0], color=GREEN, ls=MIXED)
    slope = luce.sparsemax_jvp(pairs, ahead)[:, 0]
    slopes.plot(x, np.where(np.abs(x) == 1, np.nan, slope), color=ORANGE, ls=DASHED)
    name(slopes, 2.3, 0.16, "softmax:\nnever 0", BLUE)
    name(slopes, -1.15, 0.3, "entmax 1.5", GREEN, ha="right")
    name(slopes, 1.15, 0.47, "sparsemax: ½ or 0", ORANGE)
    for axes in (values, slopes):
        axes.set(xlabel="logit of the first minus logit of the second")
    return figure


@np.errstate(all="ignore")
def stability() -> Figure:
    """The plain formula until it overflows, and the shifted one as its differences round."""
    figure, (values, errors) = panels(
        "first probability of c + 1 and c, float32", "largest error of a row of 1000, float32"
    )
    c = np.linspace(-130, 130, 1041, dtype=np.float32)
    pairs = np.stack([c + np.float32(1), c], axis=1)
    powers = np.exp(pairs)
    plain = (powers / powers.sum(axis=1, keepdims=True))[:, 0]
    for low, high in ((-130, c[np.isfinite(plain)][0]), (c[np.isfinite(plain)][-1], 130)):
        values.axvspan(low, high, color=PANEL, lw=0)
        values.text((low + high) / 2, 0.1, "NaN", color=MUTED, ha="center", fontsize=9)
    values.plot(c, luce.softmax(pairs)[:, 0], color=BLUE, lw=3.6, alpha=0.45)
    values.plot(c, plain, color=ORANGE, lw=1.4)
    values.set(xlabel="c", ylim=(-0.04, 1.05), xlim=(-130, 130))
    name(values, 0, 0.8, "luce.softmax: the same for every c", BLUE, ha="center")
    name(values, 0, 0.65, "exp(z) / sum(exp(z))", ORANGE, ha="center")
    values.text(0, 0.4, "0/0 on the left, ∞/∞ on the right;\nerratic where exp is subnormal",
                color=MUTED, ha="center", fontsize=8.5, va="center")  # fmt: skip
    generator = np.random.default_rng(1)
    widths = np.geomspace(0.3, 30, 15)
    shifted, ours = [], []
    for width in widths:
        z = (width * generator.standard_normal((100, 1000))).astype(np.float32)
        z = np.maximum(z, z.max(axis=1, keepdims=True) - np.float32(80))  # no subnormal results
        exact = luce.softmax(z.astype(np.float64))
        unit = np.spacing(exact.astype(np.float32))
        power = np.exp(z - z.max(axis=1, keepdims=True))
        usual = power / power.sum(axis=1, keepdims=True)
        shifted.append((np.abs(usual - exact) / unit).max())
        ours.append((np.abs(luce.softmax(z) - exact) / unit).max())
    errors.plot(widths, shifted, color=ORANGE, marker="s", ms=3.5)
    errors.plot(widths, ours, color=BLUE, marker="o", ms=3.5)
    errors.set(
        xscale="log", yscale="log", ylim=(0.25, 100), xlabel="standard deviation of the logits"
    )
    for axis, places in ((errors.xaxis, (0.3, 1, 3, 10, 30)), (errors.yaxis, (0.5, 1, 2, 10, 50))):
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_ticklabels([f"{place:g}" for place in places])
    errors.set_ylabel("units in the last place")
    name(errors, 1.9, 22, "shifted by the maximum", ORANGE, ha="right")
    name(errors, 3, 0.85, "luce.softmax", BLUE, ha="center")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    each.__name__: each
    for each in (
        activations,
        temperature,
        loss,
        sensitivity,
        maximum,
        sparse,
        stability,
        step_and_sigmoid,
        decision_regions,
        learning_curves,
        reliability,
        sets,
        abstaining,
    )
}


def draw(folder: Path, kind: str = "svg") -> None:
    """Write every figure into the folder."""
    with mpl.rc_context(SETTINGS):
        for title, figure in FIGURES.items():
            buffer = StringIO() if kind == "svg" else BytesIO()
            metadata = dict.fromkeys(("Date", "Creator", "Format", "Type")) if kind == "svg" else {}
            figure().savefig(buffer, format=kind, dpi=130, metadata=metadata)
            drawn = buffer.getvalue()
            ready = smaller(drawn).encode() if isinstance(drawn, str) else drawn
            (folder / f"{title}.{kind}").write_bytes(ready)


def smaller(drawn: str) -> str:
    """Leave out comments, names that nothing refers to, and digits that nobody sees."""
    drawn = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r' id="[a-z0-9.]+_\d+"', "", drawn)
    path = re.compile(r'(?<= d=")[^"]*(?=")')
    drawn = path.sub(lambda d: re.sub(r"-?\d+\.\d+", lambda n: f"{float(n[0]):.2f}", d[0]), drawn)
    return re.sub(r"\n\s*", "\n", drawn)


if __name__ == "__main__":
    draw(FOLDER)

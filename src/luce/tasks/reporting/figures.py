"""Plots as inline SVG, drawn once for light and dark pages.

Matplotlib draws with stand-in colours, which become CSS variables: the page says what ``--ink`` is
in the light, in the dark and on paper. Texts stay texts, in the fonts of the page.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

import numpy as np

from luce.errors import MissingExtraError
from luce.tasks.reporting.markup import power_of_ten, text

_VARIABLES = {
    "#010203": "var(--ink)",
    "#020304": "var(--muted)",
    "#030405": "var(--line)",
    "#040506": "var(--blue)",
    "#050607": "var(--orange)",
}
INK, MUTED, LINE, BLUE, ORANGE = _VARIABLES
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "luce",
    "font.size": 9.0,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.0,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "axes.formatter.useoffset": False,
}


@contextmanager
def drawing(width: float, height: float, *, margin: float | None = None) -> Iterator[Any]:
    """Axes of a new figure, of a size in inches, in the style of the report.

    Room for the labels is found by layout, or, several times faster, is a fixed ``margin``.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "drawing a report needs the package matplotlib, which is not installed."
            " Install it: pip install 'luce[app]'"
        ) from error
    with mpl.rc_context(_SETTINGS):
        if margin is None:
            yield Figure(figsize=(width, height), layout="constrained").subplots()
        else:
            side = 0.97 - margin
            yield Figure(figsize=(width, height)).add_axes((margin, margin, side, side))


def svg(axes: Any, label: str) -> str:
    """The figure as an ``<svg>`` element that says ``label`` to those who do not see it."""
    buffer = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    axes.figure.savefig(buffer, format="svg", metadata=nothing)
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r' id="[a-z0-9.]+_\d+"', "", drawn)  # those that nothing refers to
    drawn = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", drawn)
    for stand_in, variable in _VARIABLES.items():
        drawn = drawn.replace(stand_in, variable)
    drawn = re.sub(r"\n\s*", "\n", drawn)
    opening = re.match(r'<svg .*?width="([\d.]+)pt" height="([\d.]+)pt" viewBox="(.*?)".*?>', drawn)
    assert opening is not None, "Matplotlib begins every SVG like this"
    start = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{opening[3]}" role="img"'
        f' style="--width:{float(opening[1]) * 4 / 3:.0f}px" aria-label="{text(label)}">'
    )
    return start + drawn[opening.end() :]


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float | None]],
    *,
    label: str,
    title: str,
    log: bool = False,
    level: tuple[str, float] | None = None,
) -> str:
    """Lines over ``x``, each named at its end; ``level`` is a dashed line with a name."""
    styles = [(BLUE, "-", "o"), (ORANGE, "--", "s")]
    with drawing(3.7, 2.5) as axes:
        for (name, values), (colour, dash, mark) in zip(lines.items(), styles, strict=False):
            y = [float("nan") if value is None else value for value in values]
            size = 3.5 if np.isfinite(y).sum() <= 30 else 0
            axes.plot(x, y, dash, marker=mark, ms=size, color=colour, label=name, clip_on=False)
        if level is not None:
            axes.axhline(level[1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
            _note(axes, level[0], level[1])
        if len(lines) > 1:
            axes.legend(frameon=False, labelcolor=INK, loc="best", handlelength=2.2)
        if log:
            axes.set_yscale("log")
            axes.minorticks_off()
            axes.yaxis.set_major_formatter(_tick)
        axes.set_xlabel(title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color=LINE, lw=0.6)
        return svg(axes, label)


def _tick(value: float, _: int) -> str:
    return f"{value:g}" if 0.01 <= value <= 100 else power_of_ten(round(math.log10(value)))


def _note(axes: Any, words: str, height: float) -> None:
    units = ("axes fraction", "data")
    axes.annotate(words, xy=(0.01, height), xycoords=units, va="bottom", color=MUTED, fontsize=8)


def reliability(
    bins: Sequence[Mapping[str, float]],
    *,
    label: str,
    small: bool = False,
    before: Sequence[Mapping[str, float]] = (),
) -> str:
    """Accuracy over confidence with intervals; the diagonal is a perfectly calibrated model.

    ``before`` are the bins of the same rows without the calibration.
    """
    with drawing(1.5, 1.5, margin=0.19) if small else drawing(3.7, 3.4) as axes:
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 2)))
        x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
        low, high = [b["accuracy_low"] for b in bins], [b["accuracy_high"] for b in bins]
        axes.vlines(x, low, high, color=BLUE, lw=1.2, alpha=0.55, clip_on=False)
        name = "calibrated" if before else None
        axes.plot(x, y, "o", ms=2.8 if small else 4.5, color=BLUE, clip_on=False, label=name)
        if before:
            x, y = [b["confidence"] for b in before], [b["accuracy"] for b in before]
            axes.plot(x, y, "s", ms=4, mfc="none", color=ORANGE, clip_on=False, label="before")
            axes.legend(frameon=False, labelcolor=INK, loc="upper left", handlelength=1)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ticks = [0, 1] if small else [0, 0.25, 0.5, 0.75, 1]
        names = [f"{100 * tick:g}" for tick in ticks]
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        if not small:
            axes.set_xlabel("stated probability, %")
            axes.set_ylabel("came true, %")
            axes.grid(color=LINE, lw=0.6)
        return svg(axes, label)

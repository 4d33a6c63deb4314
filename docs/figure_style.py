"""Colours, settings and small helpers that the figures of all pages share."""

from typing import Any

from matplotlib.figure import Figure

# The colours of the report. Lines differ in their dashes, too, and each is named beside it, so
# nothing is told by colour alone.
PAPER, PANEL, LINE = "#fdfdfb", "#edebe4", "#dcdad2"
INK, MUTED, BLUE, ORANGE, GREEN = "#1c1d1f", "#63676d", "#1f6fb8", "#c2560a", "#0b7d62"
SOLID, DASHED, DOTTED, MIXED = "-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 1.8, 1.4, 1.8))
SETTINGS: Any = {
    "svg.hashsalt": "luce",
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.1,
}


def panels(*titles: str, height: float = 2.9, **options: Any) -> tuple[Figure, Any]:
    """Axes side by side, each under its title."""
    figure = Figure(figsize=(8.4, height), layout="constrained")
    axes = figure.subplots(1, len(titles), **options)
    for place, title in zip(axes, titles, strict=True):
        place.set_title(title)
    return figure, axes


def name(axes: Any, x: float, y: float, words: str, colour: str, **options: Any) -> None:
    """Write the name of a line beside it."""
    ground = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0, "alpha": 0.8}
    options = {"ha": "left", "va": "center", "fontsize": 9, "bbox": ground} | options
    axes.text(x, y, words, color=colour, **options)


def lead(axes: Any, point: tuple[float, float], words: tuple[float, float], colour: str) -> None:
    """Draw a thin line from words to the line that they name."""
    axes.annotate("", point, words, arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.8})

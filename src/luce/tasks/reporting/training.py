"""Section 2: how the training went."""

from collections.abc import Sequence
from typing import Any

from luce.tasks.reporting import figures, markup
from luce.tasks.reporting.markup import number
from luce.tasks.reporting.record import Outcome

_MOST_LINES = 40  # of the numbers behind a curve


def curves(record: Outcome) -> str:
    """Loss and accuracy over the epochs, or objective and gap over the iterations."""
    entries = record.history
    if not entries:
        return ""
    kind = "epoch" if "epoch" in entries[0] else "iteration"
    plots = _epochs(entries) if kind == "epoch" else _iterations(entries, record.config["tol"])
    return markup.grid([plot for plot in plots if plot], "plots") + _numbers(entries, kind)


def _iterations(entries: Sequence[dict[str, Any]], tol: float) -> list[str]:
    """Objective, accuracy; and, as the gap comes late, the gradient norm beside it on one axis."""
    names = ("iteration", "objective", "train_accuracy", "gap", "gradient_norm")
    x, objective, accuracy, gap, norm = (_column(entries, name) for name in names)
    distances = {"proven relative gap": gap, "gradient norm": norm}
    level = (f"tolerance of the gap {tol:g}", tol)
    return [
        _plot(x, {"objective": objective}, "Objective", "iteration", log=_spread(objective)),
        _plot(x, {"accuracy": accuracy}, "Accuracy on the training rows", "iteration"),
        _plot(x, distances, "Distance to the optimum", "iteration", log=True, level=level),
    ]


def _epochs(entries: Sequence[dict[str, Any]]) -> list[str]:
    x = _column(entries, "epoch")
    return [
        _plot(
            x,
            {part: _column(entries, f"{name}_{what}") for part, name in _PARTS.items()},
            what.capitalize(),
            "epoch",
        )
        for what in ("loss", "accuracy")
    ]


_PARTS = {"training rows": "train", "held-out rows": "valid"}


def _plot(
    x: list[Any],
    lines: dict[str, list[Any]],
    caption: str,
    unit: str,
    *,
    log: bool = False,
    level: tuple[str, float] | None = None,
) -> str:
    lines = {name: _positive(y) if log else y for name, y in lines.items()}
    lines = {name: y for name, y in lines.items() if any(value is not None for value in y)}
    if not lines:
        return ""
    words = "; ".join(_course(name if len(lines) > 1 else "", y) for name, y in lines.items())
    caption = f"{caption} over {markup.counted(len(x), unit)}: {words}."
    drawn = figures.curves(x, lines, label=caption, title=unit, log=log, level=level)
    return markup.figure(drawn, caption)


def _course(name: str, values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    return f"{name} from {number(known[0])} to {number(known[-1])}".strip()


def _column(entries: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return [entry.get(name) for entry in entries]


def _positive(values: list[Any]) -> list[Any]:
    """What a logarithmic axis can show."""
    return [value if value is not None and value > 0 else None for value in values]


def _spread(values: list[Any]) -> bool:
    """Whether positive values span more than a factor of 20: then the axis is logarithmic."""
    known = [value for value in values if value is not None]
    return bool(known) and min(known) > 0 and max(known) > 20 * min(known)


def _numbers(entries: list[dict[str, Any]], kind: str) -> str:
    """Every entry as a table, or 40 of them evenly chosen."""
    names = [kind, *(name for name in entries[0] if name not in (kind, "seconds")), "seconds"]
    names = [name for name in names if any(entry.get(name) is not None for entry in entries)]
    step = max(1, -(-len(entries) // _MOST_LINES))
    chosen = entries[:-1:step] + entries[-1:]
    rows = [[str(e[kind]), *(number(e.get(name), 4) for name in names[1:])] for e in chosen]
    head = [name.replace("_", " ") for name in names]
    return f"<details><summary>Numbers</summary>{markup.table(head, rows, 'numbers')}</details>"

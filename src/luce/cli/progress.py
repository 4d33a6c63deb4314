"""Progress of a training on stderr: a moving line on a terminal, else a few plain ones."""

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from luce.cli.terminal import console, talk

if TYPE_CHECKING:
    from rich.progress import Progress

    from luce.tasks.options import TrainOptions


class TrainingProgress:
    """Callback of a training. Off a terminal it speaks at entries 1, 2, 4, 8, ... and the last.

    Source of the doubling: Vowpal Wabbit, whose logs stay short however long it trains.
    """

    def __init__(self, options: "TrainOptions") -> None:
        by_epoch = options.model == "mlp" or options.solver in ("sgd", "adam")
        self._total = options.epochs if by_epoch else None
        self._seen = 0
        self._untold = ""
        self._bar: Progress | None = None

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._untold:
            talk(self._untold)

    def __call__(self, entry: Mapping[str, Any]) -> None:
        self._seen += 1
        text = _describe(entry)
        if sys.stderr.isatty():
            self._draw(text)
        elif self._seen & (self._seen - 1) == 0:  # a power of two
            talk(text)
            self._untold = ""
        else:
            self._untold = text

    def _draw(self, text: str) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        if self._bar is None:
            self._bar = Progress(
                BarColumn(bar_width=20),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=console(sys.stderr),
                transient=True,
            )
            self._bar.add_task("", total=self._total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=self._seen, description=text)


def _describe(entry: Mapping[str, Any]) -> str:
    """One history entry on one line, the clock left out: ``iteration 4  objective 0.2314``."""
    return "  ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in entry.items()
        if value is not None and name != "seconds"
    )

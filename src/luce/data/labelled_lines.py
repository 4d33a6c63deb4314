"""Texts a line, as fastText reads them: ``__label__x`` first, then the text."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from luce.data import files
from luce.data.dataset import Dataset
from luce.data.encoding import Encoding
from luce.data.kinds import Kind
from luce.data.records import Block, record_blocks
from luce.data.targets import read_target, require_classes
from luce.errors import DataError, LabelError

SUFFIXES = (".txt",)
COLUMN, TARGET = "text", "label"
_PREFIX = "__label__"


def line_column(encoding: Encoding | None) -> str:
    """Return the name of the column that lines become: that of a model which reads one column."""
    columns = encoding.columns if encoding is not None else None
    return columns[0] if columns is not None and len(columns) == 1 else COLUMN


def load_lines(
    path: Path, *, target: str, column: str, needs_target: bool, learning: bool
) -> Dataset:
    """Read a file of lines; empty ones are skipped, as fastText skips them.

    Raises
    ------
    LabelError
        A label is needed and not there, or a line has more than one: a softmax gives one class.
    """
    where = str(path)
    labels, texts, lines = _parted(path, where)
    if not texts:
        raise DataError(f"{where} must hold lines of text, but all of them are empty. Add some.")
    classes = None
    if needs_target:
        _require_labels(labels, lines, where)
        classes = read_target(pl.Series(target, [label[0] for label in labels]), where)
        if learning:
            require_classes(classes, target, where)
    return Dataset(
        name=path.name.partition(".")[0],
        kind="table",
        features=pl.DataFrame({column: texts}, schema={column: pl.String}),
        target=classes,
        target_name=None if classes is None else target,
        notes=("Each line is a text, with its label (__label__) first.",),
        fingerprint=files.fingerprint(path),
        kinds={column: Kind.WORDS},
    )


def line_frames(chunks: Iterable[bytes], where: str, column: str) -> Iterator[pl.DataFrame]:
    """Yield lines as they come, an empty one as an empty text; labels in front are dropped."""
    for block in record_blocks(chunks, where, quoted=False):
        texts = [part_line(line)[1] for _, line in _lines(block)]
        yield pl.DataFrame({column: texts}, schema={column: pl.String})


def part_line(line: str) -> tuple[list[str], str]:
    """Return the labels in front of a line, and the text after them."""
    labels: list[str] = []
    rest = line.strip()
    while rest.startswith(_PREFIX):
        label, *more = rest.split(maxsplit=1)
        labels.append(label[len(_PREFIX) :])
        rest = more[0] if more else ""
    return labels, rest


def _parted(path: Path, where: str) -> tuple[list[list[str]], list[str], list[int]]:
    labels, texts, lines = [], [], []
    for block in record_blocks(files.chunks(path), where, quoted=False):
        for number, line in _lines(block):
            if line.strip():
                found, text = part_line(line)
                labels.append(found)
                texts.append(text)
                lines.append(number)
    return labels, texts, lines


def _lines(block: Block) -> Iterator[tuple[int, str]]:
    coding = "utf-8-sig" if block.offset == 0 else "utf-8"
    every = block.data.decode(coding).split("\n")
    yield from enumerate(every[:-1], block.line)  # a block ends with a newline


def _require_labels(labels: list[list[str]], lines: list[int], where: str) -> None:
    without = [line for line, found in zip(lines, labels, strict=True) if not found or not found[0]]
    if without:
        raise LabelError(
            f"every line of {where} must begin with its label, like '__label__spam cheap pills', "
            f"but {len(without)} of {len(lines)} do not: line {without[0]}"
            f"{', ...' if len(without) > 1 else ''}. Add the labels, or use luce predict."
        )
    several = [line for line, found in zip(lines, labels, strict=True) if len(found) > 1]
    if several:
        first = labels[lines.index(several[0])]
        raise LabelError(
            f"every line of {where} must have one label, for a softmax gives each text one class, "
            f"but {len(several)} of {len(lines)} have several: line {several[0]} has "
            f"{', '.join(first)}. Keep one a line, or join them into one (__label__a+b)."
        )

"""Tables of coefficients as statsmodels prints them: text for a terminal, HTML for a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Pairs = tuple[tuple[str, str], ...]

_STUB, _VALUE, _RIGHT_STUB, _CELL, _BOUND, _NAME = 18, 18, 21, 10, 11, 10  # least widths


class Estimates(NamedTuple):
    """One number a row and its uncertainty."""

    value: Doubles
    std_err: Doubles
    z: Doubles
    p_value: Doubles
    interval: Doubles  # (rows, 2)


class Block(NamedTuple):
    """The rows of one class under their own head."""

    head: str
    names: tuple[str, ...]
    estimates: Estimates


@final
@dataclass(frozen=True)
class Summary:
    """A printed result: a head of two columns, and a table a class.

    `str`, `print` and notebooks show it; `as_text` and `as_html` return it.

    Attributes
    ----------
    title : str
    left, right : pairs of a name and a value
    blocks : the tables, one a class
    column : head of the column of estimates
    level : of the intervals
    notes : sentences below
    """

    title: str
    left: Pairs
    right: Pairs
    blocks: tuple[Block, ...]
    column: str = "coef"
    level: float = 0.95
    notes: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return the tables as lines of text."""
        heads, rows = self._heads(), [_cells(block) for block in self.blocks]
        head = _head_lines(self.left, self.right)
        widths = _widths(heads, self.blocks, rows)
        width = sum(widths) + len(widths) - 1
        lines = [self.title.center(len(head[0])), "=" * len(head[0]), *head]
        for number, (block, cells) in enumerate(zip(self.blocks, rows, strict=True)):
            lines.append(("-" if number else "=") * width)
            lines.append(_line(block.head.rjust(widths[0]), heads, widths))
            lines.append("-" * width)
            lines += [
                _line(name, row, widths) for name, row in zip(block.names, cells, strict=True)
            ]
        lines.append("=" * width)
        return "\n".join([*lines, *self.notes])

    def as_html(self) -> str:
        """Return the tables as HTML."""
        heads = self._heads()
        right = [*self.right, *[("", "")] * (len(self.left) - len(self.right))]
        top = "".join(
            "<tr>" + _th(a[0]) + _td(a[1]) + _th(b[0]) + _td(b[1]) + "</tr>\n"
            for a, b in zip(self.left, right, strict=True)
        )
        body = ""
        for block in self.blocks:
            body += "<tr>" + "".join(map(_th, [block.head, *heads])) + "</tr>\n"
            for name, row in zip(block.names, _cells(block), strict=True):
                body += "<tr>" + _th(name) + "".join(map(_td, row)) + "</tr>\n"
        notes = "".join(f"<p>{escape(note)}</p>\n" for note in self.notes)
        return (
            f'<table class="simpletable">\n<caption>{escape(self.title)}</caption>\n{top}</table>\n'
            f'<table class="simpletable">\n{body}</table>\n{notes}'
        )

    def __str__(self) -> str:
        return self.as_text()

    def __repr__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        return self.as_html()

    def _heads(self) -> list[str]:
        tail = (1 - self.level) / 2
        return [self.column, "std err", "z", "P>|z|", f"[{tail:.6g}", f"{1 - tail:.6g}]"]


def whole(number: float) -> str:
    """Return a count, or a number of degrees of freedom that is none."""
    return f"{int(number):6d}" if float(number).is_integer() else f"{number:8.2f}"


def _head_lines(left: Pairs, right: Pairs) -> list[str]:
    stub = max(_STUB, *(len(name) for name, _ in left))
    value = max(_VALUE, *(len(text) for _, text in left))
    lines = []
    for number, (name, text) in enumerate(left):
        line = f"{name:<{stub}} {text:>{value}} "
        more = right[number] if number < len(right) else ("", "")
        lines.append(f"{line}{'  ' + more[0]:<{_RIGHT_STUB}} {more[1]:>{_VALUE}}")
    return lines


def _cells(block: Block) -> list[list[str]]:
    e = block.estimates
    return [
        [_number(v, 10), _number(s, 9), _number(z, 9), f"{p:#6.3f}", *(_number(b, 9) for b in ends)]
        for v, s, z, p, ends in zip(e.value, e.std_err, e.z, e.p_value, e.interval, strict=True)
    ]


def _number(x: float, width: int) -> str:
    """Write a number as statsmodels does: plain, and with an exponent where it is far from 1."""
    digits = width - 6
    plain = 1e-4 <= abs(x) < 1e4
    return f"{x:{width}.{digits}{'f' if plain else 'g'}}"


def _widths(
    heads: Sequence[str], blocks: Sequence[Block], cells: Sequence[list[list[str]]]
) -> list[int]:
    names = [len(name) for block in blocks for name in (block.head, *block.names)]
    widths = [max(_NAME, *names)]
    for column, head in enumerate(heads):
        least = _CELL if column < 4 else _BOUND
        texts = [len(row[column]) for rows in cells for row in rows]
        widths.append(max(least, len(head), *texts))
    return widths


def _line(name: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [f"{text:>{width}}" for text, width in zip(cells, widths[1:], strict=True)]
    return " ".join([f"{name:<{widths[0]}}", *parts])


def _th(text: Any) -> str:
    return f"<th>{escape(str(text).strip())}</th>"


def _td(text: Any) -> str:
    return f"<td>{escape(str(text).strip())}</td>"

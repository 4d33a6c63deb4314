"""HTML in small pieces; whatever comes from data or options passes through ``text``."""

import html
from collections.abc import Iterable, Sequence

NBSP, THIN = "\u00a0", "\u202f"


def text(value: object) -> str:
    """The value as HTML text that means nothing but itself."""
    return html.escape(str(value))


def section(title: str, *parts: str) -> str:
    """A part of the page under a heading; nothing if all parts are empty."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{text(title)}</h2>\n{body}\n</section>" if body else ""


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain words."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def figure(content: str, caption: str, kind: str = "", details: str = "") -> str:
    """A picture with its caption, and the numbers behind it to unfold."""
    unfold = f"<details><summary>Numbers</summary>{details}</details>" if details else ""
    return (
        f'<figure class="{kind}">{content}<figcaption>{text(caption)}</figcaption>{unfold}</figure>'
    )


def grid(parts: Iterable[str], kind: str) -> str:
    """Parts side by side, as many as there is room for."""
    return f'<div class="grid {kind}">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table of cells that are HTML already; the first cell of a row is its heading."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "\n".join(_row(row) for row in rows)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[str]) -> str:
    first, *rest = (cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in cells)
    first = first.replace("<td", '<th scope="row"', 1).removesuffix("</td>") + "</th>"
    return f"<tr>{first}{''.join(rest)}</tr>"


def tinted(content: str, share: float, kind: str) -> str:
    """A table cell in the colour of ``kind``, the stronger the larger ``share`` of 0..1."""
    strong = " strong" if share > 0.73 else ""
    return f'<td class="tint {kind}{strong}" style="--share:{100 * share:.0f}%">{content}</td>'


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Terms with their meanings; both are plain words."""
    items = "".join(f"<div><dt>{text(a)}</dt><dd>{text(b)}</dd></div>" for a, b in pairs)
    return f'<dl class="facts">{items}</dl>'


def code(words: str) -> str:
    """Lines to copy."""
    return f"<pre><code>{text(words)}</code></pre>"


def percent(share: float | None, digits: int = 1) -> str:
    """``0.9722`` as ``97.2 %``; a dash where there is no figure."""
    return "–" if share is None else f"{100 * share:.{digits}f}{THIN}%"


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits, with a power of ten where needed; a dash for no figure."""
    if value is None:
        return "–"
    if value != 0 and not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}·{power_of_ten(int(exponent))}"
    few = abs(value) < 10 ** (digits - 1)
    return f"{value:#,.{digits}g}".rstrip(".") if few else f"{value:,.0f}"


def power_of_ten(exponent: int) -> str:
    """``10⁻⁴``."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def fixed(value: float | None, digits: int) -> str:
    """So many decimals; a dash where there is no figure."""
    return "–" if value is None else f"{value:.{digits}f}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 row``, ``1,437 rows``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"

"""Names of columns in one option: commas between, quotation marks around a name that holds one."""

import csv
import io
from collections.abc import Iterable

from luce.errors import ParameterError


def read_columns(text: str | None, flag: str) -> tuple[str, ...]:
    """Return the columns that an option names; a name may stand between blanks.

    Raises
    ------
    ParameterError
        A name is empty, or a quotation mark is never closed.

    Examples
    --------
    >>> read_columns('title, "size, cm"', "--text")
    ('title', 'size, cm')
    """
    if text is None:
        return ()
    try:
        (names,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        names = [""]
    names = [name.strip() for name in names]
    if not names or not all(names):
        raise ParameterError(
            f"{flag} must be names of columns, commas between, got {text!r}. For the columns title"
            f" and body, give {flag} title,body; quote a name that holds a comma."
        )
    return tuple(names)


def write_columns(names: Iterable[str]) -> str:
    """Return the text that `read_columns` reads.

    >>> write_columns(["title", "size, cm"])
    'title,"size, cm"'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()

"""Load labelled data, and refuse a target that would be ignored."""

import warnings
from collections.abc import Collection
from pathlib import Path

from luce import data
from luce.data import Dataset, Encoding
from luce.errors import LuceWarning, ParameterError


def load_labelled(
    source: str | Path,
    *,
    target: str | None = None,
    split: str | None = None,
    text: Collection[str] = (),
    ignore: Collection[str] = (),
    no_header: bool = False,
    encoding: Encoding | None = None,
) -> Dataset:
    """Load a data set with its labels; the arguments are those of `luce.data.load`.

    Raises
    ------
    ParameterError
        A target is asked for where there is none to choose: the labels of a named set and of a
        folder of images are what they are.
    DataError
        The data cannot be used.
    """
    dataset = data.load(
        source,
        target=target,
        split=split,
        text=text,
        ignore=ignore,
        no_header=no_header,
        encoding=encoding,
    )
    if target is not None and dataset.target_name != target:
        raise ParameterError(
            f"--target must be a column of the data, got {target!r}, but {str(source)!r} brings "
            "its own labels and leaves nothing to choose. Leave --target out."
        )
    return dataset


def warn_of(header_doubt: str | None) -> None:
    """Warn if the first line of the data is probably a row and no header."""
    if header_doubt is not None:
        warnings.warn(header_doubt, LuceWarning, stacklevel=3)

"""The error bound a docstring promises, so that promise and proof cannot part."""

import re
from collections.abc import Callable
from inspect import getdoc
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

SECTION = re.compile(r"^Accuracy\n-+\n(?P<body>.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.M | re.S)
LINE = re.compile(r"^(?P<what>[\w ,]+?)\s*:\s*(?P<bound>\d+(\.\d+)?) ULP\b", re.M)


def promises(function: Callable[..., Any]) -> dict[str, float]:
    """Return {"float32": 2.0, "gradient, float32": 4.0, ...} from the section "Accuracy"."""
    section = SECTION.search(getdoc(function) or "")
    assert section, f"{function.__name__} has no section Accuracy"
    return {match["what"]: float(match["bound"]) for match in LINE.finditer(section["body"])}


def promised(function: Callable[..., Any], dtype: DTypeLike, of: str = "") -> float:
    """Return the bound in ULP for a dtype; ``of`` names the part of a result, as "gradient"."""
    name = np.dtype(dtype).name
    return promises(function)[f"{of}, {name}" if of else name]

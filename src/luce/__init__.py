"""luce: the softmax stack for Python.

Functions and losses come with the first import; estimators, data and everything that needs
scikit-learn or an optional package are loaded when they are first named.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.1.0"


_LAZY = {
    "SoftmaxRegression": "luce.estimators",
}
_ROOMS = ("data", "estimators", "losses", "metrics", "storage", "tasks")


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return getattr(_import_module(_LAZY[name]), name)
    if name in _ROOMS:
        return _import_module(f"luce.{name}")
    raise AttributeError(f"module 'luce' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY, *_ROOMS])

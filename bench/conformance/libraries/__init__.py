"""What each library offers, in the names and arguments of the table.

The signature of a function here is the statement of which options the library has; a case that its
documentation excludes raises `NotOfferedError`. Each is called as its documentation says.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any

import numpy as np

from conformance.judge import NotOfferedError

FLOATS = ("float16", "bfloat16", "float32", "float64")


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an argument that the signature does not have into `NotOfferedError`."""
    parameters = signature(function)

    @wraps(function)
    def operation(*args: Any, **options: Any) -> Any:
        try:
            parameters.bind(*args, **options)
        except TypeError as error:
            raise NotOfferedError(f"{function.__name__}: {error}") from None
        return function(*args, **options)

    return operation


def offered(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    return {name: checked(function) for name, function in functions.items()}


def only_floats(x: Any) -> np.ndarray:
    """Return the array, or say that the library takes floating-point numbers alone."""
    array = np.asarray(x)
    if array.dtype.newbyteorder("=").name not in FLOATS:
        raise NotOfferedError(f"no {array.dtype}")
    return array

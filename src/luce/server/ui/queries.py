"""Numbers and names in the query of an address, checked."""

from starlette.requests import Request

from luce.errors import ParameterError


def whole(request: Request, name: str, default: int, *, most: int) -> int:
    """Return a whole number in ``0..most``, or the default where the query has none."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise ParameterError(
            f"{name} must be a whole number in 0..{most}, got {text[:40]!r} in the address. Leave"
            f" it out for {default}."
        )
    return int(text)


def class_code(request: Request, name: str, classes: int) -> int | None:
    """Return the number of a class; None where the query has none."""
    if name not in request.query_params:
        return None
    return whole(request, name, 0, most=classes - 1)


def share(request: Request, name: str, default: float) -> float:
    """Return a number between 0 and 1, both excluded."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise ParameterError(
            f"{name} must be a number between 0 and 1, got {text[:40]!r} in the address. Leave it"
            f" out for {default:g}."
        )
    return value


def one_of(request: Request, name: str, known: tuple[str, ...]) -> str:
    """Return one of some words, the first of them where the query has none."""
    from luce import _checks  # it brings NumPy along: not before a model is asked for

    return _checks.as_choice(request.query_params.get(name, known[0]), known, name)

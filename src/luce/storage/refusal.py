"""How a model file is refused: what is required, what came, where, and what to do."""

import reprlib
from typing import NoReturn

_DAMAGED = "The file is damaged or was not written by luce: copy it again or train the model again"


class Refusal(Exception):
    """A reason not to accept a model; ``luce.storage.model`` makes a ModelFileError of it."""

    def __init__(self, problem: str, advice: str = _DAMAGED) -> None:
        super().__init__(problem)
        self.problem = problem
        self.advice = advice


def refuse(where: str, required: str, got: object, advice: str = _DAMAGED) -> NoReturn:
    """Raise Refusal: ``where`` names the place, ``required`` completes "must ..."."""
    raise Refusal(f"{where} must {required}, got {show(got)}", advice)


def show(value: object) -> str:
    """The value on one line: control characters escaped, long values cut short."""
    return value[:_LONGEST] if isinstance(value, Quoted) else _SHORT.repr(value)


class Quoted(str):
    """A description to be shown as it stands, without quotation marks."""


_LONGEST = 120
_SHORT = reprlib.Repr()  # looks at the first few items only, however long the value is
_SHORT.maxstring = _SHORT.maxother = 80

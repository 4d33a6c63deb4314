"""One option of a training: its name, type, default, range and help, and how a value is checked."""

import sys
from dataclasses import dataclass
from typing import Any

from luce.errors import ParameterError
from luce.tasks.suggestions import did_you_mean


@dataclass(frozen=True)
class Limits:
    """What the table knows of an option besides its name, type and default."""

    help: str
    choices: tuple[str, ...] = ()
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    parameter: str | None = None  # the argument of SoftmaxRegression that it becomes
    network: str | None = None  # the argument of SoftmaxMLP that it becomes
    metavar: str | None = None
    bare: str | None = None  # what the flag means where no value follows it
    resumable: bool = False  # whether a stopped training may go on with another value
    basic: bool = False  # whether a form shows it at once, or under "more"

    @property
    def range(self) -> str:
        """The range in words: ``"above 0"``, or nothing."""
        bounds = {"above": self.above, "at least": self.at_least, "below": self.below}
        return " and ".join(f"{word} {at:g}" for word, at in bounds.items() if at is not None)

    def hold(self, value: float) -> bool:
        """Return whether a number lies in the range; NaN and infinity lie in none."""
        return (
            abs(value) < float("inf")
            and (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
        )


@dataclass(frozen=True)
class Option:
    """One row of the table: a field of `TrainOptions` with its type taken apart."""

    name: str
    kind: type
    optional: bool
    default: Any
    limits: Limits

    @property
    def flag(self) -> str:
        """The spelling on the command line: ``"--batch-size"``."""
        return "--" + self.name.replace("_", "-")

    @property
    def only_of(self) -> str | None:
        """The one model that an argument of its estimator makes it an option of, if it is one."""
        linear, network = self.limits.parameter, self.limits.network
        if (linear is None) == (network is None):
            return None
        return "linear" if network is None else "mlp"

    def to_json(self) -> dict[str, Any]:
        """Return all there is to know of it, for a form."""
        limits = self.limits
        return {
            "name": self.name,
            "flag": self.flag,
            "kind": {int: "integer", float: "number", str: "text", bool: "flag"}[self.kind],
            "optional": self.optional,
            "default": self.default,
            "help": limits.help,
            "choices": list(limits.choices),
            "above": limits.above,
            "at_least": limits.at_least,
            "below": limits.below,
            "metavar": limits.metavar,
            "bare": limits.bare,
            "basic": limits.basic,
            "resumable": limits.resumable,
            "only_of": self.only_of,
        }

    @property
    def required(self) -> str:
        """What a value must be, in words, for the help and for error messages."""
        if self.limits.choices:
            return "one of " + ", ".join(self.limits.choices)
        kinds = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        words = kinds[self.kind]
        return f"{words} {self.limits.range}".rstrip()

    def checked(self, value: Any) -> Any:
        """Return ``value`` in the type of the option, or raise `ParameterError`."""
        if value is None and self.optional:
            return None
        converted = self._converted(value)
        if converted is None or not self._allowed(converted):
            hint = did_you_mean(str(value), self.limits.choices)
            raise ParameterError(
                f"{self.name} must be {self.required}, got {value!r}. "
                + (hint or f"Give another value with {self.flag} or in the configuration file.")
            )
        return converted

    def _converted(self, value: Any) -> Any:
        """The value as the option's type where nothing is lost, else None."""
        if self.kind is bool:
            return value if isinstance(value, bool) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.kind is str:  # `valid = 0.2` without quotes is meant as "0.2"
            return str(value) if isinstance(value, str) or number else None
        if self.kind is float:
            return float(value) if number and abs(value) <= sys.float_info.max else None
        return value if number and isinstance(value, int) else None

    def _allowed(self, value: Any) -> bool:
        if self.kind is str:
            return not self.limits.choices or value in self.limits.choices
        if self.kind is bool:
            return True
        return self.limits.hold(value)

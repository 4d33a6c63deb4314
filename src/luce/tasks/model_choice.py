"""Which options go with which model: found out before a training begins."""

from typing import Any

from luce.errors import ParameterError
from luce.tasks.option import Option
from luce.tasks.options import OPTIONS, TrainOptions


def check_model(options: TrainOptions) -> None:
    """Find out before a training begins whether the options go with the model.

    Raises
    ------
    ParameterError
        An option is of another model.
    MissingExtraError
        The model needs PyTorch, which is not installed.
    """
    for option in OPTIONS.values():
        if option.only_of not in (None, options.model) and _is_set(option, options):
            raise ParameterError(
                f"{option.flag} is an option of --model {option.only_of}, got it with --model"
                f" {options.model}. Leave one of them out."
            )
    if options.model != "mlp":
        return
    import luce.nn  # noqa: F401  without PyTorch it says how to install it

    if options.solver not in ("auto", "sgd", "adam"):
        raise ParameterError(
            f"--model mlp needs --solver sgd or adam, got {options.solver!r}: the others are for"
            " linear models. Leave --solver out."
        )


def _is_set(option: Option, options: TrainOptions) -> bool:
    value: Any = getattr(options, option.name)
    return bool(value != option.default)

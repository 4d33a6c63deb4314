"""Optional packages: there, or an error with the line that installs them."""

from importlib import import_module
from typing import Any

from luce.errors import MissingExtraError

_PACKAGES = {"PIL": "pillow"}


def require(module: str) -> Any:
    """Import an optional module, or raise MissingExtraError."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra(error) from error


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError:
    """Return the error that says which package to install, and how."""
    name = (error.name or str(error)).partition(".")[0]
    return MissingExtraError(
        f"luce.data needs the package {_PACKAGES.get(name, name)}, which is not installed. "
        "Install it with: pip install 'luce[app]'"
    )

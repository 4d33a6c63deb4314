"""PyTorch, or an error with the line that installs it: imported before the rest of the room."""

from luce.errors import MissingExtraError

try:
    import torch as torch
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"luce.nn needs the package {(error.name or 'torch').partition('.')[0]}, which is not"
        " installed. Install it with: pip install 'luce[torch]'"
    ) from error

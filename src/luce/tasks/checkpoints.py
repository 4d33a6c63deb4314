"""The state of a training of `luce.nn.fit` in a file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING

from luce import storage

if TYPE_CHECKING:
    from luce.nn import Checkpoint


def save_checkpoint(checkpoint: "Checkpoint", path: str | Path) -> None:
    """Write a checkpoint to one file, whole or not at all: the one before stays until then.

    Parameters
    ----------
    checkpoint : luce.nn.Checkpoint
        What `luce.nn.fit` gives to ``on_checkpoint``.
    path : path
        The file; by custom it ends in ``.safetensors``.

    Raises
    ------
    ModelFileError
        The content cannot be kept.
    WriteError
        The file cannot be written; what stood there before is untouched.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import Plan, fit
    >>> from luce.tasks import load_checkpoint, save_checkpoint
    >>> path = getfixture("tmp_path") / "training.safetensors"
    >>> def keep(checkpoint):
    ...     save_checkpoint(checkpoint, path)
    >>> model, loss = torch.nn.Linear(4, 3), torch.nn.functional.cross_entropy
    >>> rows = torch.randn(64, 4), torch.randint(3, (64,))
    >>> done = fit(model, loss, rows, plan=Plan(epochs=2), on_checkpoint=keep)
    >>> again = torch.nn.Linear(4, 3)
    >>> _ = fit(again, loss, rows, plan=Plan(epochs=2), resume=load_checkpoint(path))
    >>> torch.equal(again.weight, model.weight)
    True
    """
    storage.save_checkpoint(Path(path), checkpoint.tensors, checkpoint.facts)


def load_checkpoint(path: str | Path) -> "Checkpoint":
    """Read a checkpoint that `save_checkpoint` has written; nothing in the file can run.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    luce.nn.Checkpoint
        To be given to `luce.nn.fit` as ``resume``.

    Raises
    ------
    ModelFileError
        The file is missing, damaged, foreign or too new.
    MissingExtraError
        PyTorch is not installed.
    """
    from luce.nn import Checkpoint

    return Checkpoint(*storage.load_checkpoint(Path(path)))

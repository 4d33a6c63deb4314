"""Save and load the state of a training, in the way of the model files."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from luce.storage.refusal import refuse
from luce.storage.sealed import Seal

FORMAT = "luce-checkpoint"
CHECKPOINT_VERSION = 2  # 1 held one mean an epoch; none was ever released
MAX_BYTES = 64 * 2**30
_FIELDS = {"format", "version", "facts"}


class CheckpointFile(NamedTuple):
    """The state of a training as it lies in its file: arrays by name, and a JSON tree."""

    tensors: dict[str, NDArray[Any]]
    facts: dict[str, Any]


def save_checkpoint(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write a checkpoint to ``path``, whole or not at all; the one before stays until then.

    ``tensors`` are float32, float64, int64 or uint8; ``facts`` is a JSON tree. Unlike the weights
    of a model the numbers need not be finite.

    Raises
    ------
    ModelFileError
        If the content cannot be kept.
    WriteError
        If the file cannot be written; the old one is untouched.
    """
    metadata = {"format": FORMAT, "version": CHECKPOINT_VERSION, "facts": dict(facts)}
    _CHECKPOINT.save(path, tensors, metadata)


def load_checkpoint(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> CheckpointFile:
    """Read and check a checkpoint that :func:`save_checkpoint` has written.

    Sizes, dtypes and the SHA-256 of all content are checked as for a model; nothing in the file
    can run code. What the facts mean is checked by whoever goes on with the training.

    Raises
    ------
    ModelFileError
        If the file is missing, larger than ``max_bytes``, damaged, foreign or too new.
    """
    tensors, metadata = _CHECKPOINT.load(path, max_bytes)
    return CheckpointFile(tensors, metadata["facts"])


def _check(metadata: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    found = metadata.get("format") if isinstance(metadata, dict) else metadata
    if found != FORMAT:
        refuse("metadata.format", f"be {FORMAT!r}", found)
    version = metadata.get("version")
    if type(version) is not int or version != CHECKPOINT_VERSION:
        old = type(version) is int and version < CHECKPOINT_VERSION
        advice = "An older luce wrote it: begin the training again" if old else "Upgrade luce"
        refuse("metadata.version", f"be {CHECKPOINT_VERSION}", version, advice)
    if metadata.keys() != _FIELDS or not isinstance(metadata["facts"], dict):
        refuse("metadata", f"have the fields {', '.join(sorted(_FIELDS))}", sorted(metadata))


_CHECKPOINT = Seal("checkpoint", _check)

"""Save and load a model: weights and metadata in one file that cannot run code."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from luce.storage.schema import FORMAT_VERSION as FORMAT_VERSION
from luce.storage.schema import check_metadata, check_tensors, check_version
from luce.storage.sealed import Seal

MAX_BYTES = 16 * 2**30


class ModelFile(NamedTuple):
    """A model as it lies in its file.

    ``tensors`` holds ``coef`` (k, d) and ``intercept`` (k,), with one row only for two classes, and
    what the calibration or the text features need; ``metadata`` is the tree described in
    ``docs/model_file.md``.
    """

    tensors: dict[str, NDArray[Any]]
    metadata: dict[str, Any]


def save_model(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> None:
    """Write a model to ``path``, whole or not at all; what is saved is known to load again.

    ``tensors`` are float32, float64, int64 or uint8 in any memory layout; ``metadata`` is a JSON
    tree. The file is built in memory and read back by the code of :func:`load_model` before
    anything is written.

    Raises
    ------
    ModelFileError
        If the model breaks the format: a weight that is not finite, a field that is missing, ...
    WriteError
        If the file cannot be written; the old one is untouched.
    """
    _MODEL.save(path, tensors, metadata)


def load_model(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> ModelFile:
    """Read and check a model that :func:`save_model` has written.

    Every size is checked against the file before anything is allocated; dtypes, shapes, finiteness,
    the SHA-256 of all content and each field of the metadata are checked before anything is
    returned. Nothing in the file can run code. Memory: the size of the file, plus at most a few
    hundred bytes for each value of the metadata (of which there may be 250,000).

    Raises
    ------
    ModelFileError
        If the file is missing, larger than ``max_bytes``, damaged, foreign or too new. The message
        names the place.
    """
    return ModelFile(*_MODEL.load(path, max_bytes))


def read_metadata(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read the metadata of a model alone, for lists of many models; weights stay unread.

    Raises
    ------
    ModelFileError
        If the file is missing, foreign, too new, or damaged where the metadata are.
    """
    return _MODEL.peek(path, max_bytes, check_version)


def _check(metadata: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    check_version(metadata)  # first: a later version may differ in everything else
    check_metadata(metadata)
    check_tensors(tensors, metadata)


_MODEL = Seal("model", _check)

"""NPZ and NPY files: NumPy arrays, read without pickle and never larger than the file holds."""

import zipfile
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from luce.data.arrays import Arrays
from luce.data.suggest import did_you_mean, listed
from luce.errors import DataError

_FEATURES = ("X", "x", "images", "features", "data")
_LABELS = ("y", "labels", "target")
_FREE = 256 << 20  # an archive may always unpack to this size ...
_RATIO = 300  # ... and beyond it to this multiple of its own


def read_npz(path: Path, *, target: str | None, needs_target: bool) -> Arrays:
    """Read the arrays ``X`` and ``y``, or ``images`` and ``labels``, or the like.

    target : the name of the array of labels, if it is another one

    Raises DataError for damaged archives, missing arrays and arrays of Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _require_bounded(archive, path)
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            key = _find(names, _FEATURES, path)
            label = _find_labels(names, target, needs_target, path)
            labels = None if label is None else _member(archive, label, path)
            notes = [f"The features are the array {key!r}."]
            if label is not None:
                notes.append(f"The labels are the array {label!r}.")
            return Arrays(_member(archive, key, path), labels, label, notes)
    except DataError:
        raise
    except Exception as error:  # zipfile raises a dozen kinds for damaged archives
        raise DataError(
            f"{path} must be a whole NPZ archive, but it is damaged or of another kind ({error}). "
            "Write it again with numpy.savez."
        ) from error


def read_npy(path: Path) -> NDArray[Any]:
    """Read a single array of features."""
    with path.open("rb") as stream:
        return _array(stream, path.stat().st_size, str(path))


def _find(names: list[str], wanted: tuple[str, ...], path: Path) -> str:
    for name in wanted:
        if name in names:
            return name
    raise DataError(
        f"{path} must hold an array named {listed(wanted)}, got {listed(names) or 'no array'}. "
        "Write it with numpy.savez(file, X=..., y=...)."
    )


def _find_labels(
    names: list[str], target: str | None, needs_target: bool, path: Path
) -> str | None:
    if target is not None and target not in names:
        raise DataError(
            f"{path} has no array {target!r} for the labels.{did_you_mean(target, names)} "
            f"Arrays: {listed(names)}."
        )
    if target is None and not needs_target and not set(names) & set(_LABELS):
        return None
    return target or _find(names, _LABELS, path)


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
    with archive.open(info) as stream:
        return _array(stream, info.file_size, f"array {name!r} of {path}")


def _array(stream: IO[bytes], size: int, where: str) -> NDArray[Any]:
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # NumPy reads the header with Python's tokenizer
        raise DataError(
            f"{where} must be in NumPy's format, got {error}. Write it again."
        ) from None
    if dtype.hasobject:
        raise DataError(
            f"{where} must hold numbers or texts, but it holds Python objects, which could run "
            "code. Convert it: array.astype(float) or array.astype(str)."
        )
    wanted = prod(shape) * dtype.itemsize
    held = size - stream.tell()
    if wanted != held or min(shape, default=0) < 0:
        raise DataError(
            f"{where} must hold {wanted} bytes for the shape {shape} in its header, got {held}. "
            "The file is damaged or cut off; write it again."
        )
    return np.ndarray(shape, dtype, stream.read(wanted), order="F" if fortran else "C")


def _require_bounded(archive: zipfile.ZipFile, path: Path) -> None:
    unpacked = sum(info.file_size for info in archive.infolist())
    limit = max(_FREE, _RATIO * path.stat().st_size)
    if unpacked > limit:
        raise DataError(
            f"{path} must unpack to at most {limit} bytes ({_RATIO} times its size), but it claims "
            f"{unpacked}. If you trust it, write it again with numpy.savez (not compressed)."
        )

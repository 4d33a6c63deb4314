"""IDX files, the format of MNIST and its relatives: images beside labels, mostly gzipped."""

import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.data import files
from luce.data.arrays import Arrays
from luce.errors import DataError, ShapeError

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: Path) -> NDArray[Any]:
    """Read one IDX file, gzipped or not.

    Nothing is allocated by what the header claims: the bytes are read first and must be as many.
    Raises DataError for a damaged, truncated or foreign file.
    """
    data = b"".join(files.chunks(path))
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or not data[3]:
        raise DataError(
            f"{path} must be an IDX file, which begins with two zero bytes, a type and the number "
            f"of dimensions, got the bytes {data[:4].hex(' ')}. Give a file of another kind the "
            "name ending of its kind."
        )
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataError(f"{path} must be a whole IDX file, but it is cut off in its header.")
    shape = tuple(np.frombuffer(data[4:start], ">u4").tolist())
    dtype = np.dtype(_TYPES[data[2]])
    wanted = start + prod(shape) * dtype.itemsize
    if len(data) != wanted:
        raise DataError(
            f"{path} must hold {wanted} bytes for the shape {shape} in its header, got "
            f"{len(data)}. It is damaged or cut off; copy or download it again."
        )
    array = np.ndarray(shape, dtype, data, offset=start)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_idx_rows(path: Path, size: int) -> Iterator[NDArray[Any]]:
    """Yield the images of an IDX file as rows, about `size` bytes at a time."""
    source = files.chunks(path)
    data = b""
    while len(data) < 4 or len(data) < 4 + 4 * data[3]:
        more = next(source, None)
        if more is None:
            break
        data += more
    if len(data) < 8 or data[:2] != b"\0\0" or data[2] not in _TYPES or data[3] < 2:
        raise DataError(
            f"{path} must be an IDX file of images, got the bytes {data[:4].hex(' ')}. Give the"
            " images file; the labels beside it are found by its name."
        )
    start = 4 + 4 * data[3]
    shape = tuple(np.frombuffer(data[4:start], ">u4").tolist())
    dtype, width = np.dtype(_TYPES[data[2]]), prod(shape[1:])
    each, seen, data = width * dtype.itemsize, 0, data[start:]
    enough = max(1, size // max(1, each)) * each
    while data or seen < shape[0]:
        while len(data) < enough and (more := next(source, None)) is not None:
            data += more
        rows = len(data) // max(1, each)
        if not rows or seen + rows > shape[0]:
            raise DataError(
                f"{path} must hold {shape[0]} images, as its header says, got another number of"
                " bytes. It is damaged or cut off; copy or download it again."
            )
        array = np.frombuffer(data, dtype, rows * width).reshape(rows, width)
        yield array.astype(dtype.newbyteorder("="))
        data, seen = data[rows * each :], seen + rows


def labels_path(images: Path) -> Path | None:
    """Return the labels file beside an images file, or None: ``train-labels-idx1-ubyte.gz``."""
    name = re.sub(r"idx[2-4]", "idx1", re.sub("images", "labels", images.name))
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, f"{plain}.gz"):
        path = images.with_name(candidate)
        if path != images and path.is_file():
            return path
    return None


def read_idx_pair(path: Path, *, needs_target: bool) -> Arrays:
    """Read an images file, and the labels file beside it if there is one."""
    images = read_idx(path)
    if images.ndim == 1:
        raise ShapeError(
            f"{path} must hold a row of numbers or an image for each row, got one number each: it "
            "is a labels file. Give the images file; the labels beside it are found by its name."
        )
    labels = labels_path(path)
    if labels is None and needs_target:
        raise DataError(
            f"labels for {path} must lie beside it in a file of the same name with 'labels' for "
            "'images' and 'idx1' for 'idx3', but there is none. Add it."
        )
    if labels is None:
        return Arrays(images, None, None, [])
    return Arrays(images, read_idx(labels), "labels", [f"The labels are those of {labels.name}."])

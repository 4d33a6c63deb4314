"""Folders of images, one folder a class."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.data.dataset import Dataset
from luce.data.extras import require
from luce.data.suggest import listed
from luce.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")  # Pillow knows forty more, some of them with bombs
_MOST_PIXELS = 25_000_000
_ORIENTATION = 0x0112  # the EXIF tag; from 5 on the picture lies on its side
_GREY = ("1", "L", "LA", "La", "I;16", "I;16B", "I", "F")


class Look(NamedTuple):
    """Size and colour of an image, from its header."""

    size: tuple[int, int]  # width, height
    grey: bool


def load_images(
    path: Path, *, needs_target: bool, image_shape: tuple[int, ...] | None = None
) -> Dataset:
    """Read a folder with one folder of images for each class, or one image or a flat folder.

    All images are brought to one size, the most frequent one or that of `image_shape`; they stay
    grey if all are (or if `image_shape` has no colours). Transparent pixels are laid on white, 16
    bits are cut to 8, the camera's rotation is undone, of an animation the first picture counts.

    Raises DataError for a file that is no sound PNG, JPEG, WebP or BMP, or has more than 25
    megapixels, naming it.
    """
    found, others = _find(path, needs_target)
    looks = [_look(file) for file, _ in found]
    (width, height), grey = _common(looks, image_shape)
    pixels = np.empty((len(found), height, width, *(() if grey else (3,))), np.uint8)
    for row, (file, _) in zip(pixels, found, strict=True):
        row[...] = _pixels(file, (width, height), grey)
    labels = [label for _, label in found if label is not None]
    return Dataset(
        name=path.stem,
        kind="images",
        features=pixels,
        target=np.array(labels, dtype=object) if labels else None,
        target_name="folder" if labels else None,
        notes=tuple(_notes(looks, (width, height), grey, labels, others)),
        fingerprint=_fingerprint(path, [file for file, _ in found]),
        row_names=np.array([_relative(file, path) for file, _ in found], dtype=object),
    )


def require_image(file: Path) -> None:
    """Refuse, by its header, a file that is no PNG, JPEG, WebP or BMP of at most 25 megapixels."""
    _look(file)


def _find(path: Path, needs_target: bool) -> tuple[list[tuple[Path, str | None]], int]:
    """Return the images with their classes, and how many other files there are."""
    if path.is_file():
        return [(path, None)], 0
    images, others = _split(_visible(path))
    folders = [entry for entry in others if entry.is_dir()]
    left_over = len(others) - len(folders)
    found: list[tuple[Path, str | None]] = []
    for folder in folders:
        inside, rest = _split(_visible(folder))
        found.extend((file, folder.name) for file in inside)
        left_over += len(rest)
    if found:
        return found, left_over + len(images)
    if images and not needs_target:
        return [(file, None) for file in images], left_over
    raise DataError(
        f"{path} must hold one folder of images ({', '.join(SUFFIXES)}) for each class, but there "
        f"are {'images without class folders' if images else 'no such images'}; folders: "
        f"{listed([folder.name for folder in folders]) or 'none'}. Sort the images into folders, "
        "or name the folder that holds the class folders."
    )


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error


def _split(entries: list[Path]) -> tuple[list[Path], list[Path]]:
    """Return the images among the entries, and the rest."""
    images = [e for e in entries if e.suffix.lower() in SUFFIXES and not e.is_dir()]
    return images, [e for e in entries if e not in set(images)]


def read_image(data: bytes, where: str, image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the pixels of one image that is given as the bytes of its file, in this shape.

    Raises DataError as `load_images` does; `where` names the image.
    """
    size, grey = _common([], image_shape)
    return _pixels(BytesIO(data), size, grey, where)


@contextmanager
def _opened(file: Path | BinaryIO, where: str = "") -> Iterator["Image"]:
    """Open an image; whatever Pillow's decoders raise becomes one DataError that names it."""
    image_module = require("PIL.Image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is judged here, a damaged comment is nothing
            with image_module.open(file, formats=_FORMATS) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise ValueError(
                        f"it has {image.width} x {image.height} pixels, more than {_MOST_PIXELS}"
                    )
                yield image
    except Exception as error:
        raise DataError(
            f"{where or file} must be a sound image in the format {', '.join(_FORMATS)}, but it "
            f"cannot be read ({error}). Repair or remove it."
        ) from error


def _turned(image: "Image") -> bool:
    """Whether the camera noted that the picture stands on its side."""
    return image.format in ("JPEG", "WEBP") and image.getexif().get(_ORIENTATION, 1) >= 5


def _look(file: Path) -> Look:
    with _opened(file) as image:
        size = (image.height, image.width) if _turned(image) else image.size
        palette = image.getpalette("RGB") if image.mode == "P" else None
        grey_palette = palette is not None and palette[::3] == palette[1::3] == palette[2::3]
        return Look(size, image.mode in _GREY or grey_palette)


def _common(looks: list[Look], shape: tuple[int, ...] | None) -> tuple[tuple[int, int], bool]:
    """Return the size (width, height) and colour that all images are brought to."""
    if shape is not None:
        return (shape[1], shape[0]), len(shape) == 2
    size, _ = Counter(look.size for look in looks).most_common(1)[0]
    return size, all(look.grey for look in looks)


def _pixels(
    file: Path | BinaryIO, size: tuple[int, int], grey: bool, where: str = ""
) -> NDArray[np.uint8]:
    image_module = require("PIL.Image")
    with _opened(file, where) as opened:
        image = opened
        if image.format in ("JPEG", "WEBP"):
            image = require("PIL.ImageOps").exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits of grey, of which 8 are kept
            image = image_module.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.has_transparency_data:
            white = image_module.new("RGBA", image.size, "white")
            image = image_module.alpha_composite(white, image.convert("RGBA"))
        image = image.convert("L" if grey else "RGB")
        if image.size != size:
            image = image.resize(size, image_module.Resampling.LANCZOS)
        return np.asarray(image)


def _notes(
    looks: list[Look], size: tuple[int, int], grey: bool, labels: list[str], others: int
) -> Iterator[str]:
    if labels:
        yield f"The classes are the names of the {len(set(labels))} folders."
    other_sizes = sum(look.size != size for look in looks)
    if other_sizes:
        yield (
            f"{other_sizes} of {len(looks)} images had another size and were brought to "
            f"{size[0]} x {size[1]} pixels."
        )
    if grey and not all(look.grey for look in looks):
        yield f"{sum(not look.grey for look in looks)} images in colour were made grey."
    if not grey and any(look.grey for look in looks):
        yield f"{sum(look.grey for look in looks)} grey images were read as colours."
    if others:
        yield f"{others} other files or folders were left out."


def _fingerprint(root: Path, found: list[Path]) -> str:
    """Return the hash of the names and contents of all images."""
    total = hashlib.sha256()
    for file in found:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{digest} {_relative(file, root)}\n".encode(errors="surrogateescape"))
    return f"sha256:{total.hexdigest()}"


def _relative(file: Path, root: Path) -> str:
    return file.name if file == root else file.relative_to(root).as_posix()

"""A zip of images in a folder for each class, unpacked without trusting a word of it.

Nothing is extracted by the name it has in the archive. A class folder is created under its own
name only if that is one harmless part of a path on every system; its images are numbered.
"""

import errno
import stat
import struct
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from luce.data.images import SUFFIXES, require_image
from luce.errors import DataError
from luce.server.ui.bodies import BodyTooLarge

MOST_BYTES = 2 << 30  # of all images together
MOST_IMAGE_BYTES = 128 << 20  # 25 megapixels without compression are 75 MB
MOST_FILES = 65_535  # more need the format's extension, in which a directory may have any size
_DIRECTORY = 32 << 20  # bytes of the archive's list of names
_LONGEST = 100  # bytes in the name of a class
_END = struct.Struct("<4s4H2LH")
_FORBIDDEN = frozenset('\\/:*?"<>|')
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


class _Member(NamedTuple):
    info: zipfile.ZipInfo
    class_name: str
    suffix: str


def unpack_images(archive: Path, folder: Path) -> int:
    """Unpack the images of an archive into one folder a class; return how many there are.

    Raises
    ------
    BodyTooLarge
        The archive is a bomb, or holds more than is taken.
    DataError
        It is damaged or encrypted, a name in it leads out of it, it holds links, a file that is no
        sound image of at most 25 megapixels, or no folders of images.
    """
    require_small_directory(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _images(opened)
            left = MOST_BYTES
            for number, member in enumerate(members, 1):
                place = folder / member.class_name
                _create(place)
                left -= _extract(opened, member, place / f"{number:06d}{member.suffix}", left)
    except (DataError, BodyTooLarge):
        raise
    except Exception as error:  # zipfile and the decompressors raise a dozen kinds
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _damaged(error) from error
    return len(members)


def require_small_directory(archive: Path) -> None:
    """Refuse an archive whose list of names alone could fill the memory.

    Python reads the whole list when it opens an archive, before anybody could count.
    """
    size = archive.stat().st_size
    with archive.open("rb") as stream:
        stream.seek(max(0, size - _END.size - 65_535 - 20))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise _damaged("its end is missing")
    _, _, _, _, count, directory, _, _ = _END.unpack_from(tail, at)
    extended = tail[max(0, at - 20) : at].startswith(b"PK\x06\x07")
    if extended or count >= MOST_FILES or directory > _DIRECTORY:
        raise BodyTooLarge(
            f"an archive may list at most {MOST_FILES:,} files, but this one lists more. Send fewer"
            " images, or give the folder to luce ui on the command line."
        )


def _images(opened: zipfile.ZipFile) -> list[_Member]:
    """The images and their classes; names are checked first, all of them."""
    found: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    claimed = 0
    for info in opened.infolist():
        path = _checked_path(info)
        claimed += info.file_size
        if claimed > MOST_BYTES:
            raise _bomb()
        ours = path.suffix.lower() in SUFFIXES and not set(path.parts) & set(_LITTER)
        if ours and not info.is_dir() and not path.name.startswith("."):
            found.append((info, path))
    depth = _common_depth([path for _, path in found])
    for _, path in found:
        if len(path.parts) != depth + 2:
            raise DataError(
                "the archive must hold one folder of images for each class, side by side, but"
                f" {_shown(str(path))} lies elsewhere. Sort the images into class folders."
            )
    return [_Member(info, path.parts[depth], path.suffix.lower()) for info, path in found]


def _common_depth(paths: list[PurePosixPath]) -> int:
    """How many folders all images are in: a zip of a folder has one around the classes."""
    if not paths:
        raise DataError(
            f"the archive must hold images ({', '.join(SUFFIXES)}) in a folder for each class, but"
            " there are none. Zip the class folders."
        )
    folders = [path.parts[:-1] for path in paths]
    shortest = min(map(len, folders))
    depth = 0
    while depth < shortest - 1 and len({parts[depth] for parts in folders}) == 1:
        depth += 1
    return depth


def _checked_path(info: zipfile.ZipInfo) -> PurePosixPath:
    """The path of a member, whose parts are plain names."""
    parts = unicodedata.normalize("NFC", info.orig_filename).rstrip("/").split("/")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(
            f"the archive must hold folders and images only, but {_shown(info.orig_filename)} is a"
            " link or a device. Zip the images themselves."
        )
    if info.flag_bits & 1:
        raise DataError("the archive must not be encrypted, but it is. Zip it without a password.")
    for part in parts:
        if not _is_plain(part):
            raise DataError(
                "every name in the archive must be a plain name of a file or folder, but"
                f" {_shown(info.orig_filename)} is not: it might lead out of the archive, or does"
                " not exist on other systems. Rename it."
            )
    return PurePosixPath(*parts)


def _is_plain(part: str) -> bool:
    return (
        part != ""
        and part == part.strip(" ").rstrip(".")  # so neither "." nor ".."
        and part.isprintable()
        and not _FORBIDDEN & set(part)
        and part.partition(".")[0].casefold() not in _RESERVED
        and len(part.encode()) <= _LONGEST
    )


def _create(place: Path) -> None:
    """Create a class folder; another spelling of it may already be there where case is ignored."""
    if not place.exists():
        place.mkdir(mode=0o700)
    elif place.name not in {entry.name for entry in place.parent.iterdir()}:
        raise DataError(
            f"class folders must differ in more than capitals, but {place.name!r} does not. Rename"
            " it."
        )


def _extract(opened: zipfile.ZipFile, member: _Member, path: Path, left: int) -> int:
    """Write one image and return its size; the size that the archive claims is not believed."""
    most, size = min(left, MOST_IMAGE_BYTES), 0
    with opened.open(member.info) as source, path.open("xb") as target:
        while block := source.read(1 << 20):
            size += len(block)
            if size > most:
                raise _bomb()
            target.write(block)
    try:
        require_image(path)
    except DataError as error:
        raise DataError(str(error).replace(str(path), _shown(member.info.orig_filename))) from error
    return size


def _shown(name: str) -> str:
    return repr(name[:200])


def _bomb() -> BodyTooLarge:
    return BodyTooLarge(
        f"an archive must unpack to at most {MOST_BYTES:,} bytes, and each image to"
        f" {MOST_IMAGE_BYTES:,}, but it goes on. Send smaller images, or fewer."
    )


def _damaged(why: object) -> DataError:
    return DataError(
        f"the file must be a whole zip archive, but it is damaged or of another kind ({why}). Zip"
        " the folders again."
    )

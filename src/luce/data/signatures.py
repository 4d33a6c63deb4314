"""What a file really is, by its first bytes: a workbook called ``.csv`` gets a clear answer."""

from luce.errors import DataError

HEAD = 512

_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)


def real_type(head: bytes) -> str | None:
    """Return the type that the first bytes give away, or None where they look like plain text.

    >>> real_type(b"PAR1...")
    'a Parquet file'
    >>> real_type(b"age,label")
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if len(head) > 3 and head[1::2].count(0) > len(head) // 4:
        return "text in UTF-16"
    return None


def require_text(head: bytes, wanted: str, where: str) -> None:
    """Refuse a file whose first bytes are those of something else than text."""
    found = real_type(head)
    if found is None:
        return
    remedy = (
        "Save it again in UTF-8."
        if "UTF-16" in found
        else "Give it the name ending of its kind, or export it as CSV in UTF-8."
    )
    raise DataError(f"{where} must be {wanted}, but it is {found}. {remedy}")

"""What there is to know about the named sets without reading them; needs no other package."""

from dataclasses import dataclass
from pathlib import Path

from luce.data.suggest import did_you_mean
from luce.errors import DataError


@dataclass(frozen=True)
class SetInfo:
    """What there is to know about a named set before it is read."""

    name: str
    rows: int
    features: int
    classes: int
    kind: str
    splits: tuple[str, ...]
    home: str
    about: str


def named_sets() -> list[SetInfo]:
    """Return the data sets that can be asked for by name.

    >>> [info.name for info in named_sets()]
    ['digits', 'iris', 'wine', 'breast_cancer', 'fashion-mnist']
    """
    return [*_SETS.values()]


def set_info(source: str | Path) -> SetInfo | None:
    """Return the set whose name a source spells; capitals and ``_`` for ``-`` do not matter.

    >>> set_info("Fashion_MNIST").name, set_info("a.csv")
    ('fashion-mnist', None)
    """
    return _SETS.get(_key(source))


def is_named(source: str | Path) -> bool:
    """Return whether a source is the name of a set (see `set_info`)."""
    return set_info(source) is not None


def has_test_split(source: str | Path) -> bool:
    """Return whether a source is a named set with a standard test split.

    >>> has_test_split("fashion-mnist"), has_test_split("digits"), has_test_split("a.csv")
    (True, False, False)
    """
    info = set_info(source)
    return info is not None and "test" in info.splits


def require_exists(source: str | Path) -> None:
    """Refuse what is neither the name of a set nor the path of anything."""
    path = Path(source)
    try:
        if is_named(source) or (str(source) and path.exists()):
            return
        nearby = [str(entry) for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:  # a name that is too long, a folder that may not be entered
        reason = error.strerror
        raise DataError(f"{str(source)!r:.200} cannot be read: {reason}. Check the path.") from None
    sets = [info.name for info in named_sets()]
    raise DataError(
        f"data must be a named set or an existing path, got {str(source)!r:.200}."
        f"{did_you_mean(str(source), sets) or did_you_mean(str(path), nearby)} "
        f"Named sets: {', '.join(sets)}. Paths: a table (CSV, TSV, JSONL, Parquet), arrays (NPZ, "
        "IDX), a .txt file of labelled lines, or a folder of images by class."
    )


def _key(source: str | Path) -> str:
    return str(source).casefold().replace("_", "-")


FASHION_HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_UCI = "https://archive.ics.uci.edu/dataset"
_DIGITS = "handwritten digits, 8 x 8 grey"
_IRIS = "sizes of iris flowers, three species"
_WINE = "chemistry of wines from three growers"
_CANCER = "cell nuclei of breast tumours, malignant or benign"
_FASHION = "articles of clothing, 28 x 28 grey"
_BOTH = ("train", "test")

_SETS = {
    _key(info.name): info
    for info in (
        SetInfo("digits", 1797, 64, 10, "images", (), f"{_UCI}/80", _DIGITS),
        SetInfo("iris", 150, 4, 3, "table", (), f"{_UCI}/53", _IRIS),
        SetInfo("wine", 178, 13, 3, "table", (), f"{_UCI}/109", _WINE),
        SetInfo("breast_cancer", 569, 30, 2, "table", (), f"{_UCI}/17", _CANCER),
        SetInfo("fashion-mnist", 70000, 784, 10, "images", _BOTH, FASHION_HOME, _FASHION),
    )
}

"""The one door to all data: a name or a path in, a data set out."""

from collections.abc import Collection
from pathlib import Path

from luce.data import files, tables
from luce.data.arrays import Arrays, as_floats, kind_of, labels_of, require_finite_array
from luce.data.dataset import Dataset, without
from luce.data.encoding import Encoding, namer_for
from luce.data.idx import read_idx_pair
from luce.data.images import SUFFIXES as IMAGE_SUFFIXES
from luce.data.images import load_images
from luce.data.labelled_lines import SUFFIXES as LINE_SUFFIXES
from luce.data.labelled_lines import TARGET, line_column, load_lines
from luce.data.named import load_named
from luce.data.npz import read_npy, read_npz
from luce.data.set_infos import is_named, require_exists
from luce.data.signatures import HEAD, real_type
from luce.data.suggest import listed
from luce.data.targets import require_classes
from luce.errors import DataError, ParameterError

_SPLITS = (None, "train", "test", "all")


def load(
    source: str | Path,
    *,
    target: str | None = None,
    split: str | None = None,
    needs_target: bool = True,
    categorical: Collection[str] = (),
    text: Collection[str] = (),
    ignore: Collection[str] = (),
    no_header: bool = False,
    encoding: Encoding | None = None,
) -> Dataset:
    """Load a named set or a file.

    Parameters
    ----------
    source : the name of a set (see `named_sets`), or the path of

        - a table: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` (also with ``.gz``) or ``.parquet``
        - texts: ``.txt`` (also with ``.gz``), a text a line, with fastText's ``__label__x`` first
        - arrays: ``.npz`` with ``X`` and ``y`` (or images and labels), ``.npy``
        - IDX files: the images, gzipped or not; the labels are found beside them
        - images: a folder with a folder of PNG, JPEG, WebP or BMP files for each class

        A name goes before a path: write ``./iris`` for a file called iris.
    target : the column (or array) of the labels; without it the one named target, label or class,
        else the last column
    split : ``"train"``, ``"test"`` or ``"all"`` of a named set; None is the part to learn from
    needs_target : False for rows to predict: nothing is taken for the target that is not asked
        for, and nothing is judged that only learning needs
    categorical : columns to be read as categories whatever is in them
    text : columns to be read as text; without it, long texts are where there is nothing else
    ignore : columns of a table to leave out, whatever is in them
    no_header : whether a CSV or TSV file begins with a row; its columns are then called
        column_1, column_2, ... A model that was trained so reads all files so
    encoding : the encoding of a model that the rows are for. Images are then read in its size, and
        columns and classes are not judged again: the model knows what they are

    Returns
    -------
    Dataset
        Its ``notes`` tell every guess that was made.

    Raises
    ------
    DataError
        The source is missing or cannot be used; the message says what, where and what to do.
    ParameterError
        There is no such split.
    MissingExtraError
        A package is needed that is not installed.

    Examples
    --------
    >>> iris = load("iris")
    >>> len(iris), iris.features.columns[0], iris.class_names
    (150, 'sepal length (cm)', ('setosa', 'versicolor', 'virginica'))
    """
    if split not in _SPLITS:
        raise ParameterError(f"split must be train, test or all, got {split!r}.")
    named = is_named(source)
    delimited = not named and files.inner_suffix(Path(source)) in tables.SEPARATORS
    namer = namer_for(encoding, no_header, str(source), delimited=delimited)
    if named:
        return without(load_named(source, split), ignore, str(source))
    path, learning = Path(source), needs_target and encoding is None
    if split == "test":
        raise ParameterError(
            f"only named sets have a standard split, got split={split!r} for {path}. Leave it out."
        )
    require_exists(source)
    if ignore and (path.is_dir() or files.inner_suffix(path) not in tables.SUFFIXES):
        raise DataError(
            f"only columns of a table can be left out, got {listed(ignore)}, but {path} is no"
            " table. Leave the option out."
        )
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        shape = None if encoding is None else encoding.image_shape
        dataset = load_images(path, needs_target=needs_target, image_shape=shape)
        return _with_classes(dataset, str(path)) if learning else dataset
    files.require_file(path)
    if files.inner_suffix(path) in tables.SUFFIXES:
        return tables.load_table(
            path,
            target=target,
            needs_target=needs_target,
            categorical=categorical,
            text=text,
            ignore=ignore,
            learning=learning,
            namer=namer,
        )
    if files.inner_suffix(path) in LINE_SUFFIXES:
        return load_lines(
            path,
            target=target or TARGET,
            column=line_column(encoding),
            needs_target=needs_target,
            learning=learning,
        )
    dataset = _load_arrays(path, target, needs_target)
    return _with_classes(dataset, str(path)) if learning else dataset


def _load_arrays(path: Path, target: str | None, needs_target: bool) -> Dataset:
    where = str(path)
    arrays = _read_arrays(path, target, needs_target)
    kind = kind_of(arrays.features, where)
    require_finite_array(arrays.features, where)
    rows = len(arrays.features)
    labels = arrays.labels
    return Dataset(
        name=path.name.partition(".")[0],
        kind=kind,
        features=as_floats(arrays.features, where) if kind == "array" else arrays.features,
        target=None if labels is None else labels_of(labels, rows, where),
        target_name=arrays.target_name,
        notes=tuple(arrays.notes),
        fingerprint=files.fingerprint(path),
    )


def _read_arrays(path: Path, target: str | None, needs_target: bool) -> Arrays:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return read_npz(path, target=target, needs_target=needs_target)
    if suffix == ".npy":
        if needs_target:
            raise DataError(
                f"{path} holds one array and so no labels. Write features and labels together: "
                "numpy.savez(file, X=..., y=...)."
            )
        return Arrays(read_npy(path), None, None, [])
    if "idx" in path.name.lower():
        return read_idx_pair(path, needs_target=needs_target)
    with path.open("rb") as stream:
        found = real_type(stream.read(HEAD)) or "unknown to luce"
    known = ".csv, .tsv, .jsonl, .ndjson, .parquet, .txt, .npz, .npy, .idx or an image"
    raise DataError(
        f"the name of a data file must end in {known} (.gz may follow for text and IDX), got "
        f"{path.name!r}; by its content it is {found}. Rename it."
    )


def _with_classes(dataset: Dataset, where: str) -> Dataset:
    if dataset.target is not None:
        require_classes(dataset.target, dataset.target_name or "labels", where)
    return dataset

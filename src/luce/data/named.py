"""Reads the sets with a name: four that come with scikit-learn, and Fashion-MNIST."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import files
from luce.data.dataset import Dataset
from luce.data.extras import require
from luce.data.idx import read_idx
from luce.data.kinds import Kind
from luce.data.set_infos import FASHION_HOME, SetInfo, set_info
from luce.errors import DataError, ParameterError


def load_named(source: str | Path, split: str | None) -> Dataset:
    """Load a named set; without a split the rows to learn from."""
    info = set_info(source)
    assert info is not None, "the caller has asked is_named"
    if split == "test" and "test" not in info.splits:
        raise ParameterError(
            f"{info.name} has no standard test split. Leave out the split: part of its rows can be "
            "set aside instead."
        )
    if info.home == FASHION_HOME:
        return _fashion_mnist(info, split or "train")
    return _bundled(info)


def _bundled(info: SetInfo) -> Dataset:
    """Read a set that scikit-learn brings along: no file, no network."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{info.name}")()
    images = info.kind == "images"
    features = (
        bunch.images if images else pl.DataFrame(bunch.data, schema=list(bunch.feature_names))
    )
    return Dataset(
        name=info.name,
        kind=info.kind,
        features=features,
        target=bunch.target.astype(np.int64),
        target_name="target",
        class_names=tuple(str(name) for name in bunch.target_names),
        fingerprint=_array_fingerprint(bunch.data, bunch.target),
        kinds={} if images else dict.fromkeys(bunch.feature_names, Kind.NUMBER),
    )


def _array_fingerprint(*arrays: NDArray[Any]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str} {array.shape}\n".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return f"sha256:{total.hexdigest()}"


_FASHION_FILES = {
    "train-images-idx3": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def _fashion_mnist(info: SetInfo, split: str) -> Dataset:
    parts = {"train": ["train"], "test": ["t10k"], "all": ["train", "t10k"]}[split]
    names = [(f"{part}-images-idx3", f"{part}-labels-idx1") for part in parts]
    images = [read_idx(_fashion_file(name)) for name, _ in names]
    labels = [read_idx(_fashion_file(name)) for _, name in names]
    hashes = [_FASHION_FILES[name] for pair in names for name in pair]
    return Dataset(
        name=info.name,
        kind=info.kind,
        features=images[0] if len(parts) == 1 else np.concatenate(images),
        target=np.concatenate(labels).astype(np.int64),
        target_name="label",
        class_names=_FASHION_CLASSES,
        notes=(f"The standard {split} split.",) if split != "all" else (),
        fingerprint=f"sha256:{hashlib.sha256(' '.join(hashes).encode()).hexdigest()}",
    )


def _fashion_file(name: str) -> Path:
    """Return one of the four files, from ``$LUCE_DATA`` or else from the cache or the network."""
    folder = os.environ.get("LUCE_DATA")
    path = Path(folder or "") / "fashion_mnist" / f"{name}-ubyte.gz"
    if not (folder and path.is_file()):
        return _download(path.name, f"sha256:{_FASHION_FILES[name]}")
    if files.fingerprint(path) != f"sha256:{_FASHION_FILES[name]}":
        raise DataError(
            f"{path} must be the official file of Fashion-MNIST, but its SHA-256 differs: it is "
            f"damaged or another version. Copy it again, or fetch it from {FASHION_HOME}."
        )
    return path


def _download(name: str, known_hash: str) -> Path:
    pooch = require("pooch")
    folder = Path(pooch.os_cache("luce")) / "fashion_mnist"
    try:
        return Path(pooch.retrieve(f"{FASHION_HOME}{name}", known_hash, fname=name, path=folder))
    except (OSError, ValueError) as error:  # no network, no permission; or the wrong hash
        raise DataError(
            f"fashion-mnist must be downloaded once, but {name} could not be fetched from "
            f"{FASHION_HOME} ({type(error).__name__}). Check the network; or put the four files "
            f"into {folder}, or into a folder fashion_mnist below the one that LUCE_DATA names."
        ) from error

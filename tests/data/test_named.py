import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from luce.data import load, named_sets
from luce.errors import DataError, MissingExtraError, ParameterError

FASHION = Path(os.environ.get("LUCE_DATA", "")) / "fashion_mnist"
needs_fashion = pytest.mark.skipif(
    not os.environ.get("LUCE_DATA") or not FASHION.is_dir(), reason="LUCE_DATA has no fashion_mnist"
)


@pytest.mark.parametrize("info", named_sets()[:4], ids=lambda info: info.name)
def test_bundled_sets_are_those_of_scikit_learn(info):
    dataset, bunch = load(info.name), getattr(datasets, f"load_{info.name}")()
    features = dataset.features
    if info.kind == "table":
        assert features.columns == list(bunch.feature_names)
        features = features.to_numpy()
    np.testing.assert_array_equal(features.reshape(len(dataset), -1), bunch.data)
    np.testing.assert_array_equal(dataset.target, bunch.target)
    assert dataset.class_names == tuple(map(str, bunch.target_names))
    assert (len(dataset), bunch.data.shape[1]) == (info.rows, info.features)
    assert (len(dataset.class_names), dataset.kind) == (info.classes, info.kind)
    assert dataset.fingerprint == load(info.name).fingerprint


def test_sets_without_a_test_split_say_so():
    assert len(load("iris", split="all")) == len(load("iris", split="train")) == 150
    with pytest.raises(ParameterError, match="iris has no standard test split"):
        load("iris", split="test")


@needs_fashion
def test_fashion_mnist_has_its_splits():
    train, test, everything = (load("fashion-mnist", split=s) for s in ("train", "test", "all"))
    assert (len(train), len(test), len(everything)) == (60_000, 10_000, 70_000)
    assert len(load("fashion-mnist")) == 60_000
    np.testing.assert_array_equal(everything.features[60_000:], test.features)
    assert train.features.dtype == np.uint8
    assert train.features.mean() / 255 == pytest.approx(0.2860, abs=1e-4)  # the published constant
    assert np.bincount(train.target).tolist() == [6000] * 10
    assert train.class_names[train.target[0]] == "Ankle boot"
    assert len({train.fingerprint, test.fingerprint, everything.fingerprint}) == 3


def test_a_foreign_file_under_the_right_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("LUCE_DATA", str(tmp_path))
    (tmp_path / "fashion_mnist").mkdir()
    data = b"\0\0\x08\x03" + struct.pack(">3I", 1, 1, 1) + b"\0"
    (tmp_path / "fashion_mnist" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(data))
    with pytest.raises(DataError, match="SHA-256 differs"):
        load("fashion-mnist")


@pytest.mark.parametrize("failure", [ConnectionError("offline"), ValueError("wrong hash")])
def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch, failure):
    def retrieve(url, known_hash, fname, path):
        assert url == (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz"
        )
        assert known_hash.startswith("sha256:3aede38d")
        raise failure

    monkeypatch.setenv("LUCE_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", retrieve)
    with pytest.raises(DataError, match=r"could not be fetched.*LUCE_DATA"):
        load("fashion-mnist")


@needs_fashion
def test_a_download_is_read_like_the_files_themselves(monkeypatch):
    monkeypatch.delenv("LUCE_DATA")
    monkeypatch.setattr("pooch.retrieve", lambda url, known, fname, path: str(FASHION / fname))
    assert len(load("fashion-mnist", split="test")) == 10_000


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("LUCE_DATA", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"package pooch.*pip install 'luce\[app\]'"):
        load("fashion-mnist")

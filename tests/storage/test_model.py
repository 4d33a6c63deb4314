import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.models import container, entries, metadata, model_bytes, tensors
from safetensors.numpy import load_file

from luce.errors import ModelFileError, WriteError
from luce.storage import FORMAT_VERSION, ModelFile, load_model, save_model


def load_bytes(folder: Path, data: bytes) -> ModelFile:
    path = folder / "m.safetensors"
    path.write_bytes(data)
    return load_model(path)


def assert_equal(model: ModelFile, weights: dict, meta: dict) -> None:
    assert model.metadata == meta
    assert model.tensors.keys() == weights.keys()
    for name, tensor in weights.items():
        assert model.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(model.tensors[name], tensor, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_saved_loads_equal(tmp_path, dtype):
    weights = tensors(dtype)
    save_model(tmp_path / "m", weights, metadata())
    assert_equal(load_model(tmp_path / "m"), weights, metadata())


def test_weights_can_be_changed_after_loading(tmp_path):
    save_model(tmp_path / "m", tensors(), metadata())
    load_model(tmp_path / "m").tensors["coef"][0, 0] = 7


def test_the_safetensors_library_reads_what_we_write(tmp_path):
    save_model(tmp_path / "m", tensors(), metadata())
    for name, tensor in load_file(tmp_path / "m").items():
        np.testing.assert_array_equal(tensor, tensors()[name], strict=True)


def test_we_read_what_an_independent_writer_writes(tmp_path):
    assert_equal(load_bytes(tmp_path, model_bytes()), tensors(), metadata())


def test_any_memory_layout_is_saved(tmp_path):
    plain = tensors()
    odd = {
        "coef": np.asfortranarray(plain["coef"]).astype(">f8"),
        "intercept": np.repeat(plain["intercept"], 2)[::2],
    }
    save_model(tmp_path / "m", odd, metadata())
    np.testing.assert_array_equal(load_model(tmp_path / "m").tensors["coef"], plain["coef"])


def test_the_same_model_gives_the_same_bytes(tmp_path):
    save_model(tmp_path / "a", tensors(), metadata())
    save_model(tmp_path / "b", dict(reversed(tensors().items())), metadata())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_two_classes_may_share_one_row_of_weights(tmp_path):
    meta = metadata(classes={"kind": "bool", "values": [False, True]}, class_names=["no", "yes"])
    for rows in (1, 2):
        weights = {"coef": np.zeros((rows, 4)), "intercept": np.zeros(rows)}
        assert_equal(load_bytes(tmp_path, model_bytes(meta, weights)), weights, meta)


def changed(path: str, value: object) -> dict:
    """Metadata in which one field, named with dots, has another value."""
    meta = json.loads(json.dumps(metadata()))
    *parents, last = path.split(".")
    place = meta
    for name in parents:
        place = place[name]
    place[last] = value
    return meta


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", "other"),
        ("version", 0),
        ("version", True),
        ("version", "1"),
        ("luce_version", 1),
        ("created", None),
        ("estimator", "os.system"),
        ("estimator", ["SoftmaxRegression"]),
        ("classes", []),
        ("classes.kind", "object"),
        ("classes.kind", {}),
        ("classes.values", "abc"),
        ("classes.values", ["a", "a", "b"]),
        ("classes.values", ["a"]),
        ("classes.values", ["a", 1, "b"]),
        ("classes", {"kind": "int", "values": [0, 1, True]}),
        ("classes", {"kind": "int", "values": [0, 1, 2**63]}),
        ("classes", {"kind": "int", "values": [0, 1, 2.0]}),
        ("class_names", ["a", "b"]),
        ("class_names", ["a", "b", 3]),
        ("class_names", ["a", "b", "b"]),
        ("class_names", "abc"),
        ("encoding", None),
        ("options", []),
        ("metrics", 0),
        ("data", {}),
        ("data.rows", -1),
        ("data.rows", 1.5),
        ("data.name", None),
        ("data.fingerprint", 3),
        ("data.target", 3),
        ("training.n_iter", None),
        ("training.gap", "small"),
        ("training.converged", 1),
        ("extra", 1),
    ],
)
def test_each_field_of_the_metadata_is_checked_and_named(tmp_path, path, value):
    with pytest.raises(ModelFileError) as caught:
        load_bytes(tmp_path, model_bytes(changed(path, value)))
    named = path.split(".")[0] if path != "extra" else "metadata"
    assert f"metadata.{named}" in str(caught.value) or named == "metadata"
    assert "must" in str(caught.value)


CALIBRATED = {"version": 2, "calibration": {"kind": "temperature", "rows": 12}}


def test_version_2_may_hold_a_calibration_and_version_1_may_not(tmp_path):
    more = tensors() | {"calibration.inverse_temperature": np.array([0.5])}
    meta = metadata(**CALIBRATED)
    assert_equal(load_bytes(tmp_path, model_bytes(meta, more)), more, meta)
    save_model(tmp_path / "m", more, meta)
    assert_equal(load_model(tmp_path / "m"), more, meta)
    plain = metadata(version=2, calibration=None)
    assert_equal(load_bytes(tmp_path, model_bytes(plain)), tensors(), plain)
    for wrong, weights, words in [
        (meta, tensors(), "hold calibration.NAME"),
        (plain, more, "tensors must be coef and intercept,"),
        (metadata(), more, "tensors must be coef and intercept,"),
        (meta, more | {"other": np.zeros(1)}, "coef and intercept and calibration.NAME"),
        (meta, more | {"calibration.x": np.array([np.nan])}, "calibration.x must be finite"),
        (metadata(calibration=None), tensors(), "no field but"),
        (metadata(version=2), tensors(), "the field 'calibration'"),
        (metadata(version=2, calibration={}), tensors(), "the field 'kind'"),
        (metadata(version=2, calibration=[]), tensors(), "metadata.calibration must be an object"),
        (metadata(version=2, calibration={"kind": 1}), tensors(), "calibration.kind must be text"),
    ]:
        with pytest.raises(ModelFileError, match=words):
            load_bytes(tmp_path, model_bytes(wrong, weights))


@pytest.mark.parametrize("field", sorted(metadata()))
def test_no_field_may_be_missing(tmp_path, field):
    meta = metadata()
    del meta[field]
    with pytest.raises(ModelFileError, match=field):
        load_bytes(tmp_path, model_bytes(meta))


def test_a_newer_format_is_refused_with_the_version_that_reads_it(tmp_path):
    newer = {"format": "luce-model", "version": FORMAT_VERSION + 1, "luce_version": "7.2.0"}
    with pytest.raises(ModelFileError, match=r"pip install 'luce>=7\.2\.0'"):
        load_bytes(tmp_path, model_bytes(newer))
    with pytest.raises(ModelFileError, match="pip install --upgrade luce"):
        load_bytes(tmp_path, model_bytes(newer | {"luce_version": "1'; rm -rf ~"}))


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("coef", np.zeros((2, 4)), "tensor coef must have the shape"),
        ("coef", np.zeros(12), "tensor coef must have the shape"),
        ("coef", np.zeros((3, 4), np.float32), "tensor intercept must be float32"),
        ("coef", np.zeros((3, 4), np.int64), "coef must be float32 or float64, got int64"),
        ("coef", np.zeros((3, 4), np.int32), "must be one of F32, F64, I64, U8, got 'I32'"),
        ("intercept", np.zeros(4), "tensor intercept must have the shape"),
        (
            "intercept",
            np.array([0, np.nan, 0]),
            r"intercept must be finite everywhere, got nan at \[1",
        ),
        ("coef", np.full((3, 4), np.inf), r"coef must be finite everywhere, got inf at \[0, 0\]"),
        ("__import__", np.zeros(3), "tensors must be coef and intercept"),
    ],
)
def test_weights_are_checked(tmp_path, name, tensor, words):
    weights = tensors() | {name: tensor}
    with pytest.raises(ModelFileError, match=words):
        load_bytes(tmp_path, model_bytes(weights=weights))


def test_the_vocabulary_of_a_text_encoding_may_be_bytes_and_whole_numbers(tmp_path):
    meta = metadata(version=2, calibration=None, encoding={"kind": "text"})
    words = {"text.0.terms": np.arange(5, dtype=np.uint8), "text.0.ends": np.arange(5)}
    save_model(tmp_path / "m", tensors() | words, meta)
    loaded = load_model(tmp_path / "m")
    for name, tensor in words.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(loaded.tensors[name], tensor)


ENTRY = entries({"coef": np.zeros((3, 4))})["coef"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (ENTRY | {"data_offsets": [8, 104]}, "side by side"),
        (ENTRY | {"shape": [3, 5]}, "span 120 bytes"),
        (ENTRY | {"shape": [2**40, 2**40]}, "span"),
        (ENTRY | {"shape": [-3, -4]}, "whole numbers"),
        (ENTRY | {"shape": [3.0, 4]}, "whole numbers"),
        (ENTRY | {"shape": [True, 12]}, "whole numbers"),
        (ENTRY | {"shape": [1] * 9}, "at most 8 sizes"),
        (ENTRY | {"shape": None}, "list"),
        (ENTRY | {"data_offsets": [96, 0]}, "span"),
        (ENTRY | {"data_offsets": [0]}, "begin and an end"),
        (ENTRY | {"data_offsets": [0, 2**63]}, "whole numbers"),
        (ENTRY | {"dtype": "F16"}, "one of F32, F64"),
        (ENTRY | {"dtype": []}, "one of F32, F64"),
        (ENTRY | {"more": 1}, "have dtype, shape and data_offsets"),
        ([], "have dtype, shape and data_offsets"),
    ],
)
def test_a_wrong_entry_of_the_header_is_refused(tmp_path, entry, words):
    with pytest.raises(ModelFileError, match=words):
        load_bytes(tmp_path, model_bytes(coef=entry))


def test_tensors_may_not_overlap_nor_leave_bytes_over(tmp_path):
    overlapping = entries(tensors())["intercept"] | {"data_offsets": [72, 96]}
    with pytest.raises(ModelFileError, match="'intercept' overlaps"):
        load_bytes(tmp_path, model_bytes(intercept=overlapping))
    with pytest.raises(ModelFileError, match="fill the file"):
        load_bytes(tmp_path, model_bytes() + b"\0")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('{"a": 1, "a": 2}', "key 'a' must occur once"),
        ('{"__metadata__": {"luce": "", "luce": ""}}', "key 'luce' must occur once"),
        ('{"__metadata__": {"luce": 1}}', "object of texts"),
        ('{"__metadata__": []}', "object of texts"),
        ("{}", "hold one entry, luce"),
        ('{"a": NaN}', "finite"),
        ('{"a": 1e999}', "finite"),
        ('{"a": "\\ud800"}', "Unicode"),
        ('{"a": ' + "[" * 100_000, "nested"),
        ('{"a":' * 40 + "1" + "}" * 40, "nested"),
        ('{"a": ' + "9" * 5000 + "}", "JSON"),
        ("{" + "," * 300_000, "values"),
        ("{'a': 1}", "JSON"),
        ("{} {}", "JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
    ],
)
def test_a_hostile_header_is_refused(tmp_path, header, words):
    with pytest.raises(ModelFileError, match=words):
        load_bytes(tmp_path, container(header))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": "luce-model", "format": "luce-model"}', "metadata: key 'format' must occur"),
        ('{"format": NaN}', "metadata: numbers must be finite"),
        ("[" * 10_000, "nested"),
        ("[]", r"metadata\.format"),
        ("", "metadata must be JSON"),
    ],
)
def test_hostile_metadata_are_refused(tmp_path, text, words):
    with pytest.raises(ModelFileError, match=words):
        load_bytes(tmp_path, model_bytes(text=text))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file"),
        (b"1234567", "7 bytes in all"),
        (b"\0" * 8, "8 bytes in all"),
        (b"\0" * 64, "begin with"),
        (container("{}", length=2**32), "at most 8,388,608 bytes"),
        (container("{}", length=2**63), "at most 8,388,608 bytes"),
        (container("{}", length=2**64 - 1), "at most 8,388,608 bytes"),
        (container("{}", length=3), "fit into the file"),
        (container("[]"), "begin with"),
        (model_bytes()[:-1], "fill the file"),
        (model_bytes()[:40], "fit into the file"),
        (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07builtins", "a Python pickle"),
        (b"\x93NUMPY\x01\0v\0{'descr': '<f8'", "a NumPy .npy file"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "a gzip file"),
        (b"\x78\x9c\x03\0\0\0\0\x01", "zlib"),
        (b"\x89HDF\r\n\x1a\n\0\0", "HDF5"),
        (b'{"format": "luce-model"}', "a JSON file"),
        (b"cos\nsystem\n(S'true'\ntR.", "at most"),
    ],
)
def test_what_is_no_model_is_refused_by_its_name(tmp_path, data, words):
    with pytest.raises(ModelFileError, match=words):
        load_bytes(tmp_path, data)


def test_archives_are_refused_by_name(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", b"")
    with pytest.raises(ModelFileError, match="a zip archive"):
        load_bytes(tmp_path, buffer.getvalue())


def test_a_header_that_begins_like_a_pickle_is_still_a_model(tmp_path):
    """A length of 640 + 256 n bytes begins with the bytes 80 02, as a pickle of protocol 2 does."""
    plain = model_bytes()
    length = int.from_bytes(plain[:8], "little")
    padding = -(length - 0x0280) % 0x10000
    padded = container(plain[8 : 8 + length] + b" " * padding, plain[8 + length :])
    assert padded.startswith(b"\x80\x02")
    assert_equal(load_bytes(tmp_path, padded), tensors(), metadata())


def test_each_flipped_bit_of_weights_and_metadata_is_found(tmp_path):
    plain = model_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(8, len(plain), 300):
        raw = bytearray(plain)
        raw[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(ModelFileError):
            load_bytes(tmp_path, bytes(raw))


mutations = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 2000), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("insert"), st.integers(0, 2000), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("delete"), st.integers(0, 2000), st.integers(1, 200)),
    st.tuples(st.just("repeat"), st.integers(0, 2000), st.integers(1, 200)),
)


def mutated(data: bytes, kind: str, at: int, what: bytes | int) -> bytes:
    at %= len(data) + 1
    head, tail = data[:at], data[at:]
    match kind, what:
        case "set", bytes():
            return head + what + tail[len(what) :]
        case "insert", bytes():
            return head + what + tail
        case "delete", int():
            return head + tail[what:]
        case _:
            return head + tail[:what] + tail


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(mutations, min_size=1, max_size=3), st.booleans())
def test_a_mutated_file_loads_equal_or_is_refused(tmp_path, steps, keep_length):
    data = model_bytes()
    for step in steps:
        data = mutated(data, *step)
    if keep_length:  # lets mutations of the header get past the first check
        data = container(data[8:-120], data[-120:]) if len(data) > 200 else data
    try:
        model = load_bytes(tmp_path, data)
    except ModelFileError:
        return
    assert_equal(model, tensors(), metadata())


trees = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "values", "rows", "gap", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(metadata())), trees, min_size=1, max_size=3))
def test_any_json_in_any_field_is_accepted_or_refused(tmp_path, fields):
    meta = metadata(**fields)
    try:
        model = load_bytes(tmp_path, model_bytes(meta))
    except ModelFileError:
        return
    assert model.metadata == meta


def test_a_hostile_file_costs_little_memory(tmp_path):
    huge = {"dtype": "F64", "shape": [2**20, 2**20], "data_offsets": [0, 2**43]}
    data = model_bytes(coef=huge)
    tracemalloc.start()
    with pytest.raises(ModelFileError):
        load_bytes(tmp_path, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_file_above_the_limit_is_not_read(tmp_path):
    path = tmp_path / "m"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(ModelFileError, match="raise max_bytes"):
        load_model(path)


def test_paths_that_are_no_files_are_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe", "/dev/zero", "nul\0"):
        with pytest.raises(ModelFileError):
            load_model(path)


@pytest.mark.parametrize(
    ("weights", "meta", "words"),
    [
        ({"coef": np.full((3, 4), np.nan)}, {}, "finite"),
        (
            {"coef": np.zeros((3, 4), np.float16)},
            {},
            "float32, float64, int64 or uint8, got float16",
        ),
        ({"coef": np.zeros((5, 4))}, {}, "shape"),
        ({}, {"options": {"C": np.int64(1)}}, r"metadata\.options\.C must be a JSON value"),
        ({}, {"options": {"C": float("nan")}}, r"metadata\.options\.C must be a finite number"),
        ({}, {"options": {1: 2}}, "text as keys"),
        ({}, {"encoding": {"levels": ["x" * 100] * 100_000}}, "header"),
        ({}, {"version": FORMAT_VERSION + 1}, "version"),
    ],
)
def test_what_would_not_load_is_not_saved(tmp_path, weights, meta, words):
    save_model(tmp_path / "m", tensors(), metadata())
    with pytest.raises(ModelFileError, match=words):
        save_model(tmp_path / "m", tensors() | weights, metadata(**meta))
    assert_equal(load_model(tmp_path / "m"), tensors(), metadata())


def test_an_unwritable_place_leaves_nothing(tmp_path):
    with pytest.raises(WriteError):
        save_model(tmp_path / "missing" / "m", tensors(), metadata())
    assert list(tmp_path.iterdir()) == []


def test_storage_imports_nothing_that_could_load_code():
    script = (
        "import sys, numpy; before = set(sys.modules); import luce.storage;"
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('luce')))"
    )
    command = [sys.executable, "-c", script]
    path = os.pathsep.join(sys.path)
    answer = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert not {"pickle", "_pickle", "joblib", "torch", "sklearn", "marshal"} & set(
        answer.stdout.split()
    )


def network(**changes):
    """The tensors of a network 2 - 4 - 5 - 3, and its metadata."""
    found = {
        "mlp.centre": np.zeros(2),
        "mlp.scale": np.ones(2),
        "mlp.weight.0": np.ones((4, 2), np.float32),
        "mlp.bias.0": np.ones(4, np.float32),
        "mlp.weight.1": np.ones((5, 4), np.float32),
        "mlp.bias.1": np.ones(5, np.float32),
        "coef": np.ones((3, 5), np.float32),
        "intercept": np.ones(3, np.float32),
    } | changes
    classes = {"kind": "int", "values": [0, 1, 2]}
    meta = metadata(
        version=3,
        estimator="SoftmaxMLP",
        calibration=None,
        classes=classes,
        class_names=None,
    )
    return {name: tensor for name, tensor in found.items() if tensor is not None}, meta


def test_version_3_may_hold_a_network(tmp_path):
    weights, meta = network()
    save_model(tmp_path / "m", weights, meta)
    assert_equal(load_model(tmp_path / "m"), weights, meta)
    with pytest.raises(ModelFileError, match=r"metadata\.estimator must be one of"):
        load_bytes(tmp_path, model_bytes(meta | {"version": 2}, weights))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mlp.bias.1": None}, "the tensors of mlp must be"),
        ({"mlp.more": np.zeros(2)}, "the tensors of mlp must be"),
        ({"mlp.weight.1": np.ones((5, 3), np.float32)}, "take the 4 outputs before it"),
        ({"mlp.weight.0": np.ones((4, 2))}, "mlp.weight.0 must be float32"),
        ({"mlp.bias.0": np.ones(3, np.float32)}, "mlp.bias.0 must be float32 of shape"),
        ({"mlp.scale": np.array([1.0, 0.0])}, "mlp.scale must be above 0"),
        ({"mlp.scale": np.ones(3)}, "mlp.scale must have the shape"),
        ({"coef": np.ones((1, 5), np.float32), "intercept": np.ones(1, np.float32)}, "coef must"),
        ({"mlp.centre": np.array([0.0, np.nan])}, "mlp.centre must be finite"),
    ],
)
def test_the_layers_of_a_network_must_fit_each_other(tmp_path, changes, words):
    weights, meta = network(**changes)
    with pytest.raises(ModelFileError, match=words):
        load_bytes(tmp_path, model_bytes(meta, weights))

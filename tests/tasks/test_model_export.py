"""Exported models predict what the model predicts, in the library they were exported to."""

import importlib.util
import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.models import metadata
from scipy.special import log_softmax

from luce import SoftmaxRegression
from luce.data import encoding_from_json
from luce.errors import MissingExtraError, ModelFileError, ParameterError
from luce.estimators.calibration_choice import fitted_calibrator
from luce.functions.perceptron import Perceptron
from luce.tasks import Model, export, model_export
from luce.tasks.calibration import Calibration, calibrate
from luce.tasks.exporting import numpy_file, onnx_graph, sklearn_script, torch_layer
from luce.tasks.exporting.layer import layer
from luce.tasks.model_kinds import NetworkClassifier

pytestmark = pytest.mark.once

KINDS = {
    "str": ["bee", "cicada, or 蝉", "ant'\"\\"],
    "int": [10, -3, 7],
    "bool": [False, True],
    "float": [5.0, 15.0, -2.0],
}


def model_of(kind="str", k=3, dtype="float64", names=None, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(60, 4)).astype(dtype) * [1, 100, 0.01, 1] + [0, 1000, 0, 5]
    codes = np.arange(60) % k
    X[:, 0] += codes
    values = KINDS[kind][:k]
    y = np.array(values, dtype=object if kind == "str" else None)[codes]
    classifier = SoftmaxRegression().fit(X.astype(dtype), y)
    tree = metadata(
        classes={"kind": kind, "values": classifier.classes_.tolist()},
        class_names=names,
        options={"C": 1.0},
        encoding={"kind": "array", "features": 4, "dtype": dtype},
    )
    return Model(classifier, encoding_from_json(tree["encoding"]), tree), X.astype(dtype)


EVERY_MODEL = pytest.mark.parametrize(
    ("kind", "k"), [("str", 3), ("str", 2), ("int", 3), ("int", 2), ("bool", 2), ("float", 3)]
)


@EVERY_MODEL
def test_arrays_hold_the_softmax_and_need_no_pickle(kind, k, tmp_path):
    model, X = model_of(kind, k)
    path = tmp_path / "model.npz"
    path.write_bytes(numpy_file.to_bytes(layer(model)))
    with np.load(path, allow_pickle=False) as file:
        z = X @ file["coef"].T + file["intercept"]
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(p, model.classifier.predict_proba(X), rtol=1e-10)
        predicted = file["classes"][z.argmax(axis=1)]
        assert predicted.tolist() == model.classifier.predict(X).tolist()
        assert file["feature_names"].tolist() == list(model.encoding.feature_names)
        assert file["class_names"].tolist() == list(model.names)


@EVERY_MODEL
def test_a_layer_for_torch_holds_the_softmax(kind, k):
    safetensors = pytest.importorskip("safetensors.numpy")
    model, X = model_of(kind, k)
    state = safetensors.load(torch_layer.to_bytes(layer(model)))
    assert state.keys() == {"weight", "bias"}
    z = X @ state["weight"].T + state["bias"]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, model.classifier.predict_proba(X), rtol=1e-10)


def test_torch_loads_the_layer():
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.numpy")
    model, X = model_of(dtype="float32")
    state = safetensors.load(torch_layer.to_bytes(layer(model)))
    linear = torch.nn.Linear(4, 3)
    linear.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    with torch.no_grad():
        p = torch.softmax(linear(torch.from_numpy(X)), dim=-1)
    np.testing.assert_allclose(p.numpy(), model.classifier.predict_proba(X), atol=1e-5)


@EVERY_MODEL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_script_builds_scikit_learns_estimator(kind, k, dtype, tmp_path):
    model, X = model_of(kind, k, dtype=dtype)
    script = tmp_path / "exported.py"
    script.write_bytes(sklearn_script.to_bytes(model, dtype))
    twin = imported(script).model
    assert type(twin).__module__.startswith("sklearn.")
    assert twin.coef_.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    expected = model.classifier.predict_proba(X)
    np.testing.assert_allclose(twin.predict_proba(X), expected, atol=tolerance)
    assert twin.predict(X).tolist() == model.classifier.predict(X).tolist()
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    twin.fit(scaled, model.classifier.predict(X))  # its options are those of an estimator


def imported(script: Path):
    spec = importlib.util.spec_from_file_location("exported", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@EVERY_MODEL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_onnxruntime_predicts_the_same(kind, k, dtype):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, X = model_of(kind, k, dtype=dtype)
    content = onnx_graph.to_bytes(layer(model))
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.shape) == ("features", ["rows", 4])
    assert [o.name for o in session.get_outputs()] == ["label", "probabilities"]
    for rows in (X, X[:1], X[:0]):
        label, p = session.run(None, {"features": rows})
        assert p.dtype == dtype
        if len(rows):
            expected = model.classifier.predict_proba(rows)
            tolerance = 1e-12 if dtype == "float64" else 1e-5
            np.testing.assert_allclose(p, expected, atol=tolerance)
            np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
            assert label.tolist() == model.classifier.predict(rows).tolist()
    names = session.get_modelmeta().custom_metadata_map
    assert json.loads(names["class_names"]) == list(model.names)
    assert json.loads(names["feature_names"]) == list(model.encoding.feature_names)


def test_the_graph_has_plain_operators_only():
    onnx = pytest.importorskip("onnx")
    graph = onnx.load_from_string(onnx_graph.to_bytes(layer(model_of()[0])))
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", 17)]
    assert {node.op_type for node in graph.graph.node} == {
        "MatMul", "Add", "Softmax", "ArgMax", "Gather",
    }  # fmt: skip


def test_without_onnx_the_line_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'luce\[onnx\]'"):
        onnx_graph.to_bytes(layer(model_of()[0]))


# The task


@pytest.fixture
def saved(tmp_path):
    pytest.importorskip("safetensors")
    model, _ = model_of(names=["A", "B", "C"])
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    ("name", "form"), [("m.npz", "npz"), ("m.NPZ", "npz"), ("m.py", "sklearn"), ("m", "torch")]
)
def test_the_suffix_tells_the_form(saved, name, form):
    out = saved.parent / name
    done = export(saved, out, form=form if name == "m" else None)
    assert done[:5] == (out, form, "float64", 4, 3)
    assert out.stat().st_size > 0
    assert done.note == ""


def test_the_dtype_can_be_chosen(saved):
    export(saved, saved.parent / "m.npz", dtype="float32")
    with np.load(saved.parent / "m.npz") as file:
        assert file["coef"].dtype == np.float32
        assert file["class_names"].tolist() == ["A", "B", "C"]


def test_a_table_is_told_to_need_its_encoding():
    model, _ = model_of()
    encoding = type("Table", (), {"columns": tuple("abcdef"), "feature_names": tuple("abcd")})()
    told = model_export._note(Model(model.classifier, encoding, model.metadata))
    assert "4 features that luce computes from the columns a, b, c, d, e, ..." in told


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("m.h5", {}, r"suffix must tell the form \(\.onnx, \.py, \.safetensors, \.npz\), got"),
        ("m.npz", {"form": "keras"}, "one of onnx, sklearn, torch, npz, got 'keras'"),
        ("m.npz", {"dtype": "float16"}, "one of float32, float64, got 'float16'"),
    ],
)
def test_unknown_forms_are_refused_and_nothing_is_written(saved, out, options, message):
    with pytest.raises(ParameterError, match=message):
        export(saved, saved.parent / out, **options)
    assert not (saved.parent / out).exists()


def calibrated(kind, k=3):
    model, X = model_of(k=k)
    labels = model.classifier.classes_[np.random.default_rng(0).integers(0, k, 60)]
    labels[::2] = model.classifier.predict(X)[::2]
    found = calibrate(kind, model.classifier, X, labels)
    return replace(model, calibration=found), X


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("kind", ["temperature", "vector", "matrix"])
def test_a_calibration_goes_along(kind, k, tmp_path):
    model, X = calibrated(kind, k)
    expected = model.probabilities(X)
    plain = model.classifier.predict_proba(X)
    assert np.abs(expected - plain).max() > 0.01
    (tmp_path / "m.npz").write_bytes(numpy_file.to_bytes(layer(model)))
    with np.load(tmp_path / "m.npz") as file:
        z = X @ file["coef"].T + file["intercept"]
        if kind != "temperature":
            log_p = log_softmax(z, axis=1)
            z = log_p @ file["calibration_matrix"].T + file["calibration_shift"]
    np.testing.assert_allclose(np.exp(log_softmax(z, axis=1)), expected, atol=1e-10)
    if kind == "temperature":
        script = tmp_path / "exported.py"
        script.write_bytes(sklearn_script.to_bytes(model, "float64"))
        twin = imported(script).model
        np.testing.assert_allclose(twin.predict_proba(X), expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["temperature", "vector", "matrix"])
def test_onnxruntime_calibrates(kind):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, X = calibrated(kind)
    content = onnx_graph.to_bytes(layer(model))
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    label, p = session.run(None, {"features": X})
    expected = model.probabilities(X)
    np.testing.assert_allclose(p, expected, atol=1e-12)
    assert label.tolist() == model.classifier.classes_[expected.argmax(axis=1)].tolist()


def test_what_is_not_linear_has_no_place_in_a_linear_layer():
    for form in ("torch", "sklearn"):
        with pytest.raises(ParameterError, match=r"must be linear.*--to onnx or npz"):
            model_export._check_linear(layer(calibrated("vector")[0]), form)
    with pytest.raises(ParameterError, match="temperature, vector or matrix to be exported"):
        layer(calibrated("isotonic")[0])


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(ModelFileError):
        export(tmp_path / "none.safetensors", tmp_path / "m.npz")


def network_of(k=3, dtype="float64", layers=(5, 4), kind="str"):
    """A network of random weights, and rows in raw units."""
    random = np.random.default_rng(1)
    sizes = [4, *layers, k]
    weights = [random.normal(size=pair).astype(dtype) for pair in itertools.pairwise(sizes)]
    biases = [random.normal(size=n).astype(dtype) for n in sizes[1:]]
    X = random.normal(size=(60, 4)) * [1, 100, 0.01, 1] + [0, 1000, 0, 5]
    network = Perceptron(X.mean(axis=0), X.std(axis=0), weights, biases)
    values = np.array(KINDS[kind][:k], dtype=object if kind == "str" else None)
    tree = metadata(
        estimator="SoftmaxMLP",
        version=3,
        classes={"kind": kind, "values": values.tolist()},
        class_names=None,
        options={},
        encoding={"kind": "array", "features": 4, "dtype": dtype},
    )
    classifier = NetworkClassifier(network, values, {})
    return Model(classifier, encoding_from_json(tree["encoding"]), tree), X.astype(dtype)


NETWORKS = pytest.mark.parametrize(("k", "layers"), [(3, (5, 4)), (2, (5,)), (3, ())])


@NETWORKS
def test_arrays_hold_a_network(k, layers, tmp_path):
    model, X = network_of(k, layers=layers)
    path = tmp_path / "model.npz"
    path.write_bytes(numpy_file.to_bytes(layer(model)))
    with np.load(path, allow_pickle=False) as file:
        h = (X - file["centre"]) / file["scale"]
        for i in range(len(layers)):
            h = np.maximum(h @ file[f"hidden_coef_{i}"].T + file[f"hidden_intercept_{i}"], 0)
        z = h @ file["coef"].T + file["intercept"]
    np.testing.assert_allclose(np.exp(log_softmax(z, axis=1)), model.probabilities(X), rtol=1e-10)


@NETWORKS
@pytest.mark.parametrize("calibration", [None, "temperature", "matrix"])
def test_onnxruntime_runs_a_network(k, layers, calibration):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, X = network_of(k, layers=layers)
    if calibration:
        codes = np.random.default_rng(2).integers(k, size=len(X))
        found = fitted_calibrator(calibration, model.network.network.logits(X), codes)
        model = replace(model, calibration=Calibration(found, {"kind": calibration}))
    session = runtime.InferenceSession(
        onnx_graph.to_bytes(layer(model)), providers=["CPUExecutionProvider"]
    )
    label, p = session.run(None, {"features": X})
    expected = model.probabilities(X)
    np.testing.assert_allclose(p, expected, atol=1e-12)
    assert label.tolist() == model.classifier.classes_[expected.argmax(axis=1)].tolist()


def test_a_network_in_float32_is_exported_in_float32_or_float64():
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, X = network_of(dtype="float32")
    for dtype in ("float32", "float64"):
        content = onnx_graph.to_bytes(layer(model).astype(dtype))
        session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
        _, p = session.run(None, {"features": X.astype(dtype)})
        np.testing.assert_allclose(p, model.probabilities(X), atol=1e-4)


@pytest.mark.parametrize("form", ["torch", "sklearn"])
def test_a_network_has_no_place_in_a_linear_layer(form):
    with pytest.raises(ParameterError, match=r"must be linear, got a network.*--to onnx or npz"):
        model_export._check_linear(layer(network_of()[0]), form)

"""The Open Inference Protocol, as a client that knows only its specification speaks it."""

import json
import struct

import numpy as np
import polars as pl
import pytest

from luce.server.api.served import Served
from luce.tasks.crowds import predict_rows

pytestmark = pytest.mark.once

INFER = "/v2/models/{}/infer"


def tensor(name, datatype, values, shape=None):
    return {"name": name, "datatype": datatype, "shape": shape or [len(values)], "data": values}


def outputs(answer):
    assert answer.status == 200, answer.body
    return {one["name"]: one for one in answer.json["outputs"]}


def test_metadata_and_health(serving, runs):
    with serving(runs["images"]) as wire:
        server = wire.ask("GET", "/v2").json
        assert (server["name"], server["extensions"]) == ("luce", ["binary_tensor_data"])
        for path in ("/v2/models/images", "/v2/models/images/versions/1"):
            model = wire.ask("GET", path).json
            assert (model["name"], model["versions"]) == ("images", ["1"])
            assert model["inputs"] == [{"name": "X", "datatype": "UINT8", "shape": [-1, 8, 8]}]
            assert model["outputs"][1]["shape"] == [-1, 3]
            assert wire.ask("GET", f"{path}/ready").json == {"name": "images", "ready": True}
        assert wire.ask("GET", "/v2/health/live").json == {"live": True}
        assert wire.ask("GET", "/v2/health/ready").json == {"ready": True}


@pytest.mark.parametrize("datatype", ["UINT8", "INT32", "FP32", "FP64", "FP16"])
def test_arrays_of_any_datatype_nested_or_flat(serving, runs, datatype):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 8))
    served = Served.load(runs["images"])
    expected = predict_rows(served.model, pixels.astype(np.uint8))
    with serving(runs["images"]) as wire:
        for data, shape in (
            (pixels.tolist(), [2, 8, 8]),
            (pixels.reshape(-1).tolist(), [2, 8, 8]),
            (pixels.reshape(2, 64).tolist(), [2, 64]),
        ):
            request = {"id": "42", "inputs": [tensor("X", datatype, data, shape)]}
            answer = wire.post(INFER.format("images"), request)
            found = outputs(answer)
            assert (answer.json["id"], answer.json["model_version"]) == ("42", "1")
            assert found["probabilities"]["data"] == expected.reshape(-1).tolist()
            assert found["probabilities"]["shape"] == [2, 3]
            assert found["probabilities"]["datatype"] == "FP32"
            assert found["predictions"]["datatype"] == "BYTES"
            winners = [str(one) for one in np.array(served.labels)[expected.argmax(axis=1)]]
            assert found["predictions"]["data"] == winners


def test_a_table_has_an_input_for_each_column(serving, runs):
    inputs = [
        tensor("size", "FP64", [1.0, 2.5]),
        tensor("colour", "BYTES", ["red", None]),
        tensor("new", "BOOL", [True, False], [2, 1]),
        tensor("day", "BYTES", ["2024-01-01", "2024-03-01"]),
    ]
    frame = pl.DataFrame({one["name"]: one["data"] for one in inputs})
    expected = predict_rows(Served.load(runs["table"]).model, frame)
    with serving(runs["table"]) as wire:
        model = wire.ask("GET", "/v2/models/table").json
        assert [(one["name"], one["datatype"]) for one in model["inputs"]] == [
            ("size", "FP64"),
            ("colour", "BYTES"),
            ("new", "BOOL"),
            ("day", "BYTES"),
        ]
        request = {"inputs": inputs, "outputs": [{"name": "probabilities"}]}
        found = outputs(wire.post(INFER.format("table"), request))
        assert list(found) == ["probabilities"]
        assert found["probabilities"]["data"] == expected.reshape(-1).tolist()


def binary_request(tree, data):
    head = json.dumps(tree).encode()
    return head + data, {"inference_header_content_length": str(len(head))}


def test_tensors_may_be_bytes(serving, runs):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 8)).astype(np.uint8)
    expected = predict_rows(Served.load(runs["images"]).model, pixels)
    one = {"name": "X", "datatype": "UINT8", "shape": [2, 8, 8]}
    one["parameters"] = {"binary_data_size": 128}
    for request in (
        {"inputs": [one], "parameters": {"binary_data_output": True}},
        {
            "inputs": [one],
            "outputs": [
                {"name": "predictions", "parameters": {"binary_data": True}},
                {"name": "probabilities", "parameters": {"binary_data": True}},
            ],
        },
    ):
        body, headers = binary_request(request, pixels.tobytes())
        with serving(runs["images"]) as wire:
            answer = wire.ask("POST", INFER.format("images"), body, **headers)
        cut = int(answer.headers["inference-header-content-length"])
        names, p = json.loads(answer.body[:cut])["outputs"]
        size = names["parameters"]["binary_data_size"]
        texts, numbers = answer.body[cut : cut + size], answer.body[cut + size :]
        assert p["parameters"]["binary_data_size"] == len(numbers) == 2 * 3 * 4
        np.testing.assert_array_equal(np.frombuffer(numbers, "<f4").reshape(2, 3), expected)
        assert texts == b"".join(
            struct.pack("<I", 1) + str(code).encode() for code in expected.argmax(axis=1)
        )


def test_texts_may_be_bytes_too(serving, runs):
    data = b"".join(struct.pack("<I", len(t)) + t for t in (b"cats", "dögs".encode()))
    one = {"name": "text", "datatype": "BYTES", "shape": [2]}
    one["parameters"] = {"binary_data_size": len(data)}
    with serving(runs["texts"]) as wire:
        body, headers = binary_request({"inputs": [one]}, data)
        found = outputs(wire.ask("POST", INFER.format("texts"), body, **headers))
        listed = {"inputs": [tensor("text", "BYTES", ["cats", "dögs"])]}
        again = outputs(wire.post(INFER.format("texts"), listed))
        assert found["probabilities"] == again["probabilities"]


GOOD = tensor("X", "FP64", [1, 2, 3], [1, 3])


@pytest.mark.parametrize(
    "request_",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": [GOOD, GOOD]},
        {"inputs": [{**GOOD, "name": "Y"}]},
        {"inputs": [{**GOOD, "shape": [3]}]},
        {"inputs": [{**GOOD, "shape": [3, 1]}]},
        {"inputs": [{**GOOD, "shape": [1, 2]}]},
        {"inputs": [{**GOOD, "shape": [-1, 3]}]},
        {"inputs": [{**GOOD, "shape": [True, 3]}]},
        {"inputs": [{**GOOD, "shape": [1.0, 3]}]},
        {"inputs": [{**GOOD, "shape": [2**40, 2**40]}]},
        {"inputs": [{**GOOD, "shape": [0, 3], "data": []}]},
        {"inputs": [{**GOOD, "shape": [1] * 20}]},
        {"inputs": [{**GOOD, "datatype": "FP128"}]},
        {"inputs": [{**GOOD, "datatype": "BYTES"}]},
        {"inputs": [{**GOOD, "datatype": "BOOL"}]},
        {"inputs": [{**GOOD, "datatype": ["FP64"]}]},
        {"inputs": [{**GOOD, "datatype": "UINT8", "data": [1, 2, 256]}]},
        {"inputs": [{**GOOD, "datatype": "UINT8", "data": [1, 2, -1]}]},
        {"inputs": [{**GOOD, "datatype": "INT64", "data": [1, 2, 2**70]}]},
        {"inputs": [{**GOOD, "datatype": "INT64", "data": [1, 2, 0.5]}]},
        {"inputs": [{**GOOD, "data": [1, 2, 10**400]}]},
        {"inputs": [{**GOOD, "data": [1, 2, True]}]},
        {"inputs": [{**GOOD, "data": [1, 2, None]}]},
        {"inputs": [{**GOOD, "data": [[1, 2], 3]}]},
        {"inputs": [{**GOOD, "data": "abc"}]},
        {"inputs": [{**GOOD, "data": {"0": 1}}]},
        {"inputs": [{**GOOD, "parameters": {"binary_data_size": 24}}]},
        {"inputs": [{**GOOD, "parameters": {"binary_data_size": -1}}]},
        {"inputs": [GOOD], "outputs": [{"name": "other"}]},
        {"inputs": [GOOD], "outputs": "all"},
        {"inputs": [GOOD], "outputs": [{}]},
        {"inputs": [GOOD], "outputs": [{"name": "probabilities"}] * 2},
        {"inputs": [GOOD], "id": 7},
        {"inputs": [GOOD], "parameters": []},
        {"inputs": "http://169.254.169.254"},
    ],
    ids=lambda tree: json.dumps(tree)[:90],
)
def test_what_breaks_the_protocol_is_refused_in_its_words(arrays_wire, request_):
    answer = arrays_wire.post(INFER.format("arrays"), request_)
    assert answer.status == 400, answer.body
    assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize(
    ("header", "data", "size"),
    [("x", b"", 0), ("-1", b"", 0), ("99999", b"", 0), ("1" * 20, b"", 0), (None, b"abc", 24)],
)
def test_broken_binary_requests_are_refused(arrays_wire, header, data, size):
    one = {"name": "X", "datatype": "FP64", "shape": [1, 3]}
    one["parameters"] = {"binary_data_size": size}
    body, headers = binary_request({"inputs": [one]}, data)
    if header is not None:
        headers = {"inference_header_content_length": header}
    assert arrays_wire.ask("POST", INFER.format("arrays"), body, **headers).status == 400


def test_other_media_types_are_refused(arrays_wire):
    body = json.dumps({"inputs": [GOOD]}).encode()
    path = INFER.format("arrays")
    assert arrays_wire.ask("POST", path, body, content_type="text/plain").status == 415
    assert arrays_wire.ask("POST", path, body).status == 200  # as Triton's client does

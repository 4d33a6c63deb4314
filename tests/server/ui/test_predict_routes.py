import base64
import json
from io import BytesIO

import numpy as np
import polars as pl
import pytest
from PIL import Image
from reference.pages_client import client_of
from reference.runs import make_run

from luce.server.ui import predict_routes
from luce.server.ui.workspace import Workspace
from luce.tasks import load_model
from luce.tasks.prediction import Layout, predict

pytestmark = pytest.mark.once

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    make_run(runs / "digits", "digits")
    make_run(runs / "iris", "iris")
    data = tmp_path_factory.mktemp("data") / "table.csv"
    rng = np.random.default_rng(0)
    lines = ["size,colour,label"]
    for i in range(120):
        lines.append(f"{rng.normal(i % 3):.3f},{'rgb'[i % 3 if i % 4 else 0]},k{i % 3}")
    data.write_text("\n".join(lines) + "\n")
    make_run(runs / "table", str(data), target="label")
    found = Workspace(runs)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(workspace):
    return client_of(*predict_routes.routes(workspace))


def post(client, path, body):
    answer = client.post(f"/api/models/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sample(client, id, position=0):
    return client.get(f"/api/models/{id}/sample?position={position}").json()


@pytest.mark.parametrize("id", ["digits", "iris", "table"])
def test_the_probabilities_of_a_sample_are_those_of_the_run(client, workspace, id):
    frame = pl.read_csv(workspace.model(id).path / "predictions.csv", infer_schema_length=0)
    for position in (0, 7):
        found = sample(client, id, position)
        tree = post(client, f"{id}/predict", found["input"])
        line = frame.row(position)
        stated = [float(p) for p in line[-len(tree["probabilities"]) :]]
        np.testing.assert_allclose(
            tree["probabilities"],
            stated,
            rtol=2e-2 if id == "digits" else 1e-9,
            atol=2e-3 if id == "digits" else 1e-12,
        )
        assert found["row"] == int(line[0])
        assert tree["answer"] == int(np.argmax(tree["probabilities"]))


def test_the_probabilities_are_those_of_luce_predict_bit_for_bit(client, workspace, tmp_path):
    row = {"size": "0.731", "colour": "g"}
    (tmp_path / "row.csv").write_text("size,colour\n0.731,g\n")
    output = BytesIO()
    predict(workspace.model("table").path, str(tmp_path / "row.csv"), output, Layout(proba=True))
    line = output.getvalue().decode().splitlines()[1].split(",")
    tree = post(client, "table/predict", {"row": row})
    assert [float(cell) for cell in line[2:]] == tree["probabilities"]


def test_effects_add_up_whatever_they_are_compared_with(client):
    start = {"row": {"size": "1.5", "colour": "b"}}
    for extra in ({}, {"reference": "mean"}, {"against": 0}, {"against": 1}, {"against": 2}):
        tree = post(client, "table/predict", {**start, **extra})
        total = tree["offset"] + sum(e["logit"] for e in tree["effects"]) + tree["rest"]
        assert total == pytest.approx(tree["lead"], abs=1e-9)
        assert tree["against"] != tree["answer"]


def test_a_category_that_training_has_not_seen_is_told(client):
    tree = post(client, "table/predict", {"row": {"size": "1", "colour": "mauve"}})
    assert tree["unseen"] == ["colour"]


def test_what_stands_in_the_place_of_an_empty_cell_is_told(client):
    (cell,) = post(client, "table/predict", {"row": {"size": None, "colour": "r"}})["missing"]
    assert (cell["name"], cell["known"]) == ("size", False)
    own = post(client, "table/predict", {"row": {"size": cell["mean"], "colour": "r"}})
    lacking = post(client, "table/predict", {"row": {"size": None, "colour": "r"}})
    assert own["missing"] == []
    np.testing.assert_allclose(lacking["probabilities"], own["probabilities"], rtol=1e-2)
    assert post(client, "digits/predict", sample(client, "digits")["input"])["missing"] == []


def test_flips_of_a_row_change_the_answer(client):
    row = sample(client, "table")["input"]["row"]
    mine = post(client, "table/predict", {"row": row})["answer"]
    tree = post(client, "table/flips", {"row": row})
    assert tree["flips"]
    for flip in tree["flips"]:
        after = {"row": {**row, flip["column"]: str(flip["after"])}}
        assert post(client, "table/predict", after)["answer"] == flip["answer"] != mine


def test_the_nearest_image_has_the_answer_that_it_says(client):
    pixels = sample(client, "digits")["input"]["pixels"]
    tree = post(client, "digits/flips", {"pixels": pixels})["nearest"]
    assert tree["exact"]
    assert tree["answer"] != post(client, "digits/predict", {"pixels": pixels})["answer"]
    assert tree["image"]["width"] == tree["change"]["width"] == 8


def test_the_form_knows_the_fields_and_the_images(client):
    tree = client.get("/api/models/digits/form").json()
    assert tree["image_shape"] == [8, 8]
    assert tree["dark_ground"] is True
    assert tree["scale"] == 16
    assert tree["samples"] > 0
    tree = client.get("/api/models/table/form").json()
    assert [field["name"] for field in tree["fields"]] == ["size", "colour"]
    tree = client.get("/api/models/iris/form").json()
    assert len(tree["fields"]) == 4


def test_a_dropped_image_is_brought_to_the_size_of_the_model(client, workspace):
    buffer = BytesIO()
    Image.fromarray(np.full((40, 60, 3), 200, np.uint8)).save(buffer, "PNG")
    answer = client.post("/api/models/digits/image", content=buffer.getvalue())
    assert answer.status_code == 200
    tree = answer.json()
    assert (tree["width"], tree["height"], tree["colours"]) == (8, 8, 1)
    assert set(base64.b64decode(tree["data"])) == {200}
    assert list(workspace.private.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("table/predict", {"row": {"size": "1"}}, 422),
        ("table/predict", {"row": {"size": "tall", "colour": "r"}}, 422),
        ("table/predict", {"row": {"size": 1, "colour": "r"}}, 422),
        ("table/predict", {"row": {"size": "1e999", "colour": "r"}}, 422),
        ("table/predict", {"row": ["1", "r"]}, 400),
        ("table/predict", {}, 400),
        ("table/predict", {"row": {"size": "1", "colour": "r"}, "against": 3}, 400),
        ("table/predict", {"row": {"size": "1", "colour": "r"}, "against": "r"}, 400),
        ("table/predict", {"row": {"size": "1", "colour": "r"}, "against": True}, 400),
        ("table/predict", {"row": {"size": "1", "colour": "\ud800"}}, 400),
        ("table/predict", {"row": {"size": "1", "colour": "r"}, "reference": "best"}, 400),
        ("digits/predict", {"pixels": "AAAA"}, 400),
        ("digits/predict", {"pixels": 3}, 400),
        ("digits/predict", {"pixels": "*" * 88}, 400),
        ("nothing/predict", {}, 404),
    ],
)
def test_what_is_no_row_is_refused(client, path, body, status):
    answer = client.post(f"/api/models/{path}", content=json.dumps(body))
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[1]", b'{"row": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(client, body):
    answer = client.post("/api/models/table/predict", content=body, headers=JSON)
    assert answer.status_code == 400


def test_no_image_is_refused_and_leaves_nothing_behind(client, workspace):
    answer = client.post("/api/models/digits/image", content=b"GIF89a")
    assert answer.status_code == 422
    assert str(workspace.private) not in answer.text
    assert client.post("/api/models/table/image", content=b"").status_code == 400
    assert list(workspace.private.iterdir()) == []


def test_an_image_of_the_models_own_units_is_what_predict_sees(client, workspace):
    model = load_model(workspace.model("digits").path)
    pixels = np.zeros((8, 8), np.uint8)
    pixels[2:6, 3:5] = 255
    tree = post(client, "digits/predict", {"pixels": base64.b64encode(pixels.tobytes()).decode()})
    X = model.encoding.apply((pixels / 255.0 * 16)[None]).X
    np.testing.assert_allclose(tree["probabilities"], model.probabilities(X)[0], rtol=1e-6)


@pytest.mark.parametrize("path", ["table/predict", "table/flips"])
def test_a_row_whose_logits_overflow_is_refused(client, path):
    row = {"size": "-1.7e308", "colour": "r"}
    answer = client.post(f"/api/models/{path}", json={"row": row})
    assert answer.status_code == 422
    assert "'size' is -1.7e+308" in answer.json()["error"]["message"]

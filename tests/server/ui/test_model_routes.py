import json
import shutil

import pytest
from reference.pages_client import client_of
from reference.runs import make_run

from luce.errors import ModelFileError
from luce.server.ui import model_routes
from luce.server.ui.opened import OpenedModels
from luce.server.ui.workspace import ModelFile, Workspace

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    make_run(runs / "digits", "digits")
    shutil.copy(runs / "digits" / "model.safetensors", runs / "alone.safetensors")
    found = Workspace(runs, opened=runs / "alone.safetensors")
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(workspace):
    return client_of(*model_routes.routes(workspace))


@pytest.fixture(scope="module")
def figures(workspace):
    return json.loads((workspace.model("digits").path / "eval.json").read_text())


def get(client, path):
    answer = client.get(f"/api/models{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_models_are_listed_what_was_opened_first(client):
    models = get(client, "")["models"]
    assert [model["name"] for model in models] == ["alone.safetensors", "digits"]


def test_every_view_answers_with_figures_of_the_run(client, figures):
    assert get(client, "/digits")["figures"]["accuracy"] == figures["accuracy"]
    assert get(client, "/digits/confusions")["matrix"] == figures["confusion"]
    top = get(client, "/digits/reliability")
    assert top["bins"] == figures["reliability"]["top_label"]
    assert (
        get(client, "/digits/reliability?class=3")["bins"]
        == (figures["reliability"]["per_class"][figures["classes"][3]])
    )
    wrong = get(client, "/digits/rows?wrong=1")
    assert wrong["total"] == figures["rows"] - sum(
        line[i] for i, line in enumerate(figures["confusion"])
    )
    assert get(client, "/digits/rows?true=8&answer=8&limit=3")["rows"][0]["true"] == 8
    assert get(client, "/digits/weights")["kind"] == "images"
    assert get(client, "/digits/risk")["points"][-1]["coverage"] == 1
    assert get(client, "/digits/promise?max_risk=0.1")["max_risk"] == 0.1


def test_a_file_in_no_run_has_an_overview_and_weights_alone(client, workspace):
    id = workspace.models()[0].id
    assert get(client, f"/{id}")["run"] is None
    assert get(client, f"/{id}/weights")["kind"] == "images"
    answer = client.get(f"/api/models/{id}/rows")
    assert answer.status_code == 422
    assert "no run folder" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/..%2fdigits", 404),
        ("/digits/confusions?page=-1", 400),
        ("/digits/reliability?class=10", 400),
        ("/digits/rows?true=%00", 400),
        ("/digits/rows?order=worst", 400),
        ("/digits/rows?limit=61", 400),
        ("/digits/promise?max_risk=nan", 400),
        ("/digits/promise?max_risk=1", 400),
    ],
)
def test_what_makes_no_sense_is_refused(client, path, status):
    answer = client.get(f"/api/models{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_replaced_model_is_read_again(tmp_path):
    make_run(tmp_path / "runs" / "one", "digits")
    workspace = Workspace(tmp_path / "runs")
    client = client_of(*model_routes.routes(workspace))
    assert len(get(client, "/one")["classes"]) == 10
    make_run(tmp_path / "runs" / "one", "iris")
    assert len(get(client, "/one")["classes"]) == 3
    workspace.close()


def test_a_model_whose_file_is_gone_is_told(tmp_path):
    with pytest.raises(ModelFileError):
        OpenedModels().read(ModelFile("a", "a", tmp_path / "gone.safetensors", None))

"""What the Serve page gives to copy asks a real server, and gets what `luce predict` says."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from reference.programs import node

from luce.server.ui.opened import OpenedModels
from luce.server.ui.predict_routes import _form
from luce.server.ui.row_answers import sample
from luce.server.ui.workspace import ModelFile

pytestmark = pytest.mark.once
HERE = Path(__file__).parents[2] / "pages"
KINDS = ["table", "texts", "images", "arrays"]


@pytest.fixture(scope="module")
def shown(runs, tmp_path_factory):
    """The snippets for a row of each model; PORT stands for the port."""
    reader, cases = OpenedModels().read, []
    for kind in KINDS:
        file = ModelFile(kind, kind, runs[kind], None)
        row = sample(reader(file), 1)
        form = _form(reader, file)
        cases.append({"address": "http://127.0.0.1:PORT", "form": form, "sample": row})
    lacking = cases[0] | {"sample": {"input": {"row": dict.fromkeys(ROW, None) | {"size": "2.5"}}}}
    path = tmp_path_factory.mktemp("snippets") / "cases.json"
    path.write_text(json.dumps([*cases, lacking]))
    done = subprocess.run(
        [node(), str(HERE / "snippets.vectors.mjs")],
        env=os.environ | {"LUCE_CASES": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip([*KINDS, "lacking"], json.loads(done.stdout), strict=True))


ROW = ("size", "colour", "new", "day")


def run_curl(code):
    return run("sh", "-c", code)


def run_python(code):
    return json.dumps(ast.literal_eval(run(sys.executable, "-c", code)))  # it prints a dict


def run_javascript(code):
    told = code.replace("console.log(await answer.json())", "console.log(await answer.text())")
    assert told != code
    return run(node(), "--input-type=module", "-e", told)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


RUNNERS = {"curl": run_curl, "python": run_python, "javascript": run_javascript}


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
@pytest.mark.parametrize("kind", [*KINDS, "lacking"])
def test_both_protocols_in_all_languages_get_the_same_answer(runs, shown, serving, kind):
    folder = runs["table" if kind == "lacking" else kind]
    with serving(folder) as wire:
        told = {
            way: [
                json.loads(RUNNERS[name](code.replace("PORT", str(wire.port))))
                for name, code in codes.items()
            ]
            for way, codes in shown[kind].items()
        }
    for answers in told.values():
        assert len(answers) == 3
        assert all({**one, "seconds": 0} == {**answers[0], "seconds": 0} for one in answers)
    (prediction,), (p,) = (told["luce"][0][key] for key in ("predictions", "probabilities"))
    outputs = {one["name"]: one for one in told["kserve"][0]["outputs"]}
    assert outputs["predictions"]["data"] == [str(prediction)]
    assert outputs["probabilities"]["data"] == p
    if kind == "lacking":
        assert "null" not in shown[kind]["kserve"]["curl"]  # the protocol has none
    else:
        stated = pl.read_csv(folder / "predictions.csv", infer_schema=False)
        assert str(prediction) == stated["prediction"][1]

"""The command line and the Python that the Train page shows say what the form says."""

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from reference.programs import node

from luce.cli.train import command
from luce.tasks.options import OPTIONS, TrainOptions, resolve

pytestmark = pytest.mark.once

HERE = Path(__file__).parent
CASES = [
    {"data": "digits", "settings": {}},
    {"data": "my data.csv", "settings": {"target": "it's", "ignore": '"a, b",c', "C": 10}},
    {"data": "-odd.csv", "settings": {"text": "$HOME `x`", "tol": 1e-6, "calibrate": "auto"}},
    {
        "data": "字母.csv.gz",
        "settings": {"model": "mlp", "hidden": "64,32", "epochs": 40, "dropout": 0.5},
    },
    {"data": "b.tsv", "settings": {"no_header": True, "target": "column_1"}},
    {"data": "a.csv", "settings": {"solver": "adam", "learning_rate": 1e-20, "seed": 3}},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    table = [option.to_json() for option in OPTIONS.values() if option.name != "data"]
    path = tmp_path_factory.mktemp("commands") / "settings.json"
    path.write_text(json.dumps({"table": table, "cases": CASES}))
    done = subprocess.run(
        [node(), str(HERE / "commands.vectors.mjs")],
        env=os.environ | {"LUCE_SETTINGS": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def words_of(line):
    """The words of a command line as the shell reads them."""
    script = f"luce() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_both_mean_the_same_training(made, number, monkeypatch):
    case, (line, python) = CASES[number], made["made"][number]
    wanted = TrainOptions(data=case["data"], **case["settings"])
    verb, *arguments = words_of(line)
    assert verb == "train"
    flags = command.make_context("train", arguments).params
    given = {name: flags[name] for name in OPTIONS}
    assert given.pop("data").removeprefix("./") == case["data"]
    assert resolve(given | {"data": case["data"]}) == wanted
    trained = []
    monkeypatch.setattr(
        "luce.tasks.train", lambda options: trained.append(options) or Trained({"accuracy": 1.0})
    )
    exec(python, {})
    assert trained == [wanted]


class Trained(NamedTuple):
    figures: dict[str, float]
    run: str = "run"


def test_every_option_has_a_chinese_name(made):
    assert made["chinese"] == [name for name in OPTIONS if name != "data"]

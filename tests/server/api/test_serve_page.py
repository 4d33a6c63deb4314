"""The examples of docs/serve.md work as they stand there, but for the port."""

import contextlib
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from luce.tasks.options import TrainOptions
from luce.tasks.training import train

pytestmark = pytest.mark.once

PAGE = (Path(__file__).parents[3] / "docs" / "serve.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def block(language):
    (code,) = (code for kind, code in BLOCK.findall(PAGE) if kind == language)
    return code


@pytest.fixture
def port(serving, tmp_path, monkeypatch):
    monkeypatch.setattr("luce.tasks.training.write_report", lambda run: None)
    run = train(TrainOptions(data="iris"), out=tmp_path / "iris").run
    with serving(run) as wire:
        yield str(wire.port)


def comparable(text):
    return re.sub(r'"p": ([\d.e-]+)', lambda p: f'"p": {float(p[1]):.2f}', text.strip())


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_curl_gets_what_the_page_shows(port):
    calls = block("console").removeprefix("$ ").split("\n$ ")
    assert len(calls) == 3
    for shown in calls:
        lines = shown.splitlines()
        continued = [i for i, line in enumerate(lines) if line.startswith("    ")]
        inside = 1 + max(continued, default=0)
        command = "\n".join(lines[:inside]).replace("8000", port)
        answer = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60
        )
        assert comparable(answer.stdout) == comparable("\n".join(lines[inside:]))


def test_the_python_example_prints_what_the_page_says(port):
    code = block("python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.replace("8000", port), "serve.md", "exec"), {})
    assert printed.getvalue() == re.search(r"# (.*)$", code)[1] + "\n"


def test_every_route_and_status_of_the_page_is_one_that_there_is(serving, runs):
    with serving(runs["arrays"]) as wire:
        routes, tree = set(wire.api._routes), wire.ask("GET", "/openapi.json").json
    named = set(re.findall(r"`(/[\w./]+)`", PAGE)) - {"/v2/models/NAME/infer"}
    assert named <= routes
    told = {s for path in tree["paths"].values() for one in path.values() for s in one["responses"]}
    errors = PAGE.split("## Errors")[1].split("## Many")[0]
    statuses = set(re.findall(r"\b4\d\d\b|\b5\d\d\b", errors))
    assert statuses <= told

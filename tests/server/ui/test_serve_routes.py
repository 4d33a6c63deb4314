"""The server of a model is started, asked and stopped; here it is a small one of Python's own."""

import subprocess
import sys

import pytest
from reference.pages_client import client_of
from reference.runs import make_run
from reference.waiting import wait_for

from luce.server.ui import serve_routes
from luce.server.ui.serving import Servers
from luce.server.ui.workspace import Workspace

pytestmark = pytest.mark.once

ECHO = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(b"{}")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

server = HTTPServer(("127.0.0.1", 0), Handler)
print(f"Serving {sys.argv[1]} at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


CHILD = """
import sys
from pathlib import Path

assert "--until-stdin-ends" in sys.argv
sys.stdin.buffer.read()
Path({marker!r}).touch()
"""
PARENT = """
import sys
import time

from luce.server.ui.serving import Servers
from luce.server.ui.workspace import Workspace

runs, child = sys.argv[1:]
workspace = Workspace(runs)
Servers(workspace, (sys.executable, "-c", child)).start(workspace.model("iris"))
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def workspace(tmp_path):
    make_run(tmp_path / "runs" / "iris", "iris")
    found = Workspace(tmp_path / "runs")
    yield found
    found.close()


def started(workspace, *command):
    servers = Servers(workspace, command)
    return servers, client_of(*serve_routes.routes(workspace, servers))


def state(client):
    return client.get("/api/models/iris/server").json()


def test_a_server_is_started_asked_and_stopped(workspace):
    servers, client = started(workspace, sys.executable, "-c", ECHO)
    try:
        assert state(client)["state"] == "stopped"
        assert client.post("/api/models/iris/server").json()["state"] in ("starting", "running")
        wait_for(lambda: state(client)["state"] == "running")
        found = state(client)
        assert found["address"].startswith("http://127.0.0.1:")
        assert str(workspace.model("iris").path) in found["log"]
        assert client.post("/api/models/iris/server").json()["address"] == found["address"]
        tree = client.post("/api/models/iris/server/try", json={"body": "[1]", "times": 5}).json()
        assert (tree["status"], tree["body"], tree["times"]) == (200, "[1]", 5)
        times = tree["milliseconds"]
        assert 0 < times["least"] <= times["median"] <= times["p95"]
        process = servers._servers["iris"].process
        assert client.delete("/api/models/iris/server").json()["state"] == "stopped"
        assert process.poll() is not None
    finally:
        servers.stop_all()


def test_a_server_ends_also_when_its_parent_is_killed(tmp_path):
    make_run(tmp_path / "runs" / "iris", "iris")
    marker = tmp_path / "ended"
    words = [str(tmp_path / "runs"), CHILD.format(marker=str(marker))]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *words], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "started\n"
        assert not marker.exists()
        parent.kill()
    wait_for(marker.exists)


def test_a_server_that_ends_is_told_with_its_words(workspace):
    servers, client = started(workspace, sys.executable, "-c", "print('no such luck')")
    client.post("/api/models/iris/server")
    wait_for(lambda: state(client)["state"] == "failed")
    assert "no such luck" in state(client)["log"]
    answer = client.post("/api/models/iris/server/try", json={"body": "{}"})
    assert answer.status_code == 400
    servers.stop_all()


@pytest.mark.parametrize(
    "body",
    [
        {"path": "/etc/passwd"},
        {"path": "http://example.org/"},
        {"path": []},
        {"times": True},
        {"content_type": "text/html"},
        {"body": 3},
        {"times": 0},
        {"times": 501},
        {"times": "3"},
    ],
)
def test_other_tries_are_refused(workspace, body):
    _, client = started(workspace, sys.executable, "-c", ECHO)
    assert client.post("/api/models/iris/server/try", json=body).status_code == 400


def test_an_unknown_model_has_no_server(workspace):
    _, client = started(workspace, sys.executable, "-c", ECHO)
    assert client.post("/api/models/other/server").status_code == 404

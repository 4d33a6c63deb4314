import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from luce import __version__
from luce.server.tickets import Tickets
from luce.server.ui.app import make_app
from luce.server.ui.workspace import Workspace

pytestmark = pytest.mark.once
TOKEN = "a-token-for-tests"


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(runs=tmp_path / "runs")
    yield made
    made.close()


@pytest.fixture
def client(workspace):
    app = make_app(workspace, token=TOKEN, port=8000)
    return TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False)


def test_the_api_needs_the_token(client):
    assert client.get("/api/hello").status_code == 401
    assert client.get("/api").status_code == 401
    assert client.get("/api/").status_code == 401
    allowed = client.get("/api/hello", headers={"authorization": f"Bearer {TOKEN}"})
    assert allowed.json()["version"] == __version__
    assert allowed.json()["opened"] is None


def test_the_pages_need_no_token(client):
    assert client.get("/").status_code == 200
    assert client.get("/js/main.js").status_code == 200


def test_the_address_with_the_token_gives_a_cookie_and_loses_it(client):
    answer = client.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "luce-8000" in answer.cookies
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in answer.headers["set-cookie"]
    assert client.get("/api/hello").status_code == 200  # the client keeps cookies


def test_every_answer_is_protected(client):
    for path in ("/", "/js/main.js", "/no-such", "/api/hello"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"


def test_an_unknown_address_is_told_as_json(client):
    answer = client.get("/api/no-such", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"type", "message"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_pages_cannot_be_written(client, method):
    answer = client.request(method, "/", json={})
    assert answer.status_code == 405


def test_foreign_hosts_and_origins_are_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    headers = {"origin": "http://evil.example", "authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/hello", headers=headers).status_code == 403


def test_what_was_opened_is_told(tmp_path):
    workspace = Workspace(runs=tmp_path, opened="digits")
    try:
        client = TestClient(make_app(workspace, token=None, port=1), base_url="http://localhost:1")
        assert client.get("/api/hello").json()["opened"] == {"kind": "data", "id": "digits"}
    finally:
        workspace.close()


def test_a_mistake_of_our_own_is_told_as_json_and_in_the_terminal(workspace, monkeypatch, capsys):
    monkeypatch.setattr(workspace, "opened", object())  # has no kind
    app = make_app(workspace, token=None, port=1)
    client = TestClient(app, base_url="http://localhost:1", raise_server_exceptions=False)
    answer = client.get("/api/hello")
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "InternalError")
    assert "AttributeError" in capsys.readouterr().err


def test_an_upload_that_is_given_up_leaves_nothing_and_is_no_bug(running, workspace, capsys):
    head = (
        b"POST /api/uploads?name=a.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        b"Content-Type: application/octet-stream\r\nExpect: 100-continue\r\n\r\n"
    )
    with running(make_app(workspace, token=None, port=8000)) as (wire, _), wire.open() as one:
        one.sendall(head)
        assert one.recv(100).startswith(b"HTTP/1.1 100")
        one.sendall(b"a,b\n")
    assert list(workspace.private.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_who_opens_nothing_waits_for_no_heavy_package(tmp_path):
    code = """
import sys
from starlette.testclient import TestClient
from luce.server.ui import running
from luce.server.ui.app import make_app
from luce.server.ui.workspace import Workspace

app = make_app(Workspace(runs="runs"), token=None, port=8000)
client = TestClient(app, base_url="http://127.0.0.1:8000")
for path in ("/", "/api/hello", "/api/data", "/api/runs", "/api/options"):
    assert client.get(path).status_code == 200, path
heavy = {"numpy", "scipy", "polars", "sklearn", "PIL", "matplotlib", "safetensors", "torch"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_ticket_gives_the_cookie_once(workspace):
    tickets = Tickets()
    app = make_app(workspace, token=TOKEN, port=8000, tickets=tickets)
    first, second = (
        TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False) for _ in "ab"
    )
    ticket = tickets.issue()
    answer = first.get(f"/?ticket={ticket}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert first.get("/api/hello").status_code == 200
    for shown in (ticket, "", TOKEN, f"{tickets.issue()}&ticket={tickets.issue()}"):
        answer = second.get(f"/?ticket={shown}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "set-cookie" not in answer.headers
    assert second.get("/api/hello").status_code == 401
    assert first.get(f"/?ticket={ticket}").status_code == 303  # loaded again: the cookie stays
    assert first.get("/api/hello").status_code == 200


def test_a_ticket_is_no_token(workspace):
    tickets = Tickets()
    app = make_app(workspace, token=TOKEN, port=8000, tickets=tickets)
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    ticket = tickets.issue()
    shown = {"authorization": f"Bearer {ticket}"}
    assert client.get("/api/hello", headers=shown).status_code == 401
    assert client.post(f"/api/hello?ticket={ticket}", json={}).status_code == 401
    assert client.get(f"/?token={ticket}").status_code == 401

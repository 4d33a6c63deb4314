import re

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from luce.server.ui.static_files import STATIC, TYPES, StaticFiles

pytestmark = pytest.mark.once


@pytest.fixture
def client(tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text('<html data-server="no">')
    (tmp_path / "js" / "main.js").write_text("1")
    (tmp_path / "js" / "secret.txt").write_text("no")
    (tmp_path.parent / "outside.js").write_text("no")
    files = StaticFiles(tmp_path)
    return TestClient(Starlette(routes=[Route("/{path:path}", files.answer)]))


def test_the_start_page_says_that_a_server_is_behind_it(client):
    answer = client.get("/")
    assert answer.text == '<html data-server="yes">'
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_start_page_of_the_package_has_the_mark():
    assert 'data-server="no"' in (STATIC / "index.html").read_text("utf-8")


def imported(module):
    """The modules that a module cannot start without, itself included."""
    found, waiting = set(), [module]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            names = re.findall(r"^import .* from '(.+)';$", one.read_text("utf-8"), flags=re.M)
            waiting += [(one.parent / name).resolve() for name in names]
    return {one.relative_to(STATIC).as_posix() for one in found}


def test_what_every_page_needs_is_fetched_at_once_and_nothing_else():
    page = (STATIC / "index.html").read_text("utf-8")
    early = re.findall(r'<link rel="modulepreload" href="(.+)">', page)
    assert sorted([*early, "js/main.js"]) == sorted(imported(STATIC / "js" / "main.js"))


def test_a_file_is_asked_for_again_but_sent_once(client):
    first = client.get("/js/main.js")
    assert (first.status_code, first.text) == (200, "1")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/js/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_a_changed_file_is_sent_anew(client, tmp_path):
    tag = client.get("/js/main.js").headers["etag"]
    path = tmp_path / "js" / "main.js"
    before = path.stat().st_mtime_ns
    path.write_text("2")
    assert path.stat().st_mtime_ns > before
    assert client.get("/js/main.js", headers={"if-none-match": tag}).text == "2"


def test_a_head_has_no_body(client):
    answer = client.head("/js/main.js")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/js/secret.txt",
        "/js",
        "/js/",
        "/../outside.js",
        "/js/../../outside.js",
        "/js/%2e%2e/%2e%2e/outside.js",
        "/js/..%2f..%2foutside.js",
        "/js/..\\..\\outside.js",
        "//js/main.js",
        "/js/main.js%00",
        "/etc/passwd",
        "/%ff",
    ],
)
def test_nothing_but_the_list_is_there(client, path):
    assert client.get(path).status_code == 404


def test_every_file_of_the_front_end_has_a_type():
    unknown = [p.name for p in STATIC.rglob("*") if p.is_file() and p.suffix not in TYPES]
    assert not unknown


def test_what_the_start_page_names_is_there():
    files = StaticFiles()
    named = re.findall(r'(?:href|src)="([^"]+)"', (STATIC / "index.html").read_text("utf-8"))
    assert named
    assert all("/" + name in files for name in named)

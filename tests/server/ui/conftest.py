"""The routes of data and trainings over a workspace of their own."""

from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.testclient import TestClient

from luce.errors import LuceError
from luce.server.ui import data_routes, train_routes, uploads
from luce.server.ui.jobs import Jobs
from luce.server.ui.refusals import refused
from luce.server.ui.workspace import Workspace


@pytest.fixture
def space(tmp_path):
    made = Workspace(runs=tmp_path / "runs")
    yield made
    made.close()


@pytest.fixture
def jobs(space):
    made = Jobs(space)
    yield made
    made.close(stop=True)


@pytest.fixture
def api(space, jobs):
    """A client of the routes, with small limits for uploads."""
    routes = [
        *uploads.routes(space, most=2_000_000, all_most=5_000_000),
        *data_routes.routes(space),
        *train_routes.routes(space, jobs),
    ]
    handlers = {LuceError: refused, HTTPException: refused}
    app = Starlette(routes=[Mount("/api", routes=routes)], exception_handlers=handlers)
    with TestClient(app, raise_server_exceptions=True) as client:
        yield client


@pytest.fixture
def send(api):
    """Send a file and return the answer."""

    def call(name, content, **query):
        headers = {"content-type": "application/octet-stream"}
        return api.post(
            "/api/uploads", params={"name": name, **query}, content=content, headers=headers
        )

    return call


@pytest.fixture
def run():
    """Run a coroutine function in a thread of its own.

    In that of the tests Playwright keeps a loop alive as long as it drives a browser.
    """

    def call(function, *args):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(anyio.run, function, *args).result()

    return call

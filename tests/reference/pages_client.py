"""A client of the routes of the pages, without the guard in front of them."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.testclient import TestClient

from luce.errors import LuceError
from luce.server.ui.refusals import refused


def client_of(*routes):
    handlers = {LuceError: refused, HTTPException: refused}
    app = Starlette(routes=[Mount("/api", routes=list(routes))], exception_handlers=handlers)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=True)

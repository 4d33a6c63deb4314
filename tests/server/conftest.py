"""A real server in a thread."""

import contextlib
import threading

import pytest
from reference.wire import Wire

from luce.server.limits import Limits
from luce.server.running import Server, bound


@pytest.fixture
def running():
    """Return a context manager: a server of an application in a thread, which yields its wire."""

    @contextlib.contextmanager
    def run(app, limits=None, **kwargs):
        listener = bound("127.0.0.1", 0)
        started = threading.Event()
        server = Server(app, limits or Limits(), on_start=started.set, grace=5.0, **kwargs)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            assert started.wait(20)
            wire = Wire(listener.getsockname()[1])
            yield wire, server
        finally:
            server.should_exit = True
            thread.join(100)
            assert not thread.is_alive()

    return run

"""Small models of each kind, and a server of one in a thread."""

import contextlib
import csv
import threading

import numpy as np
import pytest
from reference.wire import Wire

from luce.server.api.app import Api
from luce.server.api.options import ServeOptions
from luce.server.limits import Limits
from luce.server.running import Server, bound
from luce.tasks.options import TrainOptions
from luce.tasks.training import train

ROWS = [
    (1.0, "red", "true", "2024-01-01", "a"),
    (2.0, "blue", "false", "2024-02-01", "b"),
    (2.5, "blue", "true", "2024-03-01", "c & <c>"),
] * 8
TEXTS = [("cats purr and sleep", "cat"), ("dogs bark and run", "dog")] * 12


def table(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Run folders: ``table``, ``texts``, ``images`` (8 x 8, 3 classes), ``arrays`` (2 classes)."""
    folder = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 8, 8)).astype(np.uint8)
    np.savez(folder / "images.npz", X=images, y=images.reshape(60, -1).argmax(axis=1) % 3)
    rows = rng.normal(size=(60, 3))
    np.savez(folder / "arrays.npz", X=rows, y=rows.sum(axis=1) > 0)
    table(folder / "table.csv", ["size", "colour", "new", "day", "label"], ROWS)
    table(folder / "texts.csv", ["text", "label"], TEXTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luce.tasks.training.write_report", lambda run: None)
        return {
            name: train(
                TrainOptions(data=str(folder / file), calibrate=calibrate), out=folder / name
            ).run
            for name, file, calibrate in (
                ("table", "table.csv", None),
                ("texts", "texts.csv", None),
                ("images", "images.npz", None),
                ("arrays", "arrays.npz", "vector"),
            )
        }


@pytest.fixture(scope="package")
def arrays_wire(runs):
    """The wire of one server of ``arrays`` for many tests; at most 1000 rows and 1 MB."""
    told = ServeOptions(str(runs["arrays"]), max_rows=1000, limits=Limits(body=1 << 20))
    api, started, listener = Api(told), threading.Event(), bound("127.0.0.1", 0)
    server = Server(api.app, told.limits, gate=api.gate, memory=api.memory, on_start=started.set)
    # A daemon: were it not to end, the whole run of the tests would not end either.
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    with contextlib.closing(api):
        assert started.wait(20)
        yield type("ApiWire", (Wire,), {"api": api})(listener.getsockname()[1])
        server.should_exit = True
        thread.join(100)
        assert not thread.is_alive()


@pytest.fixture
def serving(running):
    """Return a context manager: a server of a run, which yields its wire; options as keywords."""

    @contextlib.contextmanager
    def serve(run, **options):
        told = ServeOptions(str(run), port=0, **options)
        api = Api(told)
        roads = {"gate": api.gate, "memory": api.memory}
        with running(api.app, told.limits, **roads, on_end=api.end) as (wire, server):
            wire = type("ApiWire", (type(wire),), {"api": api, "server": server})(*wire)
            try:
                yield wire
            finally:
                api.close()

    return serve

"""``luce serve`` as a process: it starts, answers, and ends when it is told to."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from reference.waiting import wait_for

from luce.tasks.options import TrainOptions
from luce.tasks.training import train

pytestmark = pytest.mark.once

BODY = json.dumps({"rows": [[1, 2, 3]]})
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(folder / "arrays.npz", X=X, y=X.sum(axis=1) > 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luce.tasks.training.write_report", lambda run: None)
        return train(TrainOptions(data=str(folder / "arrays.npz")), out=folder / "run").run


@pytest.fixture
def start(run):
    """Return a function that starts a server and returns its process and its port."""
    started = []

    def begin(*options, **settings):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "luce.cli",
                "serve",
                str(run),
                "--port",
                "0",
                "--json",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **settings,
        )
        started.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, int(json.loads(line)["address"].rpartition(":")[2])

    yield begin
    for process in started:
        process.terminate()
        process.communicate(timeout=60)


def post(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/v1/predict", BODY, JSON)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ended(process):
    """The exit code and the words of a server that has been told to end."""
    _, words = process.communicate(timeout=60)
    return process.returncode, words


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_a_signal_comes(start, sent):
    process, port = start()
    assert post(port)[0] == 200
    process.send_signal(sent)
    code, words = ended(process)
    assert code == 0
    assert f"http://127.0.0.1:{port}" in words
    assert words.endswith("every accepted request was answered.\n")


def test_it_ends_when_its_standard_input_does(start):
    process, port = start("--until-stdin-ends", "--workers", "2", stdin=subprocess.PIPE)
    assert post(port)[0] == 200
    process.stdin.close()
    process.stdin = None
    code, words = ended(process)
    assert code == 0
    assert words.endswith("every accepted request was answered.\n")


def under_load(process, port, clients=8):
    """Ask from several threads, send SIGTERM meanwhile; return the requests that got no answer."""
    lost, answered, go_on = [], [], threading.Event()

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            try:
                if connection.sock is None:
                    connection.connect()
            except OSError:  # nobody listens any more: nothing was accepted
                return
            try:
                connection.request("POST", "/v1/predict", BODY, JSON)
                answer = connection.getresponse()
                body = answer.read()
                answered.append((answer.status, body))
                if len(answered) > 200:
                    go_on.set()
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    assert go_on.wait(60)
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(60)
    return lost, answered


def test_a_signal_under_load_loses_no_request(start):
    process, port = start()
    lost, answered = under_load(process, port)
    assert ended(process)[0] == 0
    assert len(set(answered)) == 1
    assert not lost


def test_workers_share_the_work_and_the_figures_and_lose_nothing(start):
    process, port = start("--workers", "2")
    assert len({post(port) for _ in range(40)}) == 1
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as one:
        one.request("GET", "/metrics")
        text = one.getresponse().read().decode()
    assert 'luce_requests_total{route="/v1/predict",status="200"} 40.0' in text
    lost, answered = under_load(process, port)
    assert ended(process)[0] == 0
    assert len(set(answered)) == 1
    assert not lost


def half_sent(port):
    """A connection with a request whose body is awaited by the server."""
    one = socket.create_connection(("127.0.0.1", port), timeout=60)
    one.sendall(
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    )
    assert one.recv(100).startswith(b"HTTP/1.1 100")
    return one


def is_open(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def threads_of(process):
    with contextlib.suppress(FileNotFoundError):
        return len(os.listdir(f"/proc/{process.pid}/task"))
    return 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="the threads are read from /proc")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_end_of_standard_input_after_a_signal_loses_nothing(start, workers):
    process, port = start("--until-stdin-ends", "--workers", workers, stdin=subprocess.PIPE)
    idle = socket.create_connection(("127.0.0.1", port), timeout=60)
    with contextlib.closing(half_sent(port)) as one, idle:
        process.terminate()
        wait_for(lambda: not is_open(port))
        before = threads_of(process)
        process.stdin.close()
        process.stdin = None
        wait_for(lambda: threads_of(process) < before)  # it has been seen ...
        assert idle.recv(1) == b""  # ... and who has no request is hung up on, some time later
        one.sendall(BODY.encode())
        assert one.recv(100).startswith(b"HTTP/1.1 200")
    assert ended(process)[0] == 0


def test_workers_end_with_the_process_that_looks_after_them(start):
    process, port = start("--workers", "2")
    process.kill()
    wait_for(lambda: not is_open(port))


@pytest.mark.usefixtures("listening")
def test_ctrl_c_in_the_terminal_of_workers_loses_nothing(start):
    process, port = start("--workers", "2", start_new_session=True)
    begun = [half_sent(port) for _ in range(4)]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    deadline = time.monotonic() + 20
    while is_open(port):  # who goes on connecting must not keep the workers from ending
        assert time.monotonic() < deadline
    with contextlib.ExitStack() as stack:
        for one in begun:
            stack.enter_context(contextlib.closing(one))
        for one in begun:
            one.sendall(BODY.encode())
            assert one.recv(100).startswith(b"HTTP/1.1 200")
    assert ended(process)[0] == 0


def workers_of(process):
    """The ids of the processes that a server has started to do its work."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = []
    for pid in map(int, children):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="the children are read from /proc")
def test_a_worker_that_dies_is_started_again(start):
    process, _ = start("--workers", "2")
    crew = workers_of(process)
    assert len(crew) == 2
    os.kill(crew[0], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not {*workers_of(process)} - {*crew}:
        pass  # until there is another one
    assert len({*workers_of(process)} - {*crew}) == 1
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--host", "0.0.0.0"], 2, "--insecure"),
        (["--token", "short"], 2, "16 visible"),
        (["--port", "70000"], 2, "70000"),
        (["--workers", "0"], 2, "--workers"),
        (["--host", "203.0.113.7", "--insecure"], 2, "--host"),
    ],
)
def test_wrong_usage_is_told(luce, run, options, code, words):
    answer = luce("serve", run, *options)
    assert answer.code == code
    assert words in answer.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_model_is_told_before_anything_is_served(luce, tmp_path, workers):
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    answer = luce("serve", "bad.safetensors", "--port", "0", "--workers", workers)
    assert answer.code == 4
    assert "Serving" not in answer.err


def test_the_token_may_come_from_the_environment(luce, run, monkeypatch):
    monkeypatch.setenv("LUCE_TOKEN", "short")
    assert luce("serve", run).code == 2

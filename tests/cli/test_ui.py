"""`luce ui`: ports, the address, the end."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from reference.waiting import wait_for

import luce
from luce.cli.ui import listen
from luce.errors import ParameterError

pytestmark = pytest.mark.once


# Where a shell runs the tests in the background, Ctrl-C is ignored, and would stay so in children.
START = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " runpy.run_module('luce.cli', run_name='__main__')"
)


@pytest.fixture
def taken():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield busy.getsockname()[1]


def start(folder, *args, browser=None):
    """Start it; `browser` are variables of the environment by which one is found."""
    library = str(Path(luce.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", START, "ui", *args, *([] if browser else ["--no-browser"])],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": library} | (browser or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_port_that_is_in_use_is_refused_in_words(taken):
    with pytest.raises(ParameterError, match=rf"port {taken} .*--port 0"):
        listen(taken)


def test_the_next_free_port_is_taken_where_none_was_asked_for(taken):
    with listen(taken, more=20) as found:
        assert taken < found.getsockname()[1] <= taken + 20


def test_it_says_where_it_is_answers_and_ends_at_ctrl_c(tmp_path):
    process = start(tmp_path, "--port", "0", "--json")
    line = json.loads(process.stdout.readline())
    assert line["address"].startswith(f"http://127.0.0.1:{line['port']}/?token=")
    with urllib.request.urlopen(f"http://127.0.0.1:{line['port']}/") as answer:
        assert b'data-server="yes"' in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{line['port']}/api/hello")
    process.send_signal(signal.SIGINT)
    out, talk = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in talk
    assert talk.endswith("Ended.\n")


def test_what_is_opened_is_in_the_address(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2,b\n")
    process = start(tmp_path, "a.csv", "--port", "0")
    address = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert "#/data?data=" in address


def test_data_that_are_not_there_are_told_before_anything_starts(tmp_path):
    process = start(tmp_path, "no-such.csv", "--port", "0")
    out, talk = process.communicate(timeout=30)
    assert (process.returncode, out) == (3, "")
    assert "no-such.csv" in talk


def test_the_browser_is_not_given_the_token(tmp_path):
    """The command line of the browser can be read by every user of the computer."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part\nmv {opened}.part {opened}\n')
    browser.chmod(0o700)
    mine = {"BROWSER": f"{browser} %s", "DISPLAY": ":99"}
    process = start(tmp_path, "--port", "0", browser=mine)
    token = process.stdout.readline().partition("token=")[2].strip()
    wait_for(opened.exists)
    address = opened.read_text().strip()
    assert token not in address
    jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert jar.open(address).status == 200
    assert jar.open(f"{address.partition('?')[0]}api/hello").status == 200
    other = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert other.open(address).status == 200  # the page, which says how to come in
    with pytest.raises(urllib.error.HTTPError, match="401"):
        other.open(f"{address.partition('?')[0]}api/hello")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

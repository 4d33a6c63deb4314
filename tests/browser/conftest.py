"""A `luce ui` with a trained model, and pages of a browser that must stay silent and at home.

Debian's Chromium is driven by Playwright, its Firefox by `reference.firefox`; where there is none
the tests are skipped. A page fails its test by any message of an error in the console, any
exception, and any request that does not go to this computer.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import luce

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FIREFOX = ("firefox-esr", "firefox")
AT_HOME = re.compile(r"(https?://(127\.0\.0\.1|localhost)[:/]|data:|blob:|about:)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in a browser, and put them last: Playwright leaves an event loop running."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.once)
    items.sort(key=lambda item: here in item.path.parents)


class UiServer:
    """A `luce ui` in a process of its own.

    Attributes
    ----------
    address : what it printed, with the token: opening it lets a browser in
    base : the address without the token
    token : the token
    folder : the folder that it was started in; `runs/` is in it
    run : id of the run of `luce train digits`, or None
    """

    def __init__(self, address: str, folder: Path, run: str | None) -> None:
        self.address, self.folder, self.run = address, folder, run
        self.base = address.split("/?")[0]
        self.token = re.search(r"token=([^#&]+)", address)[1]  # type: ignore[index]

    def url(self, view: str) -> str:
        """Return the address of a view such as ``"/explore/softmax?T=2"``."""
        return f"{self.base}/#{view}"


def first_of(names: Iterable[str]) -> str | None:
    """Return the path of the first of these programs that is there."""
    return next(filter(None, map(shutil.which, names)), None)


def luce_command(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "luce.cli", *args],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )


def environment() -> dict[str, str]:
    library = str(Path(luce.__file__).parents[1])
    return os.environ | {"PYTHONPATH": library, "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path."""
    pytest.importorskip("playwright", reason="Playwright is not installed")
    found = first_of(BROWSERS)
    if found is None:
        pytest.skip("there is no Chromium on this computer")
    return found


@pytest.fixture(scope="session")
def firefox_path() -> str:
    """The path of Debian's Firefox, or of another one."""
    pytest.importorskip("websockets", reason="websockets is not installed")
    found = first_of(FIREFOX)
    if found is None:
        pytest.skip("there is no Firefox on this computer")
    return found


@pytest.fixture(scope="session")
def somebody_looks() -> None:
    """Where there is no browser at all, no server is started."""
    if first_of([*BROWSERS, *FIREFOX]) is None:
        pytest.skip("there is no browser on this computer")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def ui_server(somebody_looks: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiServer]:
    """A `luce ui` on a free port, with the run of the digits."""
    folder = tmp_path_factory.mktemp("ui")
    luce_command("train", "digits", "--out", "runs/digits", folder=folder)
    yield from started_ui(folder, run="digits")


@pytest.fixture(scope="session")
def empty_ui_server(
    somebody_looks: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UiServer]:
    """A `luce ui` of somebody who has trained nothing yet."""
    yield from started_ui(tmp_path_factory.mktemp("empty_ui"), run=None)


def started_ui(folder: Path, *args: str, run: str | None) -> Iterator[UiServer]:
    """Start `luce ui` in a folder, yield it when it answers, and end it."""
    talk = (folder / "stderr.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "luce.cli", "ui", *args, "--port", "0", "--no-browser"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=talk,
        text=True,
    )
    talk.close()
    assert process.stdout is not None
    address = process.stdout.readline().strip()  # printed when connections are accepted
    if not address:
        process.wait(10)
        pytest.fail((folder / "stderr.txt").read_text())
    try:
        yield UiServer(address, folder, run)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Makes pages, each with cookies of its own; the options are those of Playwright's context."""
    contexts, faults = [], []

    def make(**options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: None if AT_HOME.match(request.url) else faults.append(request.url),
        )
        page.faults = faults  # a test that provokes an error takes it out of this list
        return page

    yield make
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def page(new_page: Callable[..., Any], ui_server: UiServer) -> Any:
    """A page of `ui_server`, let in by its token, at the start."""
    made = new_page()
    made.goto(ui_server.address)
    made.wait_for_selector("h1")
    return made


@pytest.fixture
def axe() -> Callable[[Any], None]:
    """Asserts that axe finds nothing wrong on a page."""
    accessibility = pytest.importorskip("axe_playwright_python.sync_playwright")

    def check(page: Any) -> None:
        found = accessibility.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    return check

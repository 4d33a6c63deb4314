"""Every page in every dress: widths, colours, languages; and from any server of plain files."""

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest

from luce.server.ui.static_files import STATIC

pytestmark = pytest.mark.once
SIZES = {360: 780, 1440: 900, 3840: 2160}  # a phone; a laptop; 4K
# What a laptop shows at a zoom of 200 %: half as many CSS pixels, twice as sharp.
ZOOMED = {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2}


def paths(page):
    """The pages of the menu, and their names."""
    links = page.locator("#menu li a").all()
    return [link.get_attribute("href").split("?")[0] for link in links]


def visit(page, base, path, **params):
    query = "&".join(f"{key}={value}" for key, value in params.items())
    page.goto("about:blank")
    page.goto(f"{base}/{path}?{query}")
    page.wait_for_selector(".page > *")
    page.wait_for_load_state("networkidle")


def assert_fits(page, path):
    width = page.viewport_size["width"]
    found = page.evaluate("document.documentElement.scrollWidth")
    assert found <= width, f"{path} is {found} pixels wide in a window of {width}"


def keep(page, name, tmp_path):
    """A picture to look at: in LUCE_PICTURES if that names a folder."""
    folder = Path(os.environ.get("LUCE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_every_page_in_every_dress(new_page, ui_server, axe, tmp_path, width, theme, language):
    page = new_page(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme=theme,
        locale={"en": "en-GB", "zh": "zh-CN"}[language],
        reduced_motion="reduce",
    )
    page.goto(ui_server.address)
    page.wait_for_selector("#menu li", state="attached")
    for path in paths(page):
        visit(page, ui_server.base, path, model=ui_server.run, run=ui_server.run, data="digits")
        name = path.strip("#/").replace("/", "-") or "start"
        keep(page, f"{name}-{width}-{theme}-{language}", tmp_path)
        assert_fits(page, path)
        axe(page)


@pytest.mark.slow
def test_every_page_fits_at_a_zoom_of_two(new_page, ui_server, tmp_path):
    page = new_page(**ZOOMED)
    page.goto(ui_server.address)
    page.wait_for_selector("#menu li", state="attached")
    for path in paths(page):
        visit(page, ui_server.base, path, model=ui_server.run, data="digits")
        keep(page, f"{path.strip('#/').replace('/', '-') or 'start'}-zoomed", tmp_path)
        assert_fits(page, path)


@pytest.fixture
def plain_server():
    """The folder of the front end behind Python's own server of files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
            ".js": "text/javascript"
        }

        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(STATIC))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_explore_pages_need_no_server_and_the_others_say_that_they_do(new_page, plain_server):
    page = new_page()
    page.goto(plain_server)
    page.wait_for_selector(".tile")
    for path in paths(page):
        visit(page, plain_server, path)
        needs = page.get_by_text("luce ui", exact=False).count() > 0
        assert needs == ("explore" not in path), path

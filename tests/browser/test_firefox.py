"""Every page in the Firefox of this computer: it opens, moves by keys, and stays at home."""

import re

import pytest

pytestmark = pytest.mark.once
AT_HOME = re.compile(r"(http://127\.0\.0\.1:|data:|blob:|about:)")
LANGUAGES = {"en": "en", "zh": "zh-Hans"}


@pytest.fixture(scope="module")
def firefox(firefox_path, tmp_path_factory):
    from reference.firefox import started_firefox

    with started_firefox(firefox_path, tmp_path_factory.mktemp("firefox")) as started:
        yield started


@pytest.fixture
def tab(firefox, ui_server):
    """A tab that is let in by the token, and is found without a fault afterwards."""
    firefox.faults.clear()
    firefox.requests.clear()
    firefox.resize(1280, 900)
    firefox.open(ui_server.address)
    firefox.wait_until("document.querySelector('.choices button')")
    yield firefox
    assert not firefox.faults
    assert firefox.requests
    assert [url for url in firefox.requests if not AT_HOME.match(url)] == []


def visit(tab, ui_server, path, language):
    tab.open(f"{ui_server.base}/{path}?lang={language}&model={ui_server.run}&data=digits")
    tab.wait_until("document.querySelector('.page > *')")
    tab.settle()


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_opens_in_firefox(tab, ui_server, language, width):
    hrefs = "[...document.querySelectorAll('#menu li a')].map((link) => link.getAttribute('href'))"
    paths = [href.split("?")[0] for href in tab.evaluate(f"{hrefs}.join(' ')").split(" ")]
    assert len(paths) == 12
    tab.resize(width, 900)
    for path in paths:
        visit(tab, ui_server, path, language)
        assert tab.evaluate("document.documentElement.lang") == LANGUAGES[language]
        assert tab.evaluate("document.querySelector('main [role=alert]:not(:empty)') === null"), (
            path
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_slider_moves_by_keys_in_firefox(tab, ui_server, language):
    visit(tab, ui_server, "#/explore/softmax", language)
    facts = "document.querySelector('.facts-line').textContent"
    before = tab.evaluate(facts)
    tab.evaluate("document.querySelector('input[type=range]').focus()")
    tab.press(*["ArrowRight"] * 5)
    tab.wait_until("/[?&]T=/.test(location.hash)")
    assert tab.evaluate(facts) != before


@pytest.mark.slow
def test_a_training_is_started_by_keys_and_followed_in_firefox(tab):
    demo = (
        "[...document.querySelectorAll('.choices button')].find((b) => /iris/.test(b.textContent))"
    )
    tab.evaluate(f"{demo}.focus()")
    tab.press("Enter")
    tab.wait_until("location.hash.startsWith('#/train')")
    tab.wait_until("document.querySelector('.stats .stat')")  # the last word of its events
    tab.settle()

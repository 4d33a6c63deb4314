"""The Serve page: start a server, ask it, stop it."""

import re
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.once


@pytest.fixture
def serve(page, ui_server):
    page.goto(ui_server.url(f"/serve?model={ui_server.run}&lang=en"))
    page.get_by_role("button", name="Start the server").wait_for()
    return page


def test_a_server_is_started_asked_and_stopped(serve):
    serve.get_by_role("button", name="Start the server").focus()
    serve.keyboard.press("Enter")
    serve.locator(".server-state[data-state=running]").wait_for(timeout=60_000)
    address = serve.locator("code", has_text="http://127").first.inner_text()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
    assert address in serve.locator("pre[aria-label='curl'] code").inner_text()
    assert urlopen(f"{address}/healthz").status == 200
    serve.get_by_role("button", name="Send").click()
    serve.get_by_text("answered in").wait_for()
    assert serve.locator(".badge.good").inner_text() == "200"
    serve.get_by_role("button", name="Measure 100 times").click()
    serve.get_by_text("95th percentile").wait_for(timeout=60_000)
    serve.get_by_label("Body of the request, JSON").fill("{}")
    serve.get_by_role("button", name="Send").click()
    serve.locator(".badge.bad").wait_for()
    serve.get_by_role("button", name="Stop it").click()
    serve.locator(".server-state[data-state=stopped]").wait_for(timeout=60_000)


def test_the_snippets_are_in_three_languages(serve):
    for name, start in (("curl", "curl"), ("Python", "import"), ("JavaScript", "const")):
        serve.get_by_role("tab", name=name, exact=True).click()
        serve.locator(f"pre[aria-label='{name}'] code", has_text=start).wait_for()


def test_the_snippets_speak_two_protocols(serve):
    code = serve.locator("pre[aria-label='curl'] code")
    assert "/v1/predict" in code.inner_text()
    serve.get_by_role("radio", name="luce", exact=True).focus()
    serve.keyboard.press("ArrowRight")
    serve.locator("pre[aria-label='curl'] code", has_text="/v2/models/digits/infer").wait_for()
    assert '"datatype":"FP64","shape":[1,8,8]' in code.inner_text()
    serve.get_by_role("tab", name="Python", exact=True).click()
    serve.locator("pre[aria-label='Python'] code", has_text="/v2/models/digits/infer").wait_for()
    serve.get_by_role("radio", name="luce", exact=True).check(force=True)
    serve.locator("pre[aria-label='Python'] code", has_text="/v1/predict").wait_for()


def test_nothing_stands_in_the_way_of_those_who_see_or_hear_otherwise(serve, axe):
    axe(serve)

"""The reliability diagram bent by a temperature, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.once

VIEW = "/explore/calibration"


@pytest.fixture
def open_at(page, ui_server):
    def go(params=""):
        page.goto("about:blank")
        page.goto(ui_server.url(VIEW + params))
        page.wait_for_selector(".reliability-dot")
        return page

    return go


def verdict(page, words):
    page.locator(".calibration-verdict", has_text=words).wait_for()


def figures(page, row):
    """Temperature, calibration error, log loss, stated, right."""
    rows = page.get_by_role("table", name="Before, now, and at best").locator("tbody tr")
    return rows.filter(has_text=row).locator("td").all_inner_texts()


def test_bending_by_mouse(open_at):
    page = open_at()
    verdict(page, "Too sure")
    before = figures(page, "Now")
    page.get_by_role("button", name="The best: T =").click()
    verdict(page, "As sure as it is right")
    after = figures(page, "Now")
    assert float(after[2]) < float(before[2])
    assert after[4] == before[4]  # the accuracy stays
    assert figures(page, "At best") == after
    page.get_by_role("button", name="T = 1").click()
    verdict(page, "Too sure")
    assert "T=" not in page.url.split("?", 1)[-1]


def test_bending_by_keyboard(open_at):
    page = open_at()
    page.get_by_role("slider", name="Temperature T").press("End")
    verdict(page, "Not sure enough")
    assert "T=10" in page.url
    page.get_by_role("spinbutton", name="Temperature T, exactly").fill("2.5")
    verdict(page, "As sure as it is right")
    page.get_by_role("radio", name="width").press("ArrowLeft")
    assert "binning=mass" in page.url
    page.get_by_role("slider", name="Bins").press("Home")
    expect(page.locator(".reliability-dot")).to_have_count(2)
    page.get_by_role("radio", name="Made up").press("ArrowLeft")
    expect(page).to_have_url(re.compile("source=digits"))
    page.locator("tbody", has_text="94.5").wait_for()
    page.locator("details.values summary").first.press("Enter")
    page.get_by_role("table", name="Reliability diagram").wait_for()


def test_what_no_temperature_mends(open_at):
    page = open_at("?tilt=4")
    error = float(figures(page, "At best")[1].split()[0])
    page.get_by_role("slider", name="Added to the logits").press("Home")
    verdict(page, "Too sure")
    assert float(figures(page, "At best")[1].split()[0]) < error / 2


def test_an_address_shows_the_same(open_at):
    page = open_at("?source=digits&T=3&bins=5&binning=mass")
    seen = figures(page, "Now")
    assert seen[0] == "3"
    page.reload()
    page.wait_for_selector(".reliability-dot")
    assert figures(page, "Now") == seen


@pytest.mark.parametrize("options", ["", "?source=digits&theme=dark&lang=zh"])
def test_nothing_is_wrong_with_it(open_at, axe, options):
    axe(open_at(options))

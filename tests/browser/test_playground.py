"""The playground: points placed, models trained, by mouse and again by keyboard alone."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.once

SMALL = "/explore/playground?classes=3&points=60"


@pytest.fixture
def open_at(page, ui_server):
    def go(view):
        page.goto("about:blank")
        page.goto(ui_server.url(view))
        page.wait_for_selector(".regions svg")
        page.wait_for_selector(".regions-point")
        return page

    return go


def status(page):
    """Steps taken, and points."""
    text = page.locator(".playground-status").inner_text().replace(",", "")
    steps, _, points = map(int, re.findall(r"\d+", text))
    return steps, points


def wait_status(page, pattern):
    page.locator(".playground-status", has_text=re.compile(pattern)).wait_for()


def plane(page):
    return page.get_by_role("application", name="Softmax")


def click_at(page, x, y):
    """Click a place of the plane, whose ends are -1 and 1."""
    box = plane(page).bounding_box()
    place = {"x": (x + 1) / 2 * box["width"], "y": (1 - y) / 2 * box["height"]}
    plane(page).click(position=place)


def reading(page):
    return page.locator(".playground-reading tbody td:nth-child(3)").all_inner_texts()


def test_training_by_mouse(open_at):
    page = open_at(SMALL)
    page.get_by_role("button", name="Train").click()
    wait_status(page, r"Step \d\d+")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Train").wait_for()
    steps, _ = status(page)
    page.get_by_role("button", name="One step").click()
    wait_status(page, rf"Step {steps + 1},")
    assert f"steps={steps + 1}" in page.url
    page.get_by_role("button", name="Start anew").click()
    wait_status(page, "Step 0,")
    assert "steps=" not in page.url


def test_an_address_shows_the_same_training(open_at):
    page = open_at(SMALL + "&steps=60&x=0.5&model=hidden&units=4")
    wait_status(page, "Step 60,")
    page.get_by_role("button", name="One step").click()
    wait_status(page, "Step 61,")
    seen = reading(page)
    page.reload()
    wait_status(page, "Step 61,")
    assert reading(page) == seen
    assert seen != ["33.3 %"] * 3


def test_points_by_mouse(open_at):
    page = open_at(SMALL)
    page.locator(".letters label").nth(1).click()
    click_at(page, 0.9, -0.9)
    wait_status(page, "61 points")
    assert "own=" in page.url
    point = page.locator(".regions").first.locator(".regions-point").nth(60)
    assert point.text_content() == "B"
    plane(page).scroll_into_view_if_needed()
    before = point.bounding_box()
    page.mouse.move(before["x"] + 8, before["y"] + 8)
    page.mouse.down()
    page.mouse.move(before["x"] - 40, before["y"] - 40, steps=4)
    page.mouse.up()
    wait_status(page, "61 points")
    after = point.bounding_box()
    assert after["x"] < before["x"] - 30
    assert after["y"] < before["y"] - 30
    page.get_by_role("radio", name="removes").check()
    page.mouse.click(after["x"] + 8, after["y"] + 8)
    wait_status(page, "60 points")
    page.get_by_role("button", name="Remove all points").click()
    wait_status(page, "0 points")
    page.get_by_role("button", name="Train").click()
    page.get_by_text("There are no points to learn from").wait_for()
    page.get_by_role("radio", name="places").check()
    click_at(page, 0, 0)
    wait_status(page, "1 point")


def test_everything_by_keyboard(open_at):
    page = open_at(SMALL)
    plane(page).focus()
    for key in ["2", "ArrowRight", "ArrowRight", "Shift+ArrowUp", "Enter"]:
        page.keyboard.press(key)
    wait_status(page, "61 points")
    assert "x=0.125" in page.url
    assert "y=0.0078125" in page.url
    assert "label=1" in page.url
    assert "Placed B" in page.locator("[aria-live]", has_text="Placed").inner_text()
    page.keyboard.press("Delete")
    wait_status(page, "60 points")
    page.get_by_role("combobox", name="Ready-made set").select_option("rings")
    page.get_by_role("radio", name="Polynomial").press("Space")
    page.get_by_role("slider", name="Degree").press("ArrowLeft")
    assert "degree=2" in page.url
    assert "set=rings" in page.url
    page.get_by_role("radio", name="Polynomial").press("ArrowRight")
    page.get_by_role("slider", name="Hidden units").press("ArrowRight")
    page.get_by_role("radio", name="tanh").press("ArrowRight")
    assert "units=9" in page.url
    assert "activation=relu" in page.url
    for name, value in {"Optimiser": "sgd", "Learning rate": "1", "Points in a batch": "0"}.items():
        page.get_by_role("combobox", name=name).select_option(value)
    page.get_by_role("checkbox", name="One-vs-rest beside the softmax").press("Space")
    assert page.locator(".regions:visible").count() == 1
    page.get_by_role("button", name="Train").press("Enter")
    wait_status(page, r"Step \d\d+")
    page.get_by_role("button", name="Pause").press("Enter")
    assert status(page)[0] >= 10
    page.locator("details.values summary").first.press("Enter")
    expect(page.get_by_role("table", name="Softmax").locator("tbody tr")).to_have_count(60)


def test_less_motion_trains_all_the_same(new_page, ui_server):
    page = new_page(reduced_motion="reduce")
    page.goto(ui_server.address)
    page.wait_for_selector("h1")
    page.goto(ui_server.url(SMALL))
    page.get_by_role("button", name="Train").click()
    wait_status(page, r"Step \d\d+")


@pytest.mark.parametrize("options", ["", "&theme=dark&lang=zh&classes=10"])
def test_nothing_is_wrong_with_it(open_at, axe, options):
    axe(open_at(SMALL + "&steps=5" + options))

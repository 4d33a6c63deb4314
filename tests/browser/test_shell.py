"""What is the same on every page: the menu, language, colours, keys, addresses."""

import re

import pytest

pytestmark = pytest.mark.once


def arrive(page, name):
    """Wait for the page with this heading."""
    page.wait_for_selector(f'h1:text-is("{name}")')


def heading(page):
    return page.locator("h1").inner_text()


def test_the_token_leaves_the_address(page, ui_server):
    assert page.url.startswith(f"{ui_server.base}/#/")
    assert "token" not in page.url


def test_the_menu_leads_to_every_page_and_back(page):
    links = page.locator("#menu li a")
    names = links.all_inner_texts()
    assert len(names) >= 1
    for i, name in enumerate(names):
        links.nth(i).click()
        arrive(page, name)
        assert links.nth(i).get_attribute("aria-current") == "page"
        assert page.title() == f"{name} · luce"
    for name in reversed(names[:-1]):
        page.go_back()
        arrive(page, name)


def test_the_language_changes_in_the_corner_and_stays(page):
    page.get_by_role("button", name="中文").click()
    page.wait_for_selector("html[lang=zh-Hans]", state="attached")
    arrive(page, "开始")
    assert heading(page) == "开始"
    assert "lang=zh" in page.url
    page.reload()
    arrive(page, "开始")
    page.get_by_role("button", name="English").click()
    arrive(page, "Start")


def test_the_address_says_the_language_and_the_colours(page, ui_server):
    page.goto(ui_server.url("/?lang=zh&theme=dark"))
    arrive(page, "开始")
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(22, 24, 27)"


def test_the_colours_change_in_the_corner(page):
    button = page.get_by_role("button", name=re.compile("^Colours"))
    seen = []
    for _ in range(3):
        button.click()
        seen.append(page.locator("html").get_attribute("data-theme"))
    assert seen == ["light", "dark", "auto"]


def test_the_colours_follow_the_system(new_page, ui_server):
    page = new_page(color_scheme="dark")
    page.goto(ui_server.address)
    page.wait_for_selector("h1")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(paper) == "rgb(22, 24, 27)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(paper) == "rgb(253, 253, 251)"


def test_keys_help_turn_pages_and_change_what_it_looks_like(page):
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    page.keyboard.press("Shift+L")
    arrive(page, "开始")
    page.keyboard.press("Shift+L")
    arrive(page, "Start")
    page.keyboard.press("Shift+T")
    assert page.locator("html").get_attribute("data-theme") == "light"
    names = page.locator("#menu li a").all_inner_texts()
    page.keyboard.press("]")
    arrive(page, names[1])
    page.keyboard.press("[")
    arrive(page, "Start")


def test_single_keys_can_be_turned_off(page):
    page.keyboard.press("?")
    page.get_by_label("Single keys work as shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    page.keyboard.press("]")
    page.keyboard.press("?")
    assert heading(page) == "Start"
    assert page.locator("dialog").count() == 0


def test_the_first_tab_skips_the_menu(page):
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_an_unknown_address_says_so_and_leads_on(page, ui_server):
    page.goto(ui_server.url("/no/such/page"))
    page.get_by_text("There is no page at this address.").wait_for()
    page.get_by_role("link", name="To the start").click()
    arrive(page, "Start")


def test_without_the_token_the_page_says_what_to_do(new_page, ui_server):
    page = new_page()
    page.goto(ui_server.url("/"))
    page.get_by_text("it holds a token").wait_for()
    assert all("401" in fault for fault in page.faults)
    page.faults.clear()


def test_on_a_narrow_window_the_menu_opens_and_closes(new_page, ui_server):
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto(ui_server.address)
    page.wait_for_selector("h1")
    menu = page.get_by_role("button", name="Menu")
    assert not page.locator("#menu").is_visible()
    menu.click()
    assert page.locator("#menu").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#menu").is_visible()
    menu.press("Enter")
    assert page.locator("#menu").is_visible()


def test_nothing_is_wider_than_a_narrow_window(new_page, ui_server):
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto(ui_server.address)
    page.wait_for_selector("h1")
    assert page.evaluate("document.documentElement.scrollWidth") == 360

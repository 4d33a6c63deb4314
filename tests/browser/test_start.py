"""From nothing to a trained model: two clicks for a demo, three for a file of one's own."""

import re

import pytest

pytestmark = pytest.mark.once


def test_the_start_has_three_cards_and_the_explore_pages(page):
    cards = page.locator(".card h2").all_inner_texts()
    assert cards == ["Try a demo", "Open my data", "Open a run"]
    tiles = page.locator(".tile").count()
    assert tiles == page.locator("#menu a[href*='explore']").count()


def test_nothing_stands_in_the_way_of_those_who_see_or_hear_otherwise(page, axe):
    page.wait_for_selector(".choices button")
    axe(page)


def test_a_run_that_is_there_is_opened_by_one_click(page, ui_server):
    link = page.locator(".card", has_text="Open a run").get_by_role("link", name=ui_server.run)
    assert f"model={ui_server.run}" in link.get_attribute("href")
    assert re.search(r"accuracy 9\d\.\d", link.inner_text())


def test_two_clicks_lead_to_a_trained_demo_with_its_report(new_page, empty_ui_server):
    page = new_page()
    page.goto(empty_ui_server.address)
    page.get_by_role("button", name="iris").click()
    page.get_by_role("button", name="Report").click(timeout=60_000)
    report = page.frame_locator("dialog iframe")
    report.get_by_role("heading", level=1).wait_for()
    assert "accuracy" in report.locator("body").inner_text().lower()
    assert (empty_ui_server.folder / "runs").is_dir()


def test_the_keyboard_alone_trains_a_demo(new_page, empty_ui_server):
    page = new_page()
    page.goto(empty_ui_server.address)
    page.get_by_role("button", name="wine").wait_for()
    page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("wine"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector('h1:text-is("Train")')
    page.get_by_role("button", name="Report").wait_for(timeout=60_000)


def test_three_clicks_lead_from_a_file_to_a_model(new_page, empty_ui_server, tmp_path):
    rows = "".join(f"{i % 7},{i % 5},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(120))
    table = tmp_path / "answers.csv"
    table.write_text("first,second,answer\n" + rows)
    page = new_page()
    page.goto(empty_ui_server.address)
    page.locator(".drop input").set_input_files(table)  # a click, and the system's own window
    page.get_by_role("button", name="Train on these data").click(timeout=30_000)
    page.get_by_role("button", name="Start training").click(timeout=30_000)
    page.get_by_role("button", name="Report").wait_for(timeout=60_000)


def test_a_file_of_an_unknown_kind_is_refused_in_words(new_page, empty_ui_server, tmp_path):
    page = new_page()
    page.goto(empty_ui_server.address)
    strange = tmp_path / "strange.docx"
    strange.write_text("?")
    page.locator(".drop input").set_input_files(strange)
    page.get_by_role("alert").get_by_text(".docx").wait_for()
    page.faults.clear()  # the browser tells of the status 415
    assert page.url.endswith("#/")

"""From nothing to a trained model: two clicks for a demo, three for a file of one's own."""

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

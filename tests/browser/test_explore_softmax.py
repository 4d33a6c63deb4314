"""The page Softmax: every action by mouse, and again by keyboard alone."""

import re

import numpy as np
import pytest

import luce

pytestmark = pytest.mark.once

VIEWS = ("formula", "overflow", "two", "entropy", "jacobian", "sampling", "sparse")


@pytest.fixture
def expect():
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def opened(page, ui_server):
    """Opens the page with these parameters."""

    def opened(**params):
        query = "&".join(f"{key}={value}" for key, value in ({"lang": "en"} | params).items())
        page.goto("about:blank")
        page.goto(ui_server.url(f"/explore/softmax?{query}"))
        page.wait_for_selector(".explore [role=tabpanel] > *")
        page.wait_for_selector(".explore .column", state="attached")
        return page

    return opened


def column(page, label):
    """The slider of a class, by its number from 1."""
    return page.get_by_role("slider", name=f"Class {label}", exact=True)


def logits(page):
    found = page.locator("[role=slider].column")
    return [float(one.get_attribute("aria-valuenow")) for one in found.all()]


def facts(page):
    return page.locator(".facts-line")


def percent(p):
    return f"{100 * p:.2f}\u202f%"


def hold(page, label):
    """The knob of a class, and the pixels that a logit of 1 takes."""
    tops = {}
    for tick in page.locator("figure").first.locator("text.tick").all():
        text = tick.text_content().replace("−", "-")
        if tick.get_attribute("text-anchor") == "end":
            tops[float(text)] = tick.bounding_box()
    middle = {value: box["y"] + box["height"] / 2 for value, box in tops.items()}
    low, high = min(middle), max(middle)
    knob = column(page, label).locator(".knob").bounding_box()
    x, y = knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2
    return x, y, (middle[low] - middle[high]) / (high - low)


def test_a_bar_is_dragged_and_the_address_keeps_it(opened, expect):
    page = opened()
    x, y, unit = hold(page, 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 2 * unit, steps=4)
    page.mouse.up()
    expect(column(page, 2)).to_have_attribute("aria-valuenow", "3")
    expect(facts(page)).to_contain_text(f"p = {percent(luce.softmax([2, 3, 0.1])[1])}")
    expect(page).to_have_url(re.compile(r"z=2,3,0\.1"))
    page.reload()
    expect(column(page, 2)).to_have_attribute("aria-valuenow", "3")
    expect(facts(page)).to_contain_text("Class 2")


def test_bars_are_moved_added_and_removed_by_keys_alone(opened, expect):
    page = opened()
    column(page, 1).focus()
    page.keyboard.press("ArrowDown")
    expect(column(page, 1)).to_have_attribute("aria-valuenow", "1.9")
    page.keyboard.press("Shift+ArrowUp")
    expect(column(page, 1)).to_have_attribute("aria-valuenow", "2.9")
    page.keyboard.press("End")
    expect(column(page, 3)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageDown")
    expect(column(page, 2)).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("+")
    expect(column(page, 4)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(column(page, 4)).to_have_attribute("aria-valuenow", "0.1")
    page.keyboard.press("Delete")
    expect(column(page, 3)).to_be_focused()
    assert logits(page) == [2.9, 0, 0.1]


def test_logits_are_typed_even_without_limits(opened, expect):
    page = opened()
    field = page.get_by_label("All logits")
    field.fill("1e308, 0, -inf")
    expect(facts(page)).to_contain_text("p = 100.00")
    field.fill("1, inf")
    expect(page.get_by_role("tabpanel")).to_contain_text("every probability is NaN")
    field.fill("1, two")
    expect(page.locator(".wrong:not(:empty)")).to_contain_text("Type numbers")
    field.fill("0 0 0 0")
    expect(page.locator(".wrong:not(:empty)")).to_have_count(0)
    expect(facts(page)).to_contain_text("p = 25.00")
    page.get_by_label("Logit, exactly").fill("1.5")
    expect(facts(page)).to_contain_text(f"p = {percent(luce.softmax([1.5, 0, 0, 0])[0])}")


def test_the_temperature_goes_to_its_limit_and_back(opened, expect):
    page = opened(z="2,2,1")
    page.get_by_role("button", name="T → 0").click()
    expect(facts(page)).to_contain_text("p = 50.00")
    expect(page.get_by_role("tabpanel")).to_contain_text("only its limit")
    page.get_by_label("Temperature T, exactly").fill("4")
    expect(facts(page)).to_contain_text(f"p = {percent(luce.softmax([2, 2, 1], temperature=4)[0])}")
    page.get_by_role("slider", name="Temperature T").focus()
    page.keyboard.press("Home")
    expect(page.get_by_label("Temperature T, exactly")).to_have_value("0.05")
    expect(page).to_have_url(re.compile(r"T=0\.05"))


def test_terms_of_the_formula_and_bars_light_up_together(opened, expect):
    page = opened()
    term = page.locator(".formulas [data-class='1']").first
    lit = page.locator("figure").first.locator(".bar.lit")
    term.hover()
    expect(lit).to_have_attribute("d", re.compile("M.*z"))
    x, y, _ = hold(page, 3)
    page.mouse.move(x, y)
    expect(page.locator(".formulas .lit").first).to_have_attribute("data-class", "2")
    page.locator(".formulas [data-class='2']").first.click()
    expect(facts(page)).to_contain_text("Class 3")


def test_the_naive_formula_overflows_where_it_must(opened, expect):
    page = opened(tab="overflow")
    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("Both formulas agree")
    page.get_by_role("slider", name="Constant c").focus()
    page.keyboard.press("End")
    expect(panel.locator(".broken")).to_have_count(3)
    page.get_by_label("Constant c, added to every logit, exactly").fill("100")
    expect(panel.locator(".broken")).to_have_count(0)
    page.get_by_role("radio", name="32 bits").check()
    expect(panel.locator(".broken")).to_have_count(3)
    expect(panel).to_contain_text("above z = 88.72")
    page.get_by_label("Constant c, added to every logit, exactly").fill("-200")
    expect(panel).to_contain_text("0 by 0")


def test_an_answer_is_judged_and_shown(opened, expect):
    page = opened()
    page.get_by_role("button", name="It rises").click()
    expect(page.locator(".verdict")).to_contain_text("Not so.")
    expect(page.get_by_label("Temperature T, exactly")).to_have_value("2")
    page.get_by_role("button", name="It falls").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("Right.")


def test_two_classes_are_a_sigmoid(opened, expect):
    page = opened(tab="two")
    panel = page.get_by_role("tabpanel")
    page.get_by_label("Difference d, exactly").fill("-1")
    expect(column(page, 1)).to_have_attribute("aria-valuenow", "0")
    expect(panel).to_contain_text(percent(luce.sigmoid(-1.0)))
    page.get_by_role("button", name="Keep only these two").click()
    expect(page.locator("[role=slider].column")).to_have_count(2)
    expect(facts(page)).to_contain_text(percent(luce.sigmoid(-1.0)))


def test_entropy_and_jacobian_are_those_of_luce(opened, expect):
    page = opened(tab="entropy", z="1,1,1,1")
    expect(page.get_by_role("tabpanel")).to_contain_text("between 4 equal classes, of 4")
    page.get_by_role("tab", name="Entropy").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Jacobian")).to_have_attribute("aria-selected", "true")
    chart = page.get_by_role("application")
    chart.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tabpanel")).to_contain_text("−0.0625: if that logit rises by 0.1")
    page.get_by_text("The values as a table").last.click()
    first = page.get_by_role("tabpanel").locator("tbody tr").first
    expect(first).to_contain_text("0.1875")


def test_the_draws_are_those_of_luce(opened, expect):
    page = opened(tab="sampling", z="2,1,0.1", seed=3)
    drawn = luce.sample_categorical([2, 1, 0.1], size=100, rng=3)
    panel = page.get_by_role("tabpanel")
    expect(panel.locator(".draws")).to_have_text(" ".join(str(i + 1) for i in drawn[:24]) + " …")
    expect(panel).to_contain_text(f"{percent(np.mean(drawn == 0))} of the draws")
    expect(panel.locator("pre")).to_contain_text("size=100, rng=3)")
    page.get_by_role("button", name="Draw again").click()
    expect(panel.locator("pre")).to_contain_text("rng=4)")
    page.get_by_role("radio", name="1,000", exact=True).check()
    expect(panel.locator("pre")).to_contain_text("size=1000, rng=4)")


def test_sparse_relatives_give_nothing_to_the_unlikely(opened, expect):
    page = opened(tab="sparse", z="2,1,0.1")
    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("1 of 3 classes are left, 2 got exactly 0")
    page.get_by_role("button", name="entmax 1.5").click()
    expect(panel).to_contain_text(f"Class 1: {percent(luce.entmax([2, 1, 0.1], 1.5)[0])}")
    page.get_by_role("slider", name="α").focus()
    page.keyboard.press("Home")
    expect(panel).to_contain_text("3 of 3 classes are left")


def test_a_hundred_classes_and_more(opened, expect):
    page = opened()
    page.get_by_label("Examples").select_option("hundred")
    expect(page.locator("[role=slider].column")).to_have_count(100)
    page.get_by_role("button", name="Add a class").click()
    expect(column(page, 101)).to_be_focused()
    page.get_by_label("Classes", exact=True).fill("5")
    expect(page.locator("[role=slider].column")).to_have_count(5)
    page.get_by_role("button", name="Remove the chosen class").click()
    expect(page.locator("[role=slider].column")).to_have_count(4)


def test_the_chosen_view_is_in_sight_on_a_phone(new_page, ui_server, expect):
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto(ui_server.url("/explore/softmax?lang=en&tab=sparse"))
    page.get_by_role("tablist").scroll_into_view_if_needed()
    expect(page.get_by_role("tab", name="Sparsemax and entmax")).to_be_in_viewport(ratio=0.9)


def test_nothing_is_wrong_for_axe_in_any_view_and_the_language_keeps_it(opened, expect, axe):
    page = opened(z="2,1,-inf", tab=VIEWS[0])
    for view in VIEWS:
        tab = page.locator(f"[role=tab][id$=-{view}]")
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        page.wait_for_selector("[role=tabpanel] p")
        axe(page)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_label("全部 logit")).to_have_value("2,1,-inf")
    expect(page.locator(f"[role=tab][id$=-{VIEWS[-1]}]")).to_have_attribute("aria-selected", "true")

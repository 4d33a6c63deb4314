"""The page Curves: every action by mouse, and again by keyboard alone."""

import re

import pytest

import luce

pytestmark = pytest.mark.once


@pytest.fixture
def expect():
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def curves(page, ui_server):
    page.goto(ui_server.url("/explore/curves?lang=en"))
    page.wait_for_selector(".small-multiple path.line")
    return page


def row(page, name):
    return page.get_by_role("row", name=name).first


def test_values_and_slopes_follow_x(curves, expect):
    curves.get_by_label("x, exactly").fill("-2")
    expect(row(curves, "Sigmoid")).to_contain_text(f"{luce.sigmoid(-2.0):.4f}")
    expect(row(curves, "Sigmoid")).to_contain_text(f"{luce.sigmoid_grad(-2.0):.3f}")
    expect(row(curves, "Tanh")).to_contain_text("−0.964")
    expect(row(curves, "ReLU")).to_contain_text("no")
    curves.get_by_role("slider", name="x", exact=True).focus()
    curves.keyboard.press("End")
    expect(row(curves, "ReLU")).to_contain_text("6")
    expect(row(curves, "ReLU")).to_contain_text("yes")
    expect(curves).to_have_url(re.compile("x=6"))


def test_the_region_without_gradient_grows_with_the_threshold(curves, expect):
    panel = curves.locator(".small-multiple").nth(1)
    expect(panel).to_contain_text("51.9 %")
    curves.get_by_label("A slope below this lets too little pass, exactly").fill("0.2")
    expect(panel.locator(".band")).to_have_count(2)
    expect(panel).to_contain_text("84 %")
    curves.get_by_label("A slope below this lets too little pass, exactly").fill("0.3")
    expect(panel.locator(".band")).to_have_count(1)


def test_a_low_temperature_makes_a_step(curves, expect):
    curves.get_by_role("slider", name="Temperature of the sigmoid").focus()
    curves.keyboard.press("Home")
    expect(row(curves, "Sigmoid")).to_contain_text("no")
    expect(curves).to_have_url(re.compile(r"T=0\.05"))
    curves.reload()
    expect(curves.get_by_label("Temperature of the sigmoid, exactly")).to_have_value("0.05")


def test_gradients_vanish_layer_after_layer(curves, expect, axe):
    curves.get_by_role("button", name="About a millionth").click()
    expect(curves.locator(".verdict")).to_contain_text("Right.")
    expect(curves.locator(".layers")).to_contain_text("After 10 layers at x = 0: sigmoid 9.5")
    curves.get_by_role("slider", name="Layers").focus()
    curves.keyboard.press("Home")
    expect(curves.locator(".layers")).to_contain_text("After 1 layer at x = 0: sigmoid 0.25")
    curves.get_by_text("The values as a table").first.click()
    expect(curves.locator("details[open] tbody tr").first).to_be_visible()
    axe(curves)

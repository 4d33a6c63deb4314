"""The page Losses: every action by mouse, and again by keyboard alone."""

import re

import numpy as np
import pytest

import luce
from luce import losses

pytestmark = pytest.mark.once
START = [1.0, 2.5, -0.5, 0.0]
TEACHER = [3.0, 1.0, 0.5, -1.0]


@pytest.fixture
def expect():
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def page_of_losses(page, ui_server):
    page.goto(ui_server.url("/explore/losses?lang=en"))
    page.wait_for_selector(".explore .column", state="attached")
    return page


def line(page):
    return page.locator(".loss-line")


def shown(x):
    return f"L = {float(f'{x:.4g}'):g}"


def test_the_loss_and_its_options_are_those_of_luce(page_of_losses, expect):
    page = page_of_losses
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(START, 0)))
    page.get_by_label("Label smoothing s, exactly").fill("0.2")
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(START, 0, label_smoothing=0.2)))
    page.get_by_label("Label smoothing s, exactly").fill("0")
    page.get_by_label("Focal γ: 0 is plain cross-entropy, exactly").fill("2")
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(START, 0, focal_gamma=2.0)))
    page.get_by_label("Focal γ: 0 is plain cross-entropy, exactly").fill("0")
    page.get_by_label("Class weights w").fill("3, 1, 1, 1")
    expect(line(page)).to_contain_text(shown(3 * losses.cross_entropy(START, 0)))
    page.get_by_label("Class weights w").fill("3, -1")
    expect(page.locator(".wrong:not(:empty)")).to_contain_text("Type 4 numbers")
    page.get_by_label("Class weights w").fill("1,1,1,1")
    page.get_by_label("Temperature T, exactly").fill("2")
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(START, 0, temperature=2.0)))
    expect(page).to_have_url(re.compile("T=2"))


def test_squared_error_and_distillation(page_of_losses, expect):
    page = page_of_losses
    page.get_by_role("radio", name="Squared error").check()
    away = luce.softmax(START) - luce.one_hot(0, 4)
    expect(line(page)).to_contain_text(shown((away**2).sum()))
    page.get_by_role("radio", name="Distillation").check()
    loss = losses.distillation(START, TEACHER, 0, alpha=0.7)
    expect(line(page)).to_contain_text(shown(loss))
    page.get_by_label("Share α of the teacher, exactly").fill("1")
    expect(line(page)).to_contain_text(shown(losses.distillation(START, TEACHER)))
    expect(page).to_have_url(re.compile("loss=distill&alpha=1"))
    page.reload()
    expect(line(page)).to_contain_text(shown(losses.distillation(START, TEACHER)))


def test_a_step_follows_the_arrows(page_of_losses, expect):
    page = page_of_losses
    arrows = page.locator("figure").first.locator(".arrow[d^=M]")
    expect(arrows).to_have_count(4)
    page.get_by_role("button", name="Take a step").click()
    grad = losses.cross_entropy_grad(START, 0).grad
    after = np.array(START) - 4 * grad
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(after, 0)))
    page.get_by_role("button", name="Take a step").focus()
    page.keyboard.press("Enter")
    after -= 4 * losses.cross_entropy_grad(after, 0).grad
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(after, 0)))


def test_keys_move_logits_and_choose_the_label(page_of_losses, expect):
    page = page_of_losses
    bars = page.locator("figure").first
    bars.get_by_role("slider", name="Class 1").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(START, 1)))
    expect(page.get_by_label("Right class y")).to_have_value("1")
    page.keyboard.press("ArrowUp")
    moved = [1.0, 2.6, -0.5, 0.0]
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(moved, 1)))
    page.get_by_label("Right class y").select_option(index=3)
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(moved, 3)))
    page.get_by_label("Classes", exact=True).fill("3")
    expect(line(page)).to_contain_text(shown(losses.cross_entropy(moved[:3], 2)))


def test_who_forgives_a_sure_mistake(page_of_losses, expect, axe):
    page = page_of_losses
    page.locator(".answers button").nth(1).click()
    expect(page.locator(".verdict")).to_contain_text("Not so.")
    expect(page).to_have_url(re.compile("loss=squared"))
    axe(page)
    page.get_by_role("radio", name="Distillation").check()
    axe(page)

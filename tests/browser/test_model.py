"""The Model page: every view by mouse, and again by keys alone."""

import json

import pytest

from luce.tasks import TrainOptions, train

pytestmark = pytest.mark.once

TABS = ["Overview", "Confusions", "Reliability", "Mistakes", "Abstaining", "Weights"]


@pytest.fixture
def model(page, ui_server):
    page.goto(ui_server.url(f"/model?model={ui_server.run}&lang=en"))
    page.get_by_role("tab", name="Overview").wait_for()
    return page


@pytest.fixture(scope="module")
def figures(ui_server):
    return json.loads((ui_server.folder / "runs" / ui_server.run / "eval.json").read_text())


def test_the_overview_shows_the_figures_of_eval_json(model, figures):
    accuracy = figures["accuracy"]
    card = model.locator(".card", has_text="Accuracy").inner_text().replace("\u202f", " ")
    assert f"{100 * accuracy['value']:.1f} %" in card
    assert f"{100 * accuracy['low']:.1f} % to {100 * accuracy['high']:.1f} %" in card
    loss = model.locator(".card", has_text="Log loss").inner_text()
    assert f"{figures['log_loss']['value']:.3f}" in loss


def test_a_click_on_a_cell_shows_its_rows(model, figures):
    model.get_by_role("tab", name="Confusions").click()
    model.get_by_role("button", name="8 taken for 8:").click()
    model.get_by_role("heading", name="“8”, rightly answered").wait_for()
    count = figures["confusion"][8][8]
    model.locator(".pictures figure").nth(min(count, 24) - 1).wait_for()
    more = model.get_by_role("button", name="Show more")
    if count > 24:
        more.click()
        model.locator(".pictures figure").nth(count - 1).wait_for()
    assert "cell=8,8" in model.url
    model.reload()
    model.get_by_role("heading", name="“8”, rightly answered").wait_for()
    model.locator(".pictures a").first.click()
    model.wait_for_selector("canvas.pad")


def test_keys_move_through_the_matrix_and_the_tabs(model):
    model.get_by_role("tab", name="Overview").focus()
    model.keyboard.press("ArrowRight")
    model.locator(".confusion button").first.wait_for()
    model.locator(".confusion button[tabindex='0']").focus()
    model.keyboard.press("ArrowDown")
    model.keyboard.press("Enter")
    pressed = model.locator(".confusion button[aria-pressed=true]")
    assert pressed.count() == 1
    assert pressed.get_attribute("data-cell") in model.url
    for name in TABS[2:]:
        model.locator("[role=tab][aria-selected=true]").focus()
        model.keyboard.press("ArrowRight")
        assert model.locator("[role=tab][aria-selected=true]").inner_text() == name
        model.locator(".tabpanel > *").first.wait_for()


def test_a_matrix_of_26_classes_is_seen_as_a_whole(page, ui_server, tmp_path):
    rows = [f"{i % 26},{(i * 7) % 11},{i % 26}" for i in range(520)]
    (tmp_path / "letters.csv").write_text("\n".join(["a,b,target", *rows]) + "\n")
    options = TrainOptions(data=str(tmp_path / "letters.csv"))
    train(options, out=ui_server.folder / "runs" / "letters")
    page.goto(ui_server.url("/model?model=letters&tab=confusion&lang=en"))
    page.locator(".confusion tbody tr").nth(25).wait_for()
    scrolls = "table => table.parentElement.scrollWidth > table.parentElement.clientWidth"
    assert not page.locator("table.confusion").evaluate(scrolls)


def test_reliability_is_shown_of_the_answer_and_of_each_class(model, figures):
    model.get_by_role("tab", name="Reliability").click()
    marks = model.locator(".plot circle.bin")
    marks.first.wait_for()
    assert marks.count() == len(figures["reliability"]["top_label"])
    model.get_by_label("Probability of").select_option(label="3")
    bins = figures["reliability"]["per_class"]["3"]
    from playwright.sync_api import expect

    expect(marks).to_have_count(len(bins))
    model.locator("details.values summary").click()
    expect(model.locator("details.values tbody tr")).to_have_count(len(bins))


def test_the_most_confident_mistake_comes_first(model):
    model.get_by_role("tab", name="Mistakes").click()
    first = model.locator(".pictures figure").first
    first.wait_for()
    assert "✗" in first.inner_text()


def test_the_slider_answers_fewer_rows_with_fewer_mistakes(model):
    model.get_by_role("tab", name="Abstaining").click()
    slider = model.get_by_role("slider", name="Rows answered, %")
    slider.wait_for()
    facts = model.locator(".stats dd")
    slider.fill("100")
    of_all = facts.nth(1).inner_text()
    slider.fill("50")
    assert facts.nth(1).inner_text() != of_all
    slider.focus()
    model.keyboard.press("ArrowLeft")
    assert "coverage=49" in model.url
    promise = model.get_by_role("slider", name="Wrong answers at most, %")
    promise.fill("0.5")
    model.get_by_text("cannot prove a risk").wait_for()
    promise.fill("10")
    model.get_by_text("of such answers are wrong").wait_for()


def test_weights_are_pictures_of_each_class(model):
    model.get_by_role("tab", name="Weights").click()
    model.locator("canvas.signed").nth(9).wait_for()


def test_nothing_stands_in_the_way_of_those_who_see_or_hear_otherwise(model, axe):
    for name in TABS:
        model.get_by_role("tab", name=name).click()
        model.wait_for_load_state("networkidle")
        model.locator(".tabpanel > *").first.wait_for()
        axe(model)


def test_every_view_fits_a_narrow_window(model):
    model.set_viewport_size({"width": 360, "height": 740})
    for name in TABS:
        model.get_by_role("tab", name=name).click()
        model.wait_for_load_state("networkidle")
        model.locator(".tabpanel > *").first.wait_for()
        assert model.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_without_a_model_the_page_says_how_to_get_one(new_page, empty_ui_server, axe):
    page = new_page()
    page.goto(empty_ui_server.address)
    for view in ("/model", "/predict", "/serve"):
        page.goto(empty_ui_server.url(view))
        page.get_by_role("link", name="Try a demo").wait_for()
    axe(page)

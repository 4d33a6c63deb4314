"""The Predict page: draw with mouse and keys, drop an image, fill in a row, type a text."""

import re

import numpy as np
import pytest

from luce.tasks import TrainOptions, train

pytestmark = pytest.mark.once


def expect(locator):
    """Playwright's assertions wait, and need no script that the pages' policy forbids."""
    from playwright import sync_api

    return sync_api.expect(locator)


@pytest.fixture
def predict(page, ui_server):
    page.goto(ui_server.url(f"/predict?model={ui_server.run}&lang=en"))
    page.locator(".answer", has_text="%").wait_for()
    return page


@pytest.fixture(scope="module")
def more_runs(ui_server, tmp_path_factory):
    """A table and texts beside the digits."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal(2 * (i % 2)):.3f},{'rb'[i % 2 if i % 5 else 0]},{['no', 'yes'][i % 2]}"
            for i in range(160)]  # fmt: skip
    (folder / "table.csv").write_text("size,colour,answer\n" + "\n".join(rows) + "\n")
    topics = [
        ["cat", "purr", "mouse", "fur", "whisker"],
        ["boat", "sail", "harbour", "rope", "wind"],
    ]
    texts = [f"{' '.join(rng.choice(topics[i % 2], 4))},{['cat', 'boat'][i % 2]}"
             for i in range(120)]  # fmt: skip
    (folder / "texts.csv").write_text("body,topic\n" + "\n".join(texts) + "\n")
    runs = ui_server.folder / "runs"
    table, texts = str(folder / "table.csv"), str(folder / "texts.csv")
    train(TrainOptions(data=table, target="answer"), out=runs / "table")
    train(TrainOptions(data=texts, target="topic"), out=runs / "texts")


def answer(page):
    return page.locator(".answer").inner_text().split("\n")[0].split(" ")[0]


def changes(page):
    """Waits for the next answer of /predict while something is done."""
    return page.expect_response(lambda response: response.url.endswith("/predict"))


def test_a_drawing_by_mouse_is_answered_while_it_grows(predict):
    with changes(predict):
        predict.get_by_role("button", name="Clear").click()
    box = predict.locator("canvas.pad").bounding_box()
    x = box["x"] + box["width"] / 2
    with changes(predict):
        predict.mouse.move(x, box["y"] + 0.1 * box["height"])
        predict.mouse.down()
        predict.mouse.move(x, box["y"] + 0.9 * box["height"], steps=6)
        predict.mouse.up()
    predict.wait_for_url(re.compile("pixels="))
    address = predict.url
    predict.goto("about:blank")
    predict.goto(address)
    predict.locator(".answer", has_text="%").wait_for()
    ink = "document.querySelector('canvas.pad').getContext('2d').getImageData(4, 4, 1, 1).data[0]"
    assert predict.evaluate(ink) > 100
    with changes(predict):
        predict.get_by_role("button", name="Invert").click()
    with changes(predict):
        predict.get_by_role("button", name="Undo").click()
    with changes(predict):
        predict.get_by_role("button", name="Centre").click()


def test_a_drawing_by_keys_alone(predict):
    predict.locator("canvas.pad").focus()
    with changes(predict):
        predict.keyboard.press("Escape")
    blank = predict.locator("canvas.pad").evaluate("c => c.toDataURL()")
    with changes(predict):
        for _ in range(3):
            predict.keyboard.press("Shift+ArrowDown")
    drawn = predict.locator("canvas.pad").evaluate("c => c.toDataURL()")
    assert drawn != blank
    with changes(predict):
        for _ in range(3):
            predict.keyboard.press("Control+z")
    assert predict.locator("canvas.pad").evaluate("c => c.toDataURL()") == blank
    with changes(predict):
        predict.keyboard.press("Space")
    with changes(predict):
        predict.keyboard.press("Delete")


def test_the_first_stroke_on_the_example_begins_an_empty_sheet(predict):
    predict.get_by_text("your first stroke begins an empty sheet").wait_for()
    pad = predict.locator("canvas.pad")
    pixels = "c.getContext('2d').getImageData(0, 0, 8, 8).data"
    inked = f"c => {pixels}.filter((value, i) => i % 4 === 0 && value > 0).length"
    example = pad.evaluate(inked)
    assert "row=" not in predict.url
    pad.focus()
    with changes(predict):
        predict.keyboard.press("Space")
    assert 0 < pad.evaluate(inked) < 10 < example
    with changes(predict):
        predict.keyboard.press("Control+z")
    assert pad.evaluate(inked) == example
    with changes(predict):
        predict.get_by_role("button", name="An evaluated row").click()
    predict.wait_for_url(re.compile("row="))
    chosen = pad.evaluate(inked)
    with changes(predict):
        pad.press("Space")
    assert pad.evaluate(inked) >= chosen


def test_a_dropped_image_is_answered(predict, tmp_path):
    from PIL import Image

    pixels = np.full((40, 40), 255, np.uint8)
    pixels[6:34, 17:23] = 0
    Image.fromarray(pixels).save(tmp_path / "one.png")
    with changes(predict):
        predict.locator(".drop input").set_input_files(tmp_path / "one.png")
    predict.get_by_text("Light and dark were exchanged").wait_for()
    (tmp_path / "none.png").write_bytes(b"no image")
    predict.locator(".drop input").set_input_files(tmp_path / "none.png")
    predict.get_by_text("must be a sound image").wait_for()
    assert "422" in predict.faults.pop()  # Chromium tells of every answer that says no


def test_what_would_change_the_answer_is_shown_with_pictures(predict):
    predict.get_by_text("smallest change of all pixels").wait_for()
    predict.get_by_label("Compared with").select_option(label="3")
    predict.get_by_text("“3”").first.wait_for()


def test_a_row_is_filled_in_and_flipped(page, ui_server, more_runs, axe):
    page.goto(ui_server.url("/predict?model=table&lang=en"))
    page.locator(".flips tbody tr").first.wait_for()
    before = answer(page)
    axe(page)
    page.set_viewport_size({"width": 360, "height": 780})
    button = page.get_by_role("row").get_by_role("button", name="Change size").first.bounding_box()
    assert button["x"] + button["width"] <= 344  # it is to be seen without scrolling
    axe(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    with changes(page):
        page.get_by_role("button", name="Change size").first.click()
    expect(page.locator(".answer")).not_to_have_text(re.compile(f"^{before}"))
    page.wait_for_url(re.compile("cells="))
    size = page.get_by_role("textbox", name="size")
    size.fill("tall")
    page.get_by_text("must hold numbers").first.wait_for()
    expect(page.locator("[role=alert].bad")).to_have_count(2)
    faults = [page.faults.pop() for _ in range(len(page.faults))]
    assert faults
    assert all("422" in fault for fault in faults)
    size.fill("1")
    with changes(page):
        size.press("ArrowUp")
    assert float(size.input_value()) > 1
    beyond = page.get_by_text("Beyond all values that training has seen: size (")
    expect(beyond).to_have_count(0)
    size.fill("9999")
    beyond.wait_for()
    size.fill("1")
    expect(beyond).to_have_count(0)
    form = page.locator(".row-form")
    assert form.evaluate("e => e.scrollHeight === e.clientHeight")  # no field is cut
    with changes(page):
        page.get_by_label("zero").check(force=True)
    with changes(page):
        page.get_by_role("button", name="An evaluated row").click()
    page.get_by_text("true class:").wait_for()


def test_an_emptied_number_says_what_counts_instead(page, ui_server, more_runs, axe):
    page.goto(ui_server.url("/predict?model=table&lang=en"))
    page.locator(".answer", has_text="%").wait_for()
    with changes(page):
        page.get_by_role("textbox", name="size").fill("")
    page.get_by_text(
        re.compile(r"size is missing: the training mean, [\d.]+, is used\.")
    ).wait_for()
    axe(page)
    page.set_viewport_size({"width": 360, "height": 800})
    page.locator("table.flips").wait_for()
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(f"() => {sideways}") == 0
    with changes(page):
        page.get_by_role("textbox", name="size").fill("1")
    page.get_by_text("size is missing").wait_for(state="detached")


def test_a_text_is_typed_and_its_words_are_weighed(page, ui_server, more_runs, axe):
    page.goto(ui_server.url("/predict?model=texts&lang=en"))
    page.locator(".answer", has_text="%").wait_for()
    page.get_by_role("textbox", name="body").fill("cat purr")
    expect(page.locator(".answer")).to_have_text(re.compile("^cat"))
    page.locator(".word.for").first.wait_for()
    page.get_by_role("textbox", name="body").fill("boat sail rope")
    expect(page.locator(".answer")).to_have_text(re.compile("^boat"))
    axe(page)


def test_nothing_stands_in_the_way_of_those_who_see_or_hear_otherwise(predict, axe):
    predict.get_by_text("smallest change of all pixels").wait_for()
    axe(predict)

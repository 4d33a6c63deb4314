"""Costs of output layers, and the walk through a Huffman tree, by mouse and by keyboard."""

import pytest

pytestmark = pytest.mark.once

VIEW = "/explore/large-outputs"


@pytest.fixture
def open_at(page, ui_server):
    def go(params=""):
        page.goto("about:blank")
        page.goto(ui_server.url(VIEW + params))
        page.wait_for_selector(".tree-node")
        return page

    return go


def cell(page, head, column):
    row = page.get_by_role("table", name="What each output layer").locator(
        "tbody tr", has_text=head
    )
    return row.locator("td").nth(column)


def wait_cell(page, head, column, text):
    row = page.get_by_role("table", name="What each output layer").locator(
        "tbody tr", has_text=head
    )
    row.locator(f'td:nth-of-type({column + 1}):has-text("{text}")').wait_for()


def product(page):
    return page.locator(".tree-product").inner_text()


def test_sizes_by_mouse(open_at):
    page = open_at()
    wait_cell(page, "Full softmax", 0, "4.2 billion")
    page.get_by_role("button", name="10,000 words").click()
    wait_cell(page, "Full softmax", 0, "1.4 billion")
    assert "words=10000" in page.url
    page.get_by_role("radio", name="16 bits").check()
    wait_cell(page, "Full softmax", 4, "14 MB")
    page.reload()
    wait_cell(page, "Full softmax", 4, "14 MB")


def test_sizes_by_keyboard(open_at):
    page = open_at()
    page.get_by_label("Width of the hidden rows").fill("100")
    wait_cell(page, "Full softmax", 0, "2.1 billion")
    page.get_by_role("slider", name="Zipf exponent").press("Home")
    wait_cell(page, "Huffman", 0, "million")
    assert "zipf=0" in page.url
    cutoffs = page.get_by_label("Cutoffs of the adaptive layer")
    cutoffs.fill("8000, 2000")
    page.get_by_text("Write whole numbers from 1 to 29,999 that increase").wait_for()
    assert cutoffs.get_attribute("aria-invalid") == "true"
    cutoffs.fill("")
    wait_cell(page, "Adaptive", 1, "1 ×")  # without cutoffs it is the full softmax
    assert page.locator(".wrong:not(:empty)").count() == 0


def test_ten_million_words_are_counted(open_at):
    page = open_at("?words=10000000&width=10&rows=1&cutoffs=")
    wait_cell(page, "Full softmax", 0, "100 million")


def test_a_walk_by_mouse(open_at):
    page = open_at()
    assert "At the root" in product(page)
    page.get_by_role("button", name="← Left, 0").click()
    page.get_by_role("button", name="Right, 1 →").click()
    assert product(page).startswith("“the”: 0.624 × 0.526 = 0.328. 2 choices instead of 9")
    assert page.get_by_role("button", name="Right, 1 →").is_disabled()
    assert "way=01" in page.url
    page.get_by_role("button", name="To the root").click()
    assert "At the root" in product(page)
    page.get_by_role("button", name="softmax", exact=True).click()  # in the table
    assert product(page).startswith("“softmax”")
    page.locator(".tree-node.leaf", has_text="mat").first.click()
    assert product(page).startswith("“mat”")


def test_a_walk_by_keyboard(open_at):
    page = open_at()
    tree = page.get_by_role("application", name="A binary tree")
    tree.focus()
    for key in ["ArrowLeft", "ArrowRight"]:
        page.keyboard.press(key)
    assert product(page).startswith("“the”")
    page.keyboard.press("ArrowUp")
    assert "after 1 choice." in product(page)
    slider = page.get_by_role("slider", name="Logit of this choice")
    slider.press("Home")
    assert "choices=1:-6" in page.url
    tree.press("Home")
    total = page.get_by_text("Sum of the probabilities: 1.000000.")
    assert total.count() == 1
    row = page.get_by_role("table", name="The words and their ways").locator("tr", has_text="the")
    assert "62.22" in row.first.inner_text()  # nearly all of what goes left
    page.reload()
    row.first.filter(has_text="62.22").wait_for()
    page.get_by_role("button", name="As the counts say").press("Enter")
    row.first.filter(has_text="32.83").wait_for()


def test_words_of_ones_own(open_at):
    page = open_at("?way=1111")
    words = page.get_by_label("Words with their counts")
    words.fill("猫 3\n狗 1\nNew York 4")
    rows = page.get_by_role("table", name="The words and their ways").locator("tbody tr")
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == ["New York", "猫", "狗"]
    words.fill("alone 3")
    page.get_by_text("A tree needs two words or more.").wait_for()
    words.fill("a 3\nb")
    page.get_by_text("Not understood: “b”.").wait_for()
    assert rows.count() == 3  # the last tree stays
    page.reload()
    page.wait_for_selector(".tree-node")
    assert rows.count() == 3


@pytest.mark.parametrize("options", ["", "?theme=dark&lang=zh&way=10"])
def test_nothing_is_wrong_with_it(open_at, axe, options):
    axe(open_at(options))

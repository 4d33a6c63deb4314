"""The Data page: every action by mouse, again by keys alone, and nothing that axe minds."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.once

LEAKY = "id,note,copy,label\n" + "".join(
    f"{i},remark {i},{'ab'[i % 2]}!,{'ab'[i % 2]}\n" for i in range(40)
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(LEAKY)
    return path


@pytest.fixture
def data(page, ui_server):
    page.goto(ui_server.url("/data"))
    page.wait_for_selector("#source")
    return page


def test_a_file_is_opened_looked_at_and_taken_to_training(data, table, axe):
    axe(data)
    data.set_input_files("input[type=file]", table)
    data.wait_for_selector(".stats")
    assert data.get_by_role("heading", name="mine.csv").is_visible()
    assert data.locator(".badge.bad").inner_text().endswith("a leak?")
    axe(data)
    data.get_by_role("button", name="Leave it out").click()
    data.wait_for_selector(".badge.bad", state="detached")
    data.get_by_label("Role of note").select_option("text")
    expect(data).to_have_url(re.compile("text=note"))
    assert "ignore=copy" in data.url
    data.get_by_role("button", name="Train on these data").click()
    data.wait_for_selector(".setup .fields")
    assert "Left out: copy" in data.locator(".setup").inner_text()
    command = data.locator(".setup code").first.inner_text()
    assert "--ignore copy" in command
    assert "--text note" in command


def test_another_target_is_chosen_and_a_file_is_removed_by_keys(data):
    other = {"name": "other.csv", "mimeType": "text/csv", "buffer": LEAKY.encode()}
    data.set_input_files("input[type=file]", other)  # the system's own dialog cannot be driven
    role = data.get_by_label("Role of copy")
    role.focus()
    data.keyboard.type("targ")
    expect(data).to_have_url(re.compile("target=copy"))
    data.wait_for_selector("tr:has(.badge:not(.bad)):has-text('copy')")
    expect(data.locator("[aria-busy=true]")).to_have_count(0)
    data.get_by_role("button", name="Remove this file").focus()
    data.keyboard.press("Enter")
    data.wait_for_selector(".empty")
    assert data.locator("#source option", has_text="other.csv").count() == 0


def test_a_named_set_is_chosen_by_keys_and_shows_its_images(data, axe):
    data.locator("#source").focus()
    data.keyboard.type("dig")
    data.wait_for_selector(".pictures canvas")
    assert data.locator(".pictures canvas").count() == 40
    axe(data)
    data.locator("summary", has_text="How the file was read").focus()
    data.keyboard.press("Enter")
    assert data.locator("details[open] li").first.is_visible()


def test_what_cannot_be_used_is_told_and_can_be_mended(data, tmp_path, axe):
    path = tmp_path / "prices.csv"
    path.write_text("kind,price\n" + "".join(f"{'ab'[i % 2]},{i * 0.37}\n" for i in range(60)))
    data.set_input_files("input[type=file]", path)
    refused = data.get_by_role("alert").filter(has_text="name the class of each row")
    refused.wait_for()
    data.faults.clear()  # the browser tells the console of every answer that says no
    axe(data)
    assert data.locator(".roles tr", has=data.locator(".badge")).inner_text().startswith("price")
    data.get_by_label("Role of kind").select_option("target")
    data.wait_for_selector(".stats")
    data.set_input_files("input[type=file]", {"name": "run.exe", "mimeType": "", "buffer": b"MZ"})
    data.get_by_role("alert").filter(has_text="a file's name must end in").wait_for()
    data.faults.clear()


ROWS = "5.5,7,a\n" + "".join(f"{i},{i % 5},{'ab'[i % 2]}\n" for i in range(40))


def test_a_file_without_a_header_is_doubted_read_and_taken_to_training(data, axe):
    file = {"name": "rows.csv", "mimeType": "text/csv", "buffer": ROWS.encode()}
    data.set_input_files("input[type=file]", file)
    alert = data.get_by_role("alert")
    expect(alert).to_contain_text("“5.5” “7” “a”")
    axe(data)
    alert.get_by_role("button", name="The file has no header").click()
    expect(alert).to_have_count(0)
    box = data.get_by_role("checkbox", name="The file has no header")
    expect(box).to_be_checked()
    expect(data.locator(".stats")).to_contain_text("column_3")
    data.get_by_role("button", name="Train on these data").click()
    data.wait_for_selector(".setup .fields")
    assert "--no-header" in data.locator(".setup code").first.inner_text()
    axe(data)
    box.focus()
    data.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(box).to_be_focused()
    expect(data.locator(".setup code").first).not_to_contain_text("--no-header")
    data.get_by_role("link", name="Look at the data").click()
    expect(box).not_to_be_checked()


def test_names_that_repeat_can_be_told_to_be_a_row(data):
    file = {
        "name": "zeros.csv",
        "mimeType": "text/csv",
        "buffer": b"0,0,a\n" + b"1,2,b\n3,1,a\n" * 20,
    }
    data.set_input_files("input[type=file]", file)
    expect(data.get_by_role("alert")).to_contain_text("more than once")
    assert "422" in data.faults.pop()
    data.get_by_role("checkbox", name="The file has no header").check()
    expect(data.locator(".stats")).to_contain_text("41")


def test_files_of_the_same_name_can_be_told_apart(data):
    file = {"name": "twice.csv", "mimeType": "text/csv", "buffer": LEAKY.encode()}
    options = data.locator("#source option", has_text="twice.csv")
    data.set_input_files("input[type=file]", file)
    expect(options).to_have_text(["twice.csv"])
    data.set_input_files("input[type=file]", {**file, "buffer": (LEAKY + "41,x,b!,b\n").encode()})
    expect(options).to_have_text([re.compile(rf"twice\.csv \(no\. {n}, .+\)") for n in (2, 1)])
    expect(data.locator("#source option:checked")).to_contain_text("no. 2")


def test_what_is_refused_is_told_in_chinese(page, ui_server, axe):
    page.goto(ui_server.url("/data?lang=zh"))
    page.wait_for_selector("#source")
    file = {"name": "letter.docx", "mimeType": "text/plain", "buffer": b"x"}
    page.set_input_files("input[type=file]", file)
    expect(page.get_by_role("alert")).to_contain_text("无法读取这种文件")
    assert "415" in page.faults.pop()
    page.goto(ui_server.url("/data?lang=zh&data=digits&ignore=nothing"))
    expect(page.get_by_role("alert")).to_contain_text("没有这一列")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    axe(page)
    assert "422" in page.faults.pop()

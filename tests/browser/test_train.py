"""The Train page: every action by mouse, again by keys alone, and nothing that axe minds."""

import json

import pytest
from playwright.sync_api import expect

from luce.tasks.runs import locked

pytestmark = pytest.mark.once


@pytest.fixture
def train(page, ui_server):
    page.goto(ui_server.url("/train?data=iris"))
    page.wait_for_selector(".setup .fields")
    return page


def test_the_form_the_command_and_the_address_say_the_same(train, axe):
    command = train.locator(".setup code").first
    assert command.inner_text() == "luce train iris"
    train.get_by_label("C", exact=True).fill("10")
    assert command.inner_text() == "luce train iris --C 10.0"
    assert "o.C=10" in train.url
    train.locator("summary", has_text="More options").click()
    train.get_by_label("Seed").fill("-1")
    assert train.get_by_text("This must be at least 0.").is_visible()
    assert train.get_by_role("button", name="Start training").is_disabled()
    axe(train)
    train.get_by_label("Seed").fill("7")
    assert train.get_by_role("button", name="Start training").is_enabled()
    train.get_by_role("radio", name="Network").check()
    assert train.get_by_label("C", exact=True).count() == 0
    assert train.get_by_label("Hidden").is_visible()
    assert "--model mlp --seed 7" in command.inner_text().replace(" \\\n  ", " ")
    train.reload()
    train.wait_for_selector(".setup .fields")
    assert train.get_by_label("Seed").input_value() == "7"


def test_a_training_is_started_watched_and_read_by_keys_alone(train, axe):
    train.get_by_role("button", name="Start training").focus()
    train.keyboard.press("Enter")
    train.locator(".live .badge.good").wait_for(timeout=60_000)
    train.locator(".curves path.line").first.wait_for()
    axe(train)
    train.locator(".live").get_by_role("button", name="Report").focus()
    train.keyboard.press("Enter")
    report = train.frame_locator("iframe")
    report.get_by_role("heading", name="iris").first.wait_for()
    train.keyboard.press("Escape")
    train.locator("dialog").wait_for(state="detached")
    train.locator(".live summary", has_text="What luce train says").focus()
    train.keyboard.press("Enter")
    assert "Training on 120 rows" in train.locator(".log").inner_text()
    box = train.get_by_label("Compare digits", exact=True)
    box.focus()
    train.keyboard.press("Space")
    train.locator("h3", has_text="In what they differ").wait_for()
    assert "with=digits" in train.url
    axe(train)


def test_a_training_is_stopped_and_resumed(train, ui_server):
    train.goto(ui_server.url("/train?data=digits&o.solver=adam&o.epochs=100000&o.patience=100000"))
    start = train.get_by_role("button", name="Start training")
    start.wait_for()
    start.click()
    train.locator(".curves path.line").first.wait_for(timeout=60_000)
    train.get_by_role("button", name="Stop, keep the best so far").click()
    train.locator(".live .badge", has_text="stopped").wait_for(timeout=60_000)
    run = train.evaluate("new URLSearchParams(location.hash.split('?')[1]).get('run')")
    lines = (ui_server.folder / "runs" / run / "metrics.jsonl").read_text().splitlines()
    train.get_by_role("button", name="Resume", exact=True).click()
    train.locator("dialog").get_by_label("Epochs").fill(str(len(lines) + 1))
    train.locator("dialog").get_by_role("button", name="Resume").click()
    train.locator(".live .badge.good").wait_for(timeout=60_000)
    more = (ui_server.folder / "runs" / run / "metrics.jsonl").read_text().splitlines()
    assert len(more) == len(lines) + 1


def test_a_run_of_a_terminal_is_followed_live(train, ui_server):
    folder = ui_server.folder / "runs" / "elsewhere"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text('data = "iris"\nmodel = "linear"\n')
    history = folder / "metrics.jsonl"
    history.write_text(
        "".join(json.dumps({"epoch": i, "train_loss": 1 / i}) + "\n" for i in (1, 2))
    )
    with locked(folder):
        train.goto(ui_server.url("/train?data=iris&run=elsewhere"))
        train.locator(".live .badge", has_text="training").wait_for()
        assert train.get_by_role("button", name="Stop, keep the best so far").is_disabled()
        drawn = train.locator(".curves path.line").first
        drawn.wait_for()
        before = drawn.get_attribute("d")
        with history.open("a") as file:
            file.write('{"epoch": 3, "train_loss": 0.1}\n')
        expect(drawn).not_to_have_attribute("d", before)
    train.locator(".live .badge", has_text="failed").wait_for()


def test_an_error_of_the_training_is_shown_as_the_command_line_shows_it(train, tmp_path):
    path = tmp_path / "rare.csv"
    path.write_text("x,label\n1,a\n2,a\n3,b\n4,b\n5,only once\n")
    train.goto(train.url.split("#")[0] + "#/data")
    train.wait_for_selector("#source")
    train.set_input_files("input[type=file]", path)
    train.get_by_role("button", name="Train on these data").click()
    train.get_by_role("button", name="Start training").click()
    error = train.locator(".live .error")
    error.wait_for(timeout=60_000)
    assert "class 'only once' has only row 5" in error.inner_text()

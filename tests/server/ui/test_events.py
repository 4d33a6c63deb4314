"""The history of a run, as it is written."""

import json

import pytest

from luce.server.ui import events

pytestmark = pytest.mark.once


def parsed(text):
    """Events by the rules of the HTML standard, in their simplest form."""
    found = []
    for block in filter(None, text.split("\n\n")):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


class Writer:
    """A history that grows, and the state that goes with it."""

    def __init__(self, path):
        self.path, self.state = path, "running"

    def write(self, *entries):
        with self.path.open("a") as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in entries))

    def __call__(self):
        return {"state": self.state}


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path / "metrics.jsonl")


async def collect(writer, offset=0, act=lambda name, number: None):
    found = []
    async for text in events.follow(writer.path, writer, offset):
        for event in parsed(text):
            found.append(event)
            act(event[0], len(found))
    return found


def test_only_what_is_new_is_sent(writer, run):
    def act(name, number):
        if number == 1:
            writer.write({"epoch": 1, "loss": 0.5})
        elif name == "entries" and number == 2:
            writer.write({"epoch": 2, "loss": 0.25}, {"epoch": 3, "loss": None})
        elif name == "entries":
            writer.state = "finished"

    found = run(collect, writer, 0, act)
    assert [name for name, _, _ in found] == ["state", "entries", "entries", "state", "end"]
    assert found[1][1] == {"names": ["epoch", "loss"], "rows": [[1, 0.5]]}
    assert found[2][1]["rows"] == [[2, 0.25], [3, None]]
    assert int(found[2][2]) == writer.path.stat().st_size


def test_a_browser_that_comes_back_gets_what_it_missed(writer, run):
    writer.write({"epoch": 1})
    seen = writer.path.stat().st_size
    writer.write({"epoch": 2})
    writer.state = "finished"
    found = run(collect, writer, seen)
    assert [data["rows"] for name, data, _ in found if name == "entries"] == [[[2]]]


def test_half_a_line_waits_and_a_damaged_one_is_left_out(writer, run):
    writer.path.write_text('{"epoch": 1}\nnonsense\n[3]\n{"epoch": 4, "x": NaN, "y": [1]}\n{"epo')
    writer.state = "stopped"
    found = run(collect, writer)
    assert found[1][1]["rows"] == [[1, None, None], [4, None, None]]
    assert int(found[1][2]) == writer.path.stat().st_size - len('{"epo')


def test_a_history_that_was_begun_anew_is_told(writer, run):
    writer.write({"epoch": 1})
    writer.state = "finished"
    found = run(collect, writer, 10_000)
    assert [name for name, _, _ in found] == ["state", "again", "entries", "end"]


def test_a_run_that_has_no_history_yet_is_waited_for(writer, run):
    def act(name, number):
        if writer.state == "preparing":
            writer.state = "running"
            writer.write({"iteration": 1})
        elif name == "entries":
            writer.state = "finished"

    writer.state = "preparing"
    names = [name for name, _, _ in run(collect, writer, 0, act)]
    assert names[-1] == "end"
    assert names.count("entries") == 1


def test_ten_thousand_entries_are_sent_once_in_few_events(writer, run):
    entries = [{"epoch": i, "train_loss": 1 / i, "valid_loss": 2 / i} for i in range(1, 10_001)]
    writer.write(*entries)
    writer.state = "finished"
    found = [data for name, data, _ in run(collect, writer) if name == "entries"]
    assert len(found) <= 3
    rows = [row for data in found for row in data["rows"]]
    assert [row[0] for row in rows] == list(range(1, 10_001))
    assert rows[-1] == [10_000, 0.0001, 0.0002]

"""Trainings through the routes: real children of the server."""

import json

import pytest

from luce.server.ui import events
from luce.tasks.options import OPTIONS
from luce.tasks.runs import METRICS

pytestmark = pytest.mark.once

LETTERS = "a,b,label\n" + "".join(f"{i % 7},{i * i % 11},{'xyz'[i % 3]}\n" for i in range(90))


@pytest.fixture
def ended(api, jobs):
    """Wait until a training has ended; return what the server says of it."""

    def wait(id, state="finished"):
        assert jobs.get(id).ended.wait(120)
        run = api.get(f"/api/runs/{id}").json()
        assert run["state"] == state, run
        return run

    return wait


async def first_entries(job):
    """Wait until a training has made its first step."""
    async for text in events.follow(job.folder / METRICS, lambda: {"state": job.state}, 0):
        if text.startswith("id: "):
            return
    raise AssertionError(job.to_json())


def test_the_table_of_options_is_that_of_the_command_line(api):
    table = api.get("/api/options").json()["options"]
    assert [option["name"] for option in table] == [name for name in OPTIONS if name != "data"]
    epochs = next(option for option in table if option["name"] == "epochs")
    assert (epochs["kind"], epochs["at_least"], epochs["optional"]) == ("integer", 1, True)
    assert {option["name"] for option in table if option["only_of"] == "mlp"} >= {"hidden"}


def test_a_file_of_ones_own_becomes_a_run_with_its_report(api, send, space, ended):
    id = send("Letters (mine).csv", LETTERS).json()["id"]
    answer = api.post("/api/train", json={"source": id, "ignore": ["b"], "options": {"C": 5}})
    assert answer.status_code == 201, answer.text
    run = ended(answer.json()["run"])
    assert run["id"].startswith("letters-mine-")
    assert run["options"]["data"] == "Letters (mine).csv"
    assert (run["options"]["C"], run["options"]["ignore"]) == (5.0, "b")
    assert run["figures"]["rows"] == 18
    assert run["job"]["error"] is None
    assert "Training on 72 rows" in run["job"]["log"]
    assert str(space.private) not in json.dumps(run)
    report = api.get(f"/api/runs/{run['id']}/report")
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in report.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in report.headers["content-security-policy"]
    assert [entry["id"] for entry in api.get("/api/runs").json()["runs"]] == [run["id"]]
    told = api.get(f"/api/runs/{run['id']}/events").text
    assert told.startswith("event: state")
    assert told.endswith("event: end\ndata: {}\n\n")
    assert told.count("event: entries") == 1


def test_a_training_is_stopped_and_resumed(api, jobs, ended, run):
    body = {
        "source": "digits",
        "options": {"solver": "adam", "epochs": 100_000, "patience": 100_000},
    }
    id = api.post("/api/train", json=body).json()["run"]
    early = api.post(f"/api/runs/{id}/resume", json={})
    assert (early.status_code, early.json()["error"]["type"]) == (409, "JobConflict")
    run(first_entries, jobs.get(id))
    assert api.post(f"/api/runs/{id}/stop", json={}).status_code == 202
    stopped = ended(id, "stopped")
    done = stopped["training"]["n_iter"]
    assert stopped["training"]["interrupted"]
    assert api.post(f"/api/runs/{id}/stop", json={}).status_code == 409
    wrong = api.post(f"/api/runs/{id}/resume", json={"changes": {"C": 3}})
    assert wrong.status_code == 400
    more = api.post(f"/api/runs/{id}/resume", json={"changes": {"epochs": done + 1}})
    assert (more.status_code, more.json()["run"]) == (202, id)
    assert ended(id)["training"]["n_iter"] == done + 1


def test_what_the_child_says_of_its_failure_is_told(api, send, space, ended):
    id = send("t.csv", LETTERS + "1,2,rare\n").json()["id"]
    run = ended(api.post("/api/train", json={"source": id}).json()["run"], "failed")
    assert "class 'rare' has only row 91" in run["job"]["error"]
    assert not (space.runs_folder / run["id"]).exists()
    assert api.get("/api/runs").json()["runs"][0]["state"] == "failed"
    assert api.get(f"/api/runs/{run['id']}/report").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"source": "no such"}, 404),
        ({"source": "../../etc/passwd"}, 404),
        ({"source": "iris", "options": {"C": -1}}, 400),
        ({"source": "iris", "options": {"C": "1"}}, 400),
        ({"source": "iris", "options": {"C": 10**400}}, 400),
        ({"source": "iris", "options": {"hidden": "\ud800"}}, 400),
        ({"source": "iris", "options": {"epochs": 1.5}}, 400),
        ({"source": "iris", "options": {"data": "/etc/passwd"}}, 400),
        ({"source": "iris", "options": {"valid": "/etc/passwd"}}, 400),
        ({"source": "iris", "valid": "/etc/passwd"}, 404),
        ({"source": "iris", "valid": "nan"}, 400),
        ({"source": "iris", "valid": "1e999"}, 400),
        ({"source": "iris", "valid": 1}, 400),
        ({"source": "iris", "valid": True}, 400),
        ({"source": "iris", "valid": ["test"]}, 400),
        ({"source": "iris", "options": {"tune\n": "1s"}}, 400),
        ({"source": "iris", "options": []}, 400),
        ({"source": "iris", "ignore": "x"}, 400),
        ({"source": "iris", "ignore": ["\ud800"]}, 400),
        ({"source": "iris", "other": 1}, 400),
        ([], 400),
    ],
)
def test_impossible_trainings_are_refused_and_leave_nothing(api, space, body, status):
    headers = {"content-type": "application/json"}
    answer = api.post("/api/train", content=json.dumps(body), headers=headers)
    assert answer.status_code == status, answer.text
    assert not space.runs_folder.exists()


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}', b"x" * 2_000_000]
)
def test_hostile_bodies_are_refused(api, content):
    headers = {"content-type": "application/json"}
    answer = api.post("/api/train", content=content, headers=headers)
    assert answer.status_code in (400, 413)


def test_a_run_of_a_terminal_is_followed_but_not_stopped(api, space):
    folder = space.runs_folder / "mine"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('data = "iris"\n')
    (folder / METRICS).write_text('{"epoch": 1, "train_loss": 0.5}\n')
    assert api.get("/api/runs/mine").json()["state"] == "failed"
    assert api.post("/api/runs/mine/stop", json={}).status_code == 409
    assert '"rows":[[1,0.5]]' in api.get("/api/runs/mine/events").text


def test_at_the_end_trainings_are_told_or_stopped(jobs, space, run):
    options = {"data": "digits", "solver": "adam", "epochs": 100_000, "patience": 100_000}
    job = jobs.start(options, slug="t", name="digits", hidden="digits")
    run(first_entries, job)
    (sentence,) = space.close()
    assert f"kill -INT {job.process.pid}" in sentence
    assert job.is_running
    assert jobs.close(stop=True) == []
    assert job.process.returncode == 130
    assert (job.folder / "model.safetensors").exists()


def test_a_file_without_a_header_is_trained_on(api, send, ended):
    rows = LETTERS.partition("\n")[2]
    id = send("rows.csv", rows).json()["id"]
    run = api.post("/api/train", json={"source": id, "no_header": True}).json()["run"]
    assert ended(run)["options"]["no_header"] is True
    for wrong in ("yes", 1):
        answer = api.post("/api/train", json={"source": id, "no_header": wrong})
        assert answer.status_code == 400
        assert "true or false" in answer.json()["error"]["message"]

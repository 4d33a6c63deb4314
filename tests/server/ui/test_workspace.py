import pytest

from luce.server.ui.workspace import Opened, UnknownId, Workspace

pytestmark = pytest.mark.once


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.toml").write_text('data = "iris"\n')
    (folder / "no run").mkdir()
    (folder / "b" / "model.safetensors").write_bytes(b"")
    return folder


def test_only_what_is_listed_has_an_id(runs):
    space = Workspace(runs=runs)
    assert {run.id for run in space.runs()} == {"a", "b"}
    assert space.run("a").folder == runs / "a"
    assert [(model.id, model.path) for model in space.models()] == [("b", runs / "b")]
    for id in ("..", "../runs/a", "/etc", "a/", "no run", "", "a\0"):
        with pytest.raises(UnknownId):
            space.run(id)
        with pytest.raises(UnknownId):
            space.source(id)
    space.close()


@pytest.mark.parametrize(
    ("what", "kind"),
    [("digits", "data"), ("Fashion_MNIST", "data"), ("t.csv", "data"), ("m.safetensors", "model")],
)
def test_what_was_opened_keeps_its_id(tmp_path, monkeypatch, what, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("x,y\n1,a\n")
    first, second = (Workspace(opened=what) for _ in range(2))
    assert first.opened == second.opened
    assert first.opened is not None
    assert first.opened.kind == kind
    found = first.model if kind == "model" else first.source
    assert found(first.opened.id).id == first.opened.id
    for space in (first, second):
        space.close()


def test_an_opened_run_is_one_of_the_runs_or_stands_beside_them(runs, tmp_path):
    inside = Workspace(runs=runs, opened=runs / "a")
    assert inside.opened == Opened("run", "a")
    assert len(inside.runs()) == 2
    outside = Workspace(runs=tmp_path / "other", opened=runs / "b")
    assert [run.id for run in outside.runs()] == [outside.opened.id]
    assert outside.model(outside.opened.id).path == (runs / "b").resolve()
    for space in (inside, outside):
        space.close()


def test_the_private_folder_is_private_and_goes_at_the_end(tmp_path):
    space = Workspace(runs=tmp_path)
    assert space.private.stat().st_mode & 0o077 == 0
    (space.new_folder() / "file").write_text("secret")
    space.on_close(lambda stop: [f"Something goes on: {not stop}."])
    assert space.close() == ["Something goes on: True."]
    assert not space.private.exists()

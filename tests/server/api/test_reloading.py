"""A replaced model file is used; a bad one changes nothing but what is said."""

import asyncio
import shutil

import pytest

from luce.errors import ModelFileError
from luce.server.api.reloading import Keeper

pytestmark = pytest.mark.once


@pytest.fixture
def path(runs, tmp_path):
    return shutil.copy(runs["arrays"] / "model.safetensors", tmp_path / "model.safetensors")


def test_a_new_file_is_loaded_and_the_name_stays(path, runs):
    said, counted = [], []
    keeper = Keeper(path, tell=said.append, on_reload=counted.append)
    before = keeper.served
    asyncio.run(keeper.look())
    assert keeper.served is before
    shutil.copy(runs["images"] / "model.safetensors", path)
    asyncio.run(keeper.look())
    assert keeper.served is not before
    assert (keeper.served.name, keeper.served.shape) == (before.name, (8, 8))
    assert counted == ["loaded"]
    asyncio.run(keeper.look())
    assert len(said) == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_bad_file_keeps_the_old_model_and_says_so(path, content, runs):
    said, counted = [], []
    keeper = Keeper(path, tell=said.append, on_reload=counted.append)
    before = keeper.served
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    asyncio.run(keeper.look())
    asyncio.run(keeper.look())  # said once
    assert keeper.served is before
    assert keeper.trouble in said[0]
    assert counted == ["refused"]
    shutil.copy(runs["arrays"] / "model.safetensors", path)
    asyncio.run(keeper.look())
    assert keeper.trouble is None
    assert counted == ["refused", "loaded"]


def test_no_error_ends_the_watch(path, runs, monkeypatch):
    monkeypatch.setattr("luce.server.api.reloading._PERIOD", 0)
    keeper = Keeper(path)

    async def watch():
        following = asyncio.create_task(keeper.follow())

        async def reaches(condition):
            async with asyncio.timeout(60):
                while not condition():
                    assert not following.done()
                    await asyncio.sleep(0)

        with monkeypatch.context() as patch:
            patch.setattr("luce.server.api.served.load_model", lambda path: 1 / 0)
            path.write_bytes(b"another")
            await reaches(lambda: "division" in str(keeper.trouble))
        shutil.copy(runs["images"] / "model.safetensors", path)
        await reaches(lambda: keeper.trouble is None)
        following.cancel()

    asyncio.run(watch())
    assert keeper.served.shape == (8, 8)


def test_a_half_written_file_is_never_used(path):
    whole = path.read_bytes()
    keeper = Keeper(path)
    for part in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:part])
        asyncio.run(keeper.look())
        assert keeper.trouble
    path.write_bytes(whole)
    asyncio.run(keeper.look())
    assert keeper.trouble is None


def test_without_a_model_there_is_no_server(tmp_path):
    with pytest.raises(ModelFileError):
        Keeper(tmp_path / "none.safetensors")


def test_requests_go_on_while_the_file_is_replaced(serving, path, runs):
    row = {"rows": [[1, 2, 3]]}
    with serving(path) as wire:
        before = wire.post("/v1/predict", row).json
        path.write_bytes(b"nonsense")
        asyncio.run(wire.api.keeper.look())
        assert wire.post("/v1/predict", row).json == before
        assert wire.ask("GET", "/readyz").json["stale"]
        shutil.copy(runs["images"] / "model.safetensors", path)
        asyncio.run(wire.api.keeper.look())
        assert wire.post("/v1/predict", row).status == 422  # it is another model now
        assert wire.post("/v1/predict", {"rows": [[[0] * 8] * 8]}).status == 200
        assert "luce_reloads_total" in wire.ask("GET", "/metrics").body.decode()

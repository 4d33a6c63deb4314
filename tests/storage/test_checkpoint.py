import numpy as np
import pytest
from safetensors.numpy import save

from luce.errors import ModelFileError, WriteError
from luce.storage import load_checkpoint, load_model, save_checkpoint

TENSORS = {
    "weight": np.array([[1.0, np.nan, -np.inf]], np.float32),
    "order": np.empty(0, np.int64),
    "random": np.arange(256, dtype=np.uint8),
}
FACTS = {"epoch": 3, "generator": {"state": 2**127 + 1}, "sums": [0.1, 1e-300], "wait": None}


def test_what_is_saved_loads_with_the_same_bits(tmp_path):
    save_checkpoint(tmp_path / "c", TENSORS, FACTS)
    tensors, facts = load_checkpoint(tmp_path / "c")
    assert facts == FACTS
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert tensors[name].shape == tensor.shape
        assert tensors[name].tobytes() == tensor.tobytes()


def test_a_flipped_bit_is_found(tmp_path):
    path = tmp_path / "c"
    save_checkpoint(path, TENSORS, FACTS)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="sha256"):
        load_checkpoint(path)


def test_models_and_checkpoints_are_not_taken_for_each_other(tmp_path):
    save_checkpoint(tmp_path / "c", TENSORS, FACTS)
    with pytest.raises(ModelFileError, match=r"metadata\.format must be 'luce-model'"):
        load_model(tmp_path / "c")
    (tmp_path / "m").write_bytes(save(TENSORS, {"luce": '{"format": "luce-model"}'}))
    with pytest.raises(ModelFileError, match="must be 'luce-checkpoint'"):
        load_checkpoint(tmp_path / "m")


@pytest.mark.parametrize(("version", "advice"), [(3, "Upgrade luce"), (1, "begin the training")])
def test_another_version_is_told(tmp_path, monkeypatch, version, advice):
    monkeypatch.setattr("luce.storage.checkpoint.CHECKPOINT_VERSION", version)
    save_checkpoint(tmp_path / "c", TENSORS, FACTS)
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match=f"be 2, got {version}.*{advice}"):
        load_checkpoint(tmp_path / "c")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ModelFileError, match="a checkpoint file must be readable"):
        load_checkpoint(tmp_path / "none")


def test_what_cannot_be_kept_is_refused_and_the_old_file_stays(tmp_path):
    save_checkpoint(tmp_path / "c", TENSORS, FACTS)
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(ModelFileError, match="the checkpoint was not saved"):
        save_checkpoint(tmp_path / "c", TENSORS, {"loss": float("nan")})
    assert (tmp_path / "c").read_bytes() == before
    with pytest.raises(WriteError):
        save_checkpoint(tmp_path / "no" / "folder", TENSORS, FACTS)

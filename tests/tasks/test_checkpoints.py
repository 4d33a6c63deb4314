import pytest

torch = pytest.importorskip("torch")

from luce.errors import ModelFileError  # noqa: E402
from luce.nn import Plan, fit  # noqa: E402
from luce.tasks import load_checkpoint, save_checkpoint  # noqa: E402

pytestmark = pytest.mark.once


def network(seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 3)
    )


def test_a_training_goes_on_from_its_file_bit_for_bit(tmp_path):
    torch.manual_seed(0)
    rows = torch.randn(50, 4), torch.randint(3, (50,))
    plan = Plan(epochs=3, batch_size=10, ema=0.9)
    loss, path = torch.nn.functional.cross_entropy, tmp_path / "training.safetensors"

    def keep(checkpoint):
        if checkpoint.facts["step"] == 7:  # in the middle of the second epoch
            save_checkpoint(checkpoint, path)

    whole, again = network(0), network(1)
    fit(whole, loss, rows, plan=plan, on_checkpoint=keep, checkpoint_every=1)
    fit(again, loss, rows, plan=plan, resume=load_checkpoint(path))
    for mine, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(mine, other)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelFileError, match="pickle"):
        load_checkpoint(tmp_path / "x")

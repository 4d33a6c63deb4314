import json
import tomllib

import pytest

torch = pytest.importorskip("torch")

from luce.errors import ParameterError  # noqa: E402
from luce.nn import Plan, fit  # noqa: E402
from luce.tasks import train_module  # noqa: E402

pytestmark = pytest.mark.once

cross_entropy = torch.nn.functional.cross_entropy


@pytest.fixture
def rows():
    torch.manual_seed(0)
    X = torch.randn(80, 4)
    y = X[:, :3].argmax(dim=1)
    return (X[:60], y[:60]), (X[60:], y[60:])


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 3))


PLAN = Plan(epochs=4, batch_size=20, learning_rate=0.05)


def test_a_run_folder_as_luce_train_leaves_it(tmp_path, rows):
    train, valid = rows
    model = network()
    done = train_module(
        model, cross_entropy, train, valid=valid, plan=PLAN, out=tmp_path / "run", name="toy"
    )
    assert {item.name for item in done.run.iterdir()} == {
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "checkpoint.safetensors",
        "eval.json",
        "predictions.csv",
        "report.html",
    }
    config = tomllib.loads((done.run / "config.toml").read_text())
    assert (config["name"], config["epochs"], config["learning_rate"]) == ("toy", 4, 0.05)
    entries = [json.loads(line) for line in (done.run / "metrics.jsonl").read_text().splitlines()]
    assert entries == done.fitted.history
    right = float((model(valid[0]).argmax(1) == valid[1]).float().mean())
    assert done.figures["accuracy"]["value"] == pytest.approx(right)
    report = (done.run / "report.html").read_text()
    assert "Accuracy over 4 epochs" in report
    assert "toy: training report" in report


def test_a_training_that_stopped_goes_on_in_its_folder(tmp_path, rows):
    train, valid = rows
    whole = network()
    expected = fit(whole, cross_entropy, train, valid=valid, plan=PLAN)
    count = []

    def failing(output, target):
        count.append(1)
        if len(count) == 8:  # in the middle of the second epoch; three steps and one measurement
            raise RuntimeError("the machine was switched off")
        return cross_entropy(output, target)

    with pytest.raises(RuntimeError):
        train_module(
            network(), failing, train, valid=valid, plan=PLAN, out=tmp_path / "run",
            checkpoint_every=1,
        )  # fmt: skip
    again = network(5)
    done = train_module(
        again, cross_entropy, train, valid=valid, plan=PLAN, out=tmp_path / "run", resume=True
    )
    for mine, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(mine, other)
    lines = (done.run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["train_loss"] for line in lines] == [
        entry["train_loss"] for entry in expected.history
    ]


def test_without_held_out_labels_there_are_no_figures(tmp_path, rows):
    done = train_module(network(), cross_entropy, rows[0], plan=PLAN, out=tmp_path / "run")
    assert done.figures is None
    assert not (done.run / "eval.json").exists()


def test_nothing_to_resume_is_told(tmp_path, rows):
    with pytest.raises(ParameterError, match=r"checkpoint\.safetensors to be resumed"):
        train_module(network(), cross_entropy, rows[0], out=tmp_path, resume=True)


def test_a_training_that_never_got_anywhere_leaves_no_folder(tmp_path, rows):
    with pytest.raises(ZeroDivisionError):
        train_module(network(), lambda z, y: 1 / 0, rows[0], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()

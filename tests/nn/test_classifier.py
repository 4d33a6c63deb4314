import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from luce.errors import ParameterError
from luce.nn import Classifier, FullSoftmax, OwnLoss, Plan, fit

pytestmark = pytest.mark.once


def test_it_is_the_head_on_the_body():
    torch.manual_seed(0)
    head = FullSoftmax(5, 3)
    model = Classifier(nn.Linear(4, 5), head, label_smoothing=0.1)
    X, y = torch.randn(20, 4), torch.randint(3, (20,))
    logits = model.body(X) @ head.weight.T + head.bias
    torch.testing.assert_close(model(X, y), cross_entropy(logits, y, label_smoothing=0.1))
    torch.testing.assert_close(model.log_prob(X), logits.log_softmax(-1))
    assert torch.equal(model.predict(X), logits.argmax(-1))


def test_its_accuracy_on_held_out_rows_is_measured():
    torch.manual_seed(0)
    X, y = torch.randn(60, 4), torch.randint(3, (60,))
    model = Classifier(nn.Linear(4, 5), FullSoftmax(5, 3))
    done = fit(model, OwnLoss(Classifier.predict), (X, y), valid=(X, y), plan=Plan(epochs=2))
    entry = done.history[done.best_epoch - 1]
    assert entry["train_accuracy"] is None
    right = (model.predict(X) == y).float().mean()
    assert entry["valid_accuracy"] == pytest.approx(float(right))


def trained(options, y, *, batch_size, accumulate):
    """Return the model after a training, and its history."""
    torch.manual_seed(0)
    X = torch.randn(len(y), 4, dtype=torch.float64)
    model = Classifier(nn.Linear(4, 5), FullSoftmax(5, 3), **options).double()
    plan = Plan(epochs=4, batch_size=batch_size, accumulate=accumulate, optimizer="sgd")
    return model, fit(model, OwnLoss(), (X, y), valid=(X, y), plan=plan).history


@pytest.mark.parametrize("soft", [False, True])
def test_accumulated_batches_count_as_the_rows_that_have_a_label(soft):
    y = torch.randint(3, (90,), generator=torch.Generator().manual_seed(1))
    options = {"weight": torch.tensor([0.1, 1.0, 7.0], dtype=torch.float64), "z_loss": 0.1}
    if soft:
        y, options["weighting"] = nn.functional.one_hot(y, 3) * 0.9 + 0.1 / 3, "row"
    else:
        y[torch.arange(90) % 7 < 5], options["ignore_index"] = -100, -100
    whole, whole_history = trained(options, y, batch_size=90, accumulate=1)
    parts, parts_history = trained(options, y, batch_size=15, accumulate=6)
    for mine, other in zip(parts.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)
    for mine, other in zip(parts_history, whole_history, strict=True):
        assert mine["train_loss"] == pytest.approx(other["train_loss"])
        assert mine["valid_loss"] == pytest.approx(other["valid_loss"])


def test_batches_without_a_label_teach_nothing():
    y = torch.full((24,), -100)
    y[5] = 2
    model, history = trained({"ignore_index": -100}, y, batch_size=4, accumulate=1)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    losses = [entry["valid_loss"] for entry in history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_a_loss_of_each_row_is_nothing_to_minimise():
    with pytest.raises(ParameterError, match="reduction must be 'mean' or 'sum'"):
        trained({"reduction": "none"}, torch.zeros(8).long(), batch_size=4, accumulate=1)

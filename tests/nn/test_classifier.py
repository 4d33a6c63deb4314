import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

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

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from luce.errors import ParameterError
from luce.nn import FullSoftmax, MultiTask, OwnLoss, Plan, fit

pytestmark = pytest.mark.once


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(2)
    X = torch.randn(60, 4, generator=generator)
    return X, (X[:, 0] > 0).long(), torch.randint(3, (60,), generator=generator)


def make(weights, options=None):
    torch.manual_seed(0)
    heads = {"easy": FullSoftmax(5, 2), "hopeless": FullSoftmax(5, 3)}
    return MultiTask(nn.Linear(4, 5), heads, weights=weights, options=options)


def losses_of(model, rows):
    hidden = model.body(rows[0])
    return [
        cross_entropy(hidden @ head.weight.T + head.bias, target)
        for head, target in zip(model.heads.values(), rows[1:], strict=True)
    ]


def test_given_weights_make_a_weighted_sum(rows):
    model = make({"easy": 0.25, "hopeless": 2.0})
    easy, hopeless = losses_of(model, rows)
    torch.testing.assert_close(model(*rows), 0.25 * easy + 2 * hopeless)
    total, by_task = model.losses(*rows)
    torch.testing.assert_close(by_task["hopeless"], hopeless)
    assert total.requires_grad


def test_uncertainty_weighs_by_learnt_variances(rows):
    model = make("uncertainty")
    with torch.no_grad():
        model.log_variance.copy_(torch.tensor([0.5, -1.0]))
    easy, hopeless = losses_of(model, rows)
    expected = math.exp(-0.5) * easy + 0.25 + math.exp(1.0) * hopeless - 0.5
    torch.testing.assert_close(model(*rows), expected)


def test_the_hopeless_task_comes_to_count_less(rows):
    model = make("uncertainty")
    plan = Plan(epochs=60, batch_size=20, learning_rate=0.05)
    fit(model, OwnLoss(), rows, plan=plan)
    easy, hopeless = model.log_variance.tolist()
    assert easy < hopeless
    # at the optimum of s alone: exp(-s) L = 1/2
    assert model.predict(rows[0])["easy"].eq(rows[1]).float().mean() > 0.95


@pytest.mark.parametrize("weights", ["uncertainty", {"easy": 0.25, "hopeless": 2.0}])
def test_labels_that_a_task_does_not_know_are_left_out(rows, weights):
    X, easy, hopeless = rows
    easy[::3] = -100
    model = make(weights, {"easy": {"ignore_index": -100, "label_smoothing": 0.1}})
    hidden, (first, second) = model.body(X), model.heads.values()
    expected = [
        cross_entropy(hidden @ first.weight.T + first.bias, easy, label_smoothing=0.1),
        cross_entropy(hidden @ second.weight.T + second.bias, hopeless),
    ]
    torch.testing.assert_close(list(model.losses(*rows).by_task.values()), expected)
    factors = [1.0, 1.0] if weights == "uncertainty" else list(weights.values())
    torch.testing.assert_close(
        model(*rows), sum(w * loss for w, loss in zip(factors, expected, strict=True))
    )


def test_a_task_without_a_label_teaches_nothing_not_even_its_weight(rows):
    X, easy, hopeless = rows
    none = torch.full_like(easy, -100)
    model = make("uncertainty", {name: {"ignore_index": -100} for name in ("easy", "hopeless")})
    with torch.no_grad():
        model.log_variance.copy_(torch.tensor([0.5, -1.0]))
    loss, by_task = model.losses(X, none, hopeless)
    torch.testing.assert_close(loss, math.exp(1.0) * losses_of(model, rows)[1] - 0.5)
    assert by_task["easy"] == 0
    loss.backward()
    assert model.log_variance.grad[0] == 0
    total, divisor = model.summed(X, none, none)
    assert total.tolist() == divisor.tolist() == [0.0, 0.0]
    before = [parameter.detach().clone() for parameter in model.parameters()]
    fit(model, OwnLoss(), (X, none, none), plan=Plan(epochs=1))
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize("weights", ["uncertainty", {"easy": 0.25, "hopeless": 2.0}])
def test_accumulated_batches_are_one_large_batch(rows, weights):
    """Each task has its own normaliser: labels are missing in one half, and classes weigh."""
    X, easy, hopeless = rows
    easy = torch.where(torch.arange(60) < 35, -100, easy)
    soft = torch.nn.functional.one_hot(hopeless, 3).double()
    options = {
        "easy": {"ignore_index": -100, "weight": torch.tensor([0.2, 3.0])},
        "hopeless": {"weight": torch.tensor([1.0, 0.5, 4.0]), "weighting": "row"},
    }
    for second in (hopeless, soft):
        found = []
        for size, accumulate in ((60, 1), (9, 7)):
            model = make(weights, options)
            plan = Plan(epochs=3, batch_size=size, accumulate=accumulate, optimizer="sgd")
            given = (X, easy, second)
            done = fit(model, OwnLoss(), given, valid=given, plan=plan)
            assert done.steps == 3
            losses = [(entry["train_loss"], entry["valid_loss"]) for entry in done.history]
            found.append([*model.parameters(), torch.tensor(losses)])
        for whole, parts in zip(*found, strict=True):
            torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("option", [{"reduction": "sum"}, {"normalizer": 7.0}])
def test_with_a_given_divisor_several_batches_have_the_mean_of_their_losses(rows, option):
    model = make({"easy": 1.0, "hopeless": 2.0}, {"easy": option, "hopeless": option})
    plan = Plan(epochs=1, batch_size=30)
    done = fit(model, OwnLoss(), rows, valid=rows, plan=plan)
    with torch.no_grad():
        halves = zip(*(part.split(30) for part in rows), strict=True)
        losses = [float(model(*half)) for half in halves]
    assert done.history[0]["valid_loss"] == pytest.approx(sum(losses) / 2, rel=1e-6)


def test_options_of_no_task_are_refused():
    with pytest.raises(ParameterError, match=r"options must name tasks \(easy, hopeless\).*'hard'"):
        make("uncertainty", {"hard": {"ignore_index": -100}})


@pytest.mark.parametrize(
    ("weights", "named"),
    [({"easy": 1.0}, "hopeless"), ({"easy": 1, "hopeless": -1}, "weights"), ("equal", "weights")],
)
def test_weights_that_do_not_fit_are_refused(weights, named):
    with pytest.raises(ParameterError, match=named):
        make(weights)


def test_a_missing_target_is_told(rows):
    with pytest.raises(ParameterError, match=r"one target for each task \(easy, hopeless\)"):
        make("uncertainty")(*rows[:2])

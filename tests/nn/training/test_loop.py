import os
import signal

import numpy as np
import pytest
import torch
from reference.training import same_bits, train_plainly, without_clock
from torch import nn
from torch.nn.functional import cross_entropy

from luce.errors import ConvergenceError, ParameterError
from luce.nn import ArrayRows, Plan, fit
from luce.nn.training.loop import advance

pytestmark = pytest.mark.once


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_equals_the_loop_of_a_textbook(rows, network, kind):
    X, y = rows
    plan = Plan(epochs=3, batch_size=30, optimizer=kind, schedule="constant", seed=4)
    ours, plain = network(), network()
    fit(ours, cross_entropy, rows, plan=plan)
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
        "adamw": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0),
    }
    optimizer = makers[kind](plain.parameters())
    train_plainly(plain, cross_entropy, X, y, optimizer, epochs=3, steps=3, seed=4)
    for mine, other in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_the_rate_follows_the_schedule(rows, network):
    X, y = rows
    ours, plain = network(), network()
    plan = Plan(epochs=3, batch_size=30, optimizer="sgd", schedule="cosine", momentum=0.0)
    fit(ours, cross_entropy, rows, plan=plan)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)

    def rate(progress):
        return 0.05 * (1 + np.cos(np.pi * progress))

    train_plainly(plain, cross_entropy, X, y, optimizer, epochs=3, steps=3, seed=0, rate=rate)
    for mine, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def weighted(output, target, weight):
    each = cross_entropy(output, target, reduction="none")
    return (each * weight).sum(), weight.sum()


@pytest.mark.parametrize("batch_size", [7, 30, 45])
def test_accumulated_batches_count_as_the_rows_they_hold(rows, batch_size):
    weight = torch.linspace(0.0, 5.0, len(rows[0]))
    found = []
    for size, accumulate in ((90, 1), (batch_size, round(90 / batch_size))):
        torch.manual_seed(0)
        model = nn.Linear(6, 3)
        plan = Plan(epochs=4, batch_size=size, accumulate=accumulate, optimizer="sgd")
        assert fit(model, weighted, (*rows, weight), plan=plan).steps == 4
        found.append(model)
    whole, parts = found
    for mine, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_a_step_whose_rows_have_no_weight_teaches_nothing(rows):
    weight = torch.zeros(len(rows[0]))
    weight[4] = 1.0
    for batch_size, accumulate in ((30, 1), (10, 3)):  # two of three steps have no weight
        torch.manual_seed(0)
        model = nn.Linear(6, 3)
        plan = Plan(epochs=1, batch_size=batch_size, accumulate=accumulate, optimizer="sgd")
        done = fit(model, weighted, (*rows, weight), plan=plan)
        assert done.steps == 3
        assert model.weight.isfinite().all()
        torch.manual_seed(0)
        once = nn.Linear(6, 3)
        number = list(np.random.default_rng(0).permutation(90)).index(4) // 30
        rate = 0.05 * (1 + np.cos(np.pi * number / 3))
        optimizer = torch.optim.SGD(once.parameters(), lr=rate)
        cross_entropy(once(rows[0][4:5]), rows[1][4:5]).backward()
        optimizer.step()
        torch.testing.assert_close(model.weight, once.weight)


def test_rows_of_a_mean_are_weighed_though_the_batches_differ_in_size(rows):
    found = []
    for size, accumulate in ((90, 1), (40, 2)):  # 90 rows in batches of 40: 30, 30, 30
        torch.manual_seed(0)
        model = nn.Linear(6, 3)
        plan = Plan(epochs=2, batch_size=size, accumulate=accumulate, optimizer="sgd")
        fit(model, cross_entropy, tuple(part[:83] for part in rows), plan=plan)
        found.append(model.weight)
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


RICH = Plan(
    epochs=3,
    batch_size=13,
    accumulate=2,
    schedule="one-cycle",
    learning_rate=0.02,
    clip_norm=0.5,
    ema=0.8,
    patience=1,
)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_training_goes_on_from_any_step_with_the_same_bits(rows, network, kind):
    plan = Plan(**{**RICH.to_json(), "optimizer": kind, "nesterov": kind == "sgd"})
    train, valid = (tuple(p[:70] for p in rows)), (tuple(p[70:] for p in rows))
    kept = []
    whole = network()
    first = fit(
        whole,
        cross_entropy,
        train,
        valid=valid,
        plan=plan,
        on_checkpoint=kept.append,
        checkpoint_every=1,
    )
    assert first.steps == len(kept) > 6
    for checkpoint in kept:
        again = network(seed=99)
        torch.manual_seed(12345)  # whatever has happened in between
        second = fit(again, cross_entropy, train, valid=valid, plan=plan, resume=checkpoint)
        same_bits(again, whole)
        assert without_clock(second.history) == without_clock(first.history)
        assert (second.best_epoch, second.steps) == (first.best_epoch, first.steps)


def test_a_checkpoint_after_each_epoch_is_enough(rows, network):
    kept, whole, again = [], network(), network(3)
    plan = Plan(epochs=3, batch_size=20)
    fit(whole, cross_entropy, rows, plan=plan, on_checkpoint=kept.append)
    assert [checkpoint.facts["epoch"] for checkpoint in kept] == [1, 2, 3]
    fit(again, cross_entropy, rows, plan=plan, resume=kept[0])
    same_bits(again, whole)


def test_checkpoints_in_bfloat16_keep_every_bit(rows):
    kept, models = [], [nn.Linear(6, 3, dtype=torch.bfloat16) for _ in range(2)]
    data = rows[0].bfloat16(), rows[1]
    fit(models[0], cross_entropy, data, plan=Plan(epochs=2), on_checkpoint=kept.append)
    fit(models[1], cross_entropy, data, plan=Plan(epochs=2), resume=kept[0])
    same_bits(*models)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"plan": Plan(epochs=3, batch_size=16)}, "batch_size"),
        ({"rows": 60}, "90 rows"),
        ({"model": nn.Linear(6, 4)}, "bias"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(rows, change, named):
    kept, plan = [], Plan(epochs=3, batch_size=20)
    fit(nn.Linear(6, 3), cross_entropy, rows, plan=plan, on_checkpoint=kept.append)
    data = tuple(part[: change.get("rows", 90)] for part in rows)
    model = change.get("model", nn.Linear(6, 3))
    with pytest.raises(ParameterError, match=named):
        fit(model, cross_entropy, data, plan=change.get("plan", plan), resume=kept[0])


def test_the_best_epoch_is_kept_and_patience_ends_the_rest(rows, network):
    train, valid = tuple(p[:60] for p in rows), tuple(p[60:] for p in rows)
    model = network()
    plan = Plan(epochs=60, batch_size=20, learning_rate=0.3, patience=2, schedule="constant")
    done = fit(model, cross_entropy, train, valid=valid, plan=plan)
    losses = [entry["valid_loss"] for entry in done.history]
    assert done.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == done.best_epoch + 2 < 60
    with torch.no_grad():
        now = float(cross_entropy(model(valid[0]), valid[1]))
    assert now == pytest.approx(min(losses), rel=1e-5)
    right = (model(valid[0]).argmax(1) == valid[1]).float().mean()
    assert done.history[done.best_epoch - 1]["valid_accuracy"] == pytest.approx(float(right))


def test_the_average_is_what_is_measured_and_kept(rows):
    torch.manual_seed(0)
    model, seen = nn.Linear(6, 3), []
    plan = Plan(epochs=1, batch_size=30, optimizer="sgd", ema=0.5, schedule="constant")
    start = model.weight.detach().clone()

    def watching(output, target):
        seen.append(model.weight.detach().clone())
        return cross_entropy(output, target)

    kept = []
    fit(model, watching, rows, plan=plan, on_checkpoint=kept.append, checkpoint_every=1)
    after = [*seen[1:], torch.from_numpy(kept[-1].tensors["model.weight"])]
    average = start
    for step, weight in enumerate(after, start=1):
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    torch.testing.assert_close(model.weight.detach(), average)


@pytest.mark.parametrize(
    ("option", "bound"), [({"clip_norm": 1e-3}, 1e-3), ({"clip_value": 1e-4}, 1e-4 * 21**0.5)]
)
def test_gradients_are_clipped(rows, option, bound):
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    plan = Plan(
        epochs=1, batch_size=90, optimizer="sgd", learning_rate=1.0, schedule="constant", **option
    )
    fit(model, cross_entropy, rows, plan=plan)
    moved = nn.utils.parameters_to_vector(model.parameters()).detach() - before
    assert float(moved.norm()) == pytest.approx(bound, rel=0.05)


def test_only_matrices_decay(rows):
    model = nn.Linear(6, 3)
    nn.init.constant_(model.bias, 5.0)
    nn.init.constant_(model.weight, 5.0)

    def nothing(output, target):
        return output.sum() * 0

    plan = Plan(epochs=1, batch_size=90, learning_rate=0.1, weight_decay=0.5, schedule="constant")
    fit(model, nothing, rows, plan=plan)
    torch.testing.assert_close(model.weight.detach(), torch.full((3, 6), 4.75))
    torch.testing.assert_close(model.bias.detach(), torch.full((3,), 5.0))


def test_mixed_precision_multiplies_in_bfloat16_and_keeps_float32(rows):
    seen = []

    def watching(output, target):
        seen.append(output.dtype)
        return cross_entropy(output, target)

    model = nn.Linear(6, 3)
    fit(model, watching, rows, plan=Plan(epochs=1, autocast="bfloat16"))
    assert set(seen) == {torch.bfloat16}
    assert model.weight.dtype == torch.float32


def test_a_callback_that_is_interrupted_leaves_the_best_model(rows, network):
    model = network()
    kept = []

    def stop(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    plan = Plan(epochs=9, batch_size=30)
    done = fit(model, cross_entropy, rows, plan=plan, callbacks=[stop], on_checkpoint=kept.append)
    assert done.interrupted
    assert len(done.history) == done.best_epoch == 2
    assert not model.training


def test_ctrl_c_waits_for_the_step_and_leaves_a_checkpoint(rows, network):
    kept, model, steps = [], network(), []

    def loss(output, target):
        steps.append(1)
        if len(steps) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return cross_entropy(output, target)

    plan = Plan(epochs=3, batch_size=30)
    handler = signal.getsignal(signal.SIGINT)
    done = fit(
        model,
        loss,
        rows,
        plan=plan,
        on_checkpoint=kept.append,
        checkpoint_every=100,
    )
    assert signal.getsignal(signal.SIGINT) is handler
    assert done.interrupted
    assert (done.steps, kept[-1].facts["step"]) == (5, 5)
    whole, again = network(), network(5)
    fit(whole, cross_entropy, rows, plan=plan)
    fit(again, cross_entropy, rows, plan=plan, resume=kept[-1])
    same_bits(again, whole)


def test_a_loss_that_is_not_finite_stops_with_advice(rows):
    with pytest.raises(ConvergenceError, match=r"epoch 1.*smaller learning_rate"):
        fit(nn.Linear(6, 3), lambda z, y: (z * torch.inf).sum(), rows)


def test_the_random_numbers_of_the_caller_stay_as_they_were(rows, network):
    model = network()
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    fit(model, cross_entropy, rows, plan=Plan(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_the_generators_of_devices_that_the_model_is_not_on_are_left_alone(
    rows, network, monkeypatch
):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    monkeypatch.setattr(torch.cuda, "manual_seed", seeded.append)
    model = network(dropout=0.0)
    seeded.clear()  # of making the network
    fit(model, cross_entropy, rows, plan=Plan(epochs=1))
    advance(model, cross_entropy, rows, Plan(epochs=1), None)
    assert not seeded


def test_a_data_set_of_torch_trains_as_its_arrays_do(rows, network):
    models = [network(), network()]
    plan = Plan(epochs=2, batch_size=30)
    fit(models[0], cross_entropy, torch.utils.data.TensorDataset(*rows), plan=plan)
    fit(models[1], cross_entropy, ArrayRows(*rows), plan=plan)
    same_bits(*models)


def test_a_model_without_parameters_is_refused(rows):
    with pytest.raises(ParameterError, match="must have parameters"):
        fit(nn.Identity(), cross_entropy, rows)

"""Minibatch training: what each option does."""

from dataclasses import replace

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta, spelled_out

from luce.errors import ConvergenceError
from luce.solvers import SCHEDULES, DenseDesign, Journal, Training, descend
from luce.solvers.descent import _clipped, _on_rows

PROBLEM = softmax_problem(0, n=400, d=5, k=3, penalty=1e-2)
HELD_OUT = softmax_problem(0, n=400, d=5, k=3, penalty=1e-2).only(np.arange(300, 400))


def train(method="sgd", f=PROBLEM, held_out=None, journal=None, **options):
    training = Training(method, seed=0, **options)
    return descend(f, np.zeros(f.shape), training, held_out=held_out, journal=journal)


@pytest.mark.parametrize("method", ["sgd", "adam"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_comes_near_the_optimum(method, schedule):
    rate = 0.01 if schedule == "constant" else None  # the default is meant to fall to 0
    result = train(method, epochs=30, batch_size=16, schedule=schedule, learning_rate=rate)
    _, smallest = spelled_out(PROBLEM).minimum()
    assert smallest < result.value < 1.03 * smallest
    assert (result.value - smallest) / smallest <= result.gap
    assert result.converged
    assert result.n_iter == 30


def test_whole_batches_of_sgd_reach_the_optimum():
    result = train(batch_size=400, epochs=300, schedule="constant")
    assert result.value == pytest.approx(spelled_out(PROBLEM).minimum()[1], rel=1e-6)


def test_the_gradient_of_a_batch_has_no_bias():
    theta = some_theta(PROBLEM, 1, 1.0)
    random = np.random.default_rng(0)
    parts = [part for _ in range(50) for part in np.array_split(random.permutation(400), 8)]
    gradients = [_on_rows(PROBLEM, part).value_gradient(theta)[1] for part in parts]
    exact = spelled_out(PROBLEM).gradient(theta)
    np.testing.assert_allclose(np.mean(gradients, axis=0), exact, atol=1e-12)  # each epoch exactly
    assert np.std(gradients, axis=0).max() > 1e-3


def test_long_gradients_are_shortened_and_short_ones_left():
    gradient = np.array([[3.0, 4.0]])
    np.testing.assert_allclose(_clipped(gradient, 1.0), [[0.6, 0.8]])
    assert _clipped(gradient, 5.0) is gradient
    assert _clipped(gradient, None) is gradient


def test_the_first_step_is_no_longer_than_the_clip_allows():
    result = train(batch_size=400, epochs=1, learning_rate=0.5, clip_norm=1e-3, schedule="constant")
    assert np.linalg.norm(result.theta) == pytest.approx(0.5e-3)


def test_schedules_at_both_ends():
    ends = {name: (schedule(0.0), schedule(1.0)) for name, schedule in SCHEDULES.items()}
    assert ends == {"constant": (1, 1), "linear": (1, 0), "cosine": (1, pytest.approx(0))}
    assert SCHEDULES["cosine"](0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_learning_rate_follows_its_schedule(schedule):
    rates = [
        entry["learning_rate"]
        for entry in train(learning_rate=0.1, epochs=10, schedule=schedule).history
    ]
    expected = [0.1 * SCHEDULES[schedule]((epoch + 2 / 3) / 10) for epoch in range(10)]
    np.testing.assert_allclose(rates, expected)  # of the last of three batches


def test_adam_s_first_step_is_the_learning_rate_in_each_coordinate():
    theta = train("adam", batch_size=400, epochs=1, learning_rate=0.2, schedule="constant").theta
    signs = -np.sign(spelled_out(PROBLEM).gradient(np.zeros(PROBLEM.shape)))
    np.testing.assert_allclose(theta, 0.2 * signs, rtol=1e-6)


def test_momentum_is_that_of_the_heavy_ball():
    steps = train(batch_size=400, epochs=3, learning_rate=0.1, schedule="constant", momentum=0.5)
    exact, theta, velocity = spelled_out(PROBLEM), np.zeros(PROBLEM.shape), 0.0
    for _ in range(3):
        velocity = 0.5 * velocity - 0.1 * exact.gradient(theta)
        theta = theta + velocity
    np.testing.assert_allclose(steps.theta, theta, rtol=1e-10)


def test_the_best_epoch_on_held_out_rows_is_kept():
    # Noise alone: whatever is learnt makes the held-out loss worse, and training stops early.
    noise = softmax_problem(3, n=60, d=25, k=3, penalty=1e-9, signal=0.0)
    kept, held_out = noise.only(np.arange(30)), noise.only(np.arange(30, 60))
    result = train(f=kept, held_out=held_out, epochs=200, patience=3, learning_rate=0.3)
    losses = [entry["valid_loss"] for entry in result.history]
    assert len(losses) == int(np.argmin(losses)) + 1 + 3
    loss = replace(held_out, penalty=np.zeros(25)).value_gradient(result.theta)[0]
    assert loss == pytest.approx(min(losses))


def test_without_patience_all_epochs_are_trained():
    assert train(held_out=HELD_OUT, epochs=12, patience=None).n_iter == 12


@pytest.mark.parametrize("batch_size", [16, 400])  # 400: the only step is the last one, too
@pytest.mark.parametrize("held_out", [None, HELD_OUT])
def test_a_loss_that_is_not_finite_is_told(batch_size, held_out):
    large = replace(PROBLEM, design=DenseDesign(1e3 * PROBLEM.design.rows))
    told = r"finite, got (nan|inf).*smaller learning_rate"
    with pytest.raises(ConvergenceError, match=told):  # and no RuntimeWarning before it
        train(f=large, held_out=held_out, learning_rate=1e308, batch_size=batch_size, epochs=1)


@pytest.mark.parametrize("method", ["sgd", "adam"])
def test_the_seed_decides_everything(method):
    first, again = train(method, epochs=2), train(method, epochs=2)
    np.testing.assert_array_equal(first.theta, again.theta)
    other = descend(PROBLEM, np.zeros(PROBLEM.shape), Training(method, epochs=2, seed=1))
    assert np.abs(other.theta - first.theta).max() > 0


def test_ctrl_c_keeps_the_last_whole_epoch():
    def interrupt(entry):
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    result = train(epochs=5, journal=Journal(interrupt))
    assert result.interrupted
    assert result.n_iter == 2
    np.testing.assert_array_equal(result.theta, _after(1))


def _after(epochs):
    """Return the parameters after some epochs of five."""
    seen = []

    def stop(entry):
        if entry["epoch"] == epochs + 1:
            raise KeyboardInterrupt
        seen.append(entry)

    return train(epochs=5, journal=Journal(stop)).theta


def test_entries_of_the_history():
    history = train(held_out=HELD_OUT, epochs=2).history
    assert set(history[0]) == {
        "epoch", "train_loss", "train_accuracy", "valid_loss", "valid_accuracy",
        "learning_rate", "seconds",
    }  # fmt: skip
    assert [entry["epoch"] for entry in history] == [1, 2]
    assert history[1]["train_loss"] < np.log(3)
    alone = train(epochs=1).history[0]
    assert alone["valid_loss"] is alone["valid_accuracy"] is None

import pytest

from luce.errors import ParameterError
from luce.nn import Plan

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 2.0}, "batch_size"),
        ({"accumulate": True}, "accumulate"),
        ({"seed": -1}, "seed"),
        ({"patience": 0}, "patience"),
        ({"optimizer": "adamww"}, "Did you mean 'adamw'"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"autocast": "float16"}, "autocast"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"clip_norm": float("inf")}, "clip_norm"),
        ({"weight_decay": -1e-3}, "weight_decay"),
        ({"warmup": 1.5}, "warmup"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\)"),
        ({"ema": 1.0}, "ema"),
        ({"nesterov": True}, "nesterov needs optimizer='sgd'"),
        ({"nesterov": True, "optimizer": "sgd", "momentum": 0.0}, "momentum above 0"),
        ({"warmup": 0.1, "schedule": "one-cycle"}, "rises by itself"),
    ],
)
def test_an_impossible_option_is_named(options, named):
    with pytest.raises(ParameterError, match=named):
        Plan(**options)


def test_the_rate_rises_before_the_schedule_takes_over():
    plan = Plan(warmup=0.5, schedule="constant")
    assert [plan.factor(step, 8) for step in range(8)] == [0.25, 0.5, 0.75] + [1.0] * 5
    assert Plan(warmup=0.01).factor(0, 8) == 1.0


def test_a_plan_survives_json():
    plan = Plan(epochs=3, ema=0.9, clip_norm=1)
    assert Plan(**plan.to_json()) == plan

import pytest

from luce.errors import ParameterError
from luce.tasks.model_choice import check_model
from luce.tasks.options import TrainOptions, hidden_units

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": "mlp", "C": 2.0}, "--C is an option of --model linear"),
        ({"model": "mlp", "tol": 1e-3}, "--tol"),
        ({"model": "mlp", "solver": "newton"}, "--solver sgd or adam"),
        ({"hidden": "8"}, "--hidden is an option of --model mlp"),
        ({"dropout": 0.1}, "--dropout"),
        ({"weight_decay": 0.1}, "--weight-decay"),
    ],
)
def test_an_option_of_the_other_model_is_named(options, named):
    with pytest.raises(ParameterError, match=named):
        check_model(TrainOptions(**options))


@pytest.mark.parametrize(
    "options",
    [{}, {"solver": "sgd"}, {"model": "mlp", "dropout": 0.5, "class_weight": "corrected"}],
)
def test_what_goes_together_passes(options):
    check_model(TrainOptions(**options))


@pytest.mark.parametrize("text", ["", "0", "8,", "-1", "8.5", "many"])
def test_hidden_units_are_whole_numbers(text):
    with pytest.raises(ParameterError, match="--hidden 256,128"):
        hidden_units(text)


def test_every_argument_of_the_network_is_one_of_the_estimator():
    nn = pytest.importorskip("luce.nn")
    arguments = TrainOptions(model="mlp").estimator_arguments()
    defaults = nn.SoftmaxMLP().get_params()
    assert arguments.keys() <= defaults.keys()
    for name, value in arguments.items():
        if name not in ("random_state", "early_stopping"):
            assert value == defaults[name], name


def test_corrected_weights_are_those_of_the_estimator():
    arguments = TrainOptions(model="mlp", class_weight="corrected").estimator_arguments()
    assert (arguments["class_weight"], arguments["correct_prior"]) == ("balanced", True)

import tomllib
from dataclasses import fields

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from luce.cli.train import command
from luce.errors import ParameterError
from luce.tasks.options import OPTIONS, TrainOptions, read_config, resolve


def in_range(option):
    """Values that the option's row of the table allows."""
    limits = option.limits
    if limits.choices:
        values = st.sampled_from(limits.choices)
    elif option.kind is bool:
        values = st.booleans()
    elif option.kind is str:
        values = st.text(min_size=1)
    elif option.kind is int:
        values = st.integers(min_value=int(limits.at_least), max_value=2**62)
    else:
        low = limits.above if limits.at_least is None else limits.at_least
        values = st.floats(
            min_value=low,
            max_value=limits.below,
            exclude_min=limits.above is not None,
            exclude_max=limits.below is not None,
            allow_infinity=False,
        )
    return st.none() | values if option.optional else values


valid_options = st.builds(
    TrainOptions, **{name: in_range(option) for name, option in OPTIONS.items()}
)


@given(valid_options)
def test_options_survive_the_way_through_toml(options):
    text = tomli_w.dumps(options.to_toml())
    assert TrainOptions(**tomllib.loads(text)) == options


def test_every_option_is_a_flag_of_luce_train_and_every_flag_an_option():
    parameters = {parameter.name: parameter for parameter in command.params}
    flags = set(parameters) - {"config", "out", "resume", "as_json", "debug", "help"}
    assert flags == set(OPTIONS) == {field.name for field in fields(TrainOptions)}
    for name in flags - {"data"}:
        assert OPTIONS[name].flag in parameters[name].opts
        assert OPTIONS[name].limits.help in parameters[name].help


def test_a_flag_that_is_not_given_does_not_win_over_the_configuration_file():
    given = command.make_context("train", []).params
    assert {name: given[name] for name in OPTIONS} == dict.fromkeys(OPTIONS)


def test_every_option_that_names_an_estimator_argument_has_its_default():
    from luce import SoftmaxRegression

    arguments = TrainOptions(seed=0).estimator_arguments()
    defaults = SoftmaxRegression().get_params()
    assert arguments.keys() <= defaults.keys()
    for name, value in arguments.items():
        if name != "random_state":  # luce train repeats itself unless told otherwise
            assert value == defaults[name], name


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("C", -1.0, "a number above 0"),
        ("C", 0, "a number above 0"),
        ("C", float("nan"), "a number above 0"),
        ("C", float("inf"), "a number above 0"),
        ("C", True, "a number above 0"),
        ("C", "1", "a number above 0"),
        ("label_smoothing", 1.0, "at least 0 and below 1"),
        ("epochs", 0, "a whole number at least 1"),
        ("epochs", 2.5, "a whole number at least 1"),
        ("solver", "newtn", "Did you mean 'newton'?"),
        ("class_weight", "balancd", "Did you mean 'balanced'?"),
        ("seed", -1, "a whole number at least 0"),
        ("target", ["a"], "text"),
    ],
)
def test_a_bad_value_is_refused_with_its_name(name, value, hint):
    with pytest.raises(ParameterError, match=name) as refusal:
        TrainOptions(**{name: value})
    assert hint in str(refusal.value)


def test_flags_win_over_the_file_and_the_file_over_the_defaults(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('data = "iris"\nC = 2\ntol = 1e-6\nvalid = 0.3\n')
    options = resolve({"C": 3.0, "tol": None}, config)
    assert (options.data, options.C, options.tol, options.valid) == ("iris", 3.0, 1e-6, "0.3")
    assert options.max_iter == OPTIONS["max_iter"].default


def test_an_unknown_key_of_the_file_is_named_with_what_was_meant(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("label_smooting = 0.1\n")
    with pytest.raises(ParameterError, match=r"label_smooting.*Did you mean 'label_smoothing'\?"):
        read_config(config)


@pytest.mark.parametrize("content", [None, b"C = = 1", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, content):
    config = tmp_path / "config.toml"
    if content is not None:
        config.write_bytes(content)
    with pytest.raises(ParameterError, match=r"config\.toml"):
        read_config(config)


def test_data_must_come_from_somewhere():
    with pytest.raises(ParameterError, match="needs data"):
        resolve({"data": None})

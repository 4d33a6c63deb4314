"""The one table of training options.

Each field of `TrainOptions` carries its type, default, range and help. The command line's flags,
the keys of ``config.toml``, their checks and the arguments of the estimator are all derived from
this table, so that they cannot drift apart.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from luce.errors import ParameterError
from luce.tasks.option import Limits, Option
from luce.tasks.suggestions import did_you_mean

STREAM = "stream"  # what --out-of-core means without a folder


def _option(default: Any, help: str, **limits: Any) -> Any:
    return field(default=default, metadata={"limits": Limits(help, **limits)})


@dataclass(frozen=True)
class TrainOptions:
    """Every option of a training; the fields are the keys of ``config.toml``.

    Fields that may be None are left out of the file where they are not set: TOML has no null.
    """

    data: str | None = _option(None, "A data file, a folder of images, or a named set.")
    target: str | None = _option(
        None, "Column to predict; without it, guessed and told.", metavar="COLUMN"
    )
    text: str | None = _option(
        None,
        "Columns of a table to read as text, commas between; without it, long texts are where "
        "there is nothing else to learn from.",
        metavar="COLUMN,...",
    )
    ngrams: str | None = _option(
        None,
        "What texts are read as: single words; pairs: also two in a row; letters: three and four "
        "in a row within words; both: pairs and letters. Without it, both where texts are short "
        "and their words set apart, else pairs.",
        choices=("words", "pairs", "letters", "both"),
    )
    ignore: str | None = _option(
        None, "Columns of a table to leave out, commas between.", metavar="COLUMN,..."
    )
    no_header: bool = _option(
        False,
        "A CSV or TSV file begins with a row, not with names: its columns are called column_1, "
        "column_2, ...; the model remembers it.",
    )
    split: str | None = _option(
        None,
        "Part of a named set to use; without it, where the set has a standard split, 'train' to "
        "train and 'test' to evaluate, else 'all'.",
        choices=("train", "test", "all"),
    )
    valid: str | None = _option(
        None,
        "Rows to evaluate on: a fraction held out of each class, a FILE, or 'test', the standard "
        "test split of a named set; without it, 'test' where there is one, else 0.2.",
        metavar="FRACTION|FILE|test",
    )
    model: str = _option(
        "linear",
        "linear: softmax regression, with a proven optimum; mlp: a network with hidden layers, "
        "which needs PyTorch to be trained (luce[torch]), not to be used.",
        choices=("linear", "mlp"),
        basic=True,
    )
    hidden: str | None = _option(
        None,
        "Units of each hidden layer of mlp, commas between; without it 128.",
        metavar="UNITS,...",
        network="hidden",
        basic=True,
    )
    dropout: float | None = _option(
        None,
        "Share of the hidden units that each step of mlp leaves out; without it 0.2, and none for "
        "fewer than 1,000 rows.",
        at_least=0,
        below=1,
        network="dropout",
    )
    weight_decay: float = _option(
        0.0, "Decay of the weights of mlp.", at_least=0, network="weight_decay"
    )
    solver: str = _option(
        "auto",
        "How to minimise: auto, newton and lbfgs reach the optimum; sgd and adam go by minibatch; "
        "mlp takes adam for auto.",
        choices=("auto", "newton", "lbfgs", "sgd", "adam"),
        parameter="solver",
        network="solver",
        basic=True,
    )
    C: float | None = _option(
        None,
        "Inverse strength of the L2 penalty, as in scikit-learn; without it 1, for texts 100.",
        above=0,
        parameter="C",
        basic=True,
    )
    class_weight: str | None = _option(
        None,
        "'balanced': every class counts the same, however rare; 'corrected': so, but probabilities "
        "are brought back to the true shares.",
        choices=("balanced", "corrected"),
        parameter="class_weight",
        network="class_weight",
        basic=True,
    )
    tune: str | None = _option(
        None,
        "Search so long (60s, 5m, 1h) before training, by log loss on rows held out: for C, class "
        "weights, label smoothing and the n-grams of texts, on each fifth in turn; for learning "
        "rate, hidden units, dropout and weight decay of mlp, on one fifth (of fewer than 2,000 "
        "rows, each in turn).",
        metavar="DURATION",
        basic=True,
    )
    label_smoothing: float = _option(
        0.0,
        "Share of each label spread evenly over all classes.",
        at_least=0,
        below=1,
        parameter="label_smoothing",
        network="label_smoothing",
    )
    tol: float = _option(
        1e-4,
        "Stop when the loss is proven to be within this fraction of its optimum.",
        above=0,
        parameter="tol",
        resumable=True,
    )
    max_iter: int = _option(
        1000,
        "Most iterations of newton and lbfgs.",
        at_least=1,
        parameter="max_iter",
        resumable=True,
    )
    epochs: int | None = _option(
        None,
        "Passes of sgd and adam; without it 20, for mlp on few rows more.",
        at_least=1,
        parameter="epochs",
        network="epochs",
        resumable=True,
        basic=True,
    )
    batch_size: int = _option(
        128,
        "Rows in a minibatch of sgd and adam.",
        at_least=1,
        parameter="batch_size",
        network="batch_size",
    )
    learning_rate: float | None = _option(
        None,
        "First step size of sgd and adam; without it, the solver's own.",
        above=0,
        parameter="learning_rate",
        network="learning_rate",
    )
    schedule: str = _option(
        "cosine",
        "How the step size falls over the epochs of sgd and adam.",
        choices=("cosine", "linear", "constant"),
        parameter="schedule",
        network="schedule",
    )
    clip_norm: float | None = _option(
        None,
        "Longest gradient of sgd and adam; without it, unlimited.",
        above=0,
        parameter="clip_norm",
        network="clip_norm",
    )
    momentum: float = _option(
        0.9, "Momentum of sgd.", at_least=0, below=1, parameter="momentum", network="momentum"
    )
    patience: int = _option(
        5,
        "Epochs without progress on held-out rows before sgd and adam stop.",
        at_least=1,
        parameter="patience",
        network="patience",
        resumable=True,
    )
    calibrate: str | None = _option(
        None,
        "Calibrate the probabilities on training rows that the model has not seen; without a "
        "value (auto), by vector, unless temperature or matrix do better on rows held out. Without "
        "the option, 1,000 texts or more are calibrated by temperature, nothing else is (none).",
        choices=("auto", "temperature", "vector", "matrix", "isotonic", "none"),
        bare="auto",
        basic=True,
    )
    out_of_core: str | None = _option(
        None,
        "Read a .csv, .tsv or .parquet table anew in every pass, in constant memory, whatever its "
        "size; with a FOLDER for a copy of its numbers meanwhile, passes are many times faster.",
        metavar="FOLDER",
        bare=STREAM,
    )
    seed: int = _option(
        0,
        "Seed of the hold-out and of the minibatches.",
        at_least=0,
        parameter="random_state",
        network="random_state",
    )
    threads: int | None = _option(
        None, "Threads of the native core; without it, one per core.", at_least=1, resumable=True
    )

    def __post_init__(self) -> None:
        for option in OPTIONS.values():
            value = option.checked(getattr(self, option.name))
            object.__setattr__(self, option.name, value)

    def to_toml(self) -> dict[str, Any]:
        """Return the options that are set, ready for a TOML writer."""
        values = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in values.items() if value is not None}

    def estimator_arguments(self) -> dict[str, Any]:
        """Return the arguments of the estimator of `model` that these options stand for.

        They are those of `luce.SoftmaxRegression` for "linear", of `luce.nn.SoftmaxMLP` for "mlp".
        """
        if self.model == "mlp":
            return self._network_arguments()
        arguments = {
            option.limits.parameter: getattr(self, option.name)
            for option in OPTIONS.values()
            if option.limits.parameter is not None
            # without them the estimator's own default holds
            and (option.name not in ("C", "epochs") or getattr(self, option.name) is not None)
        }
        if self.class_weight == "corrected":
            arguments |= {"class_weight": "balanced", "correct_prior": True}
        return arguments

    def _network_arguments(self) -> dict[str, Any]:
        arguments = {
            option.limits.network: getattr(self, option.name)
            for option in OPTIONS.values()
            if option.limits.network is not None
        }
        if self.class_weight == "corrected":
            arguments |= {"class_weight": "balanced", "correct_prior": True}
        return arguments | {
            "hidden": hidden_units(self.hidden),
            "solver": "adam" if self.solver == "auto" else self.solver,
            "early_stopping": True,
        }


def hidden_units(text: str | None) -> tuple[int, ...]:
    """Return the units of each hidden layer that ``"256,128"`` spells.

    Raises
    ------
    ParameterError
        A part is no whole number from 1.

    >>> hidden_units("256, 128"), hidden_units(None)
    ((256, 128), (128,))
    """
    parts = ["128"] if text is None else [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ParameterError(
            f"hidden must be whole numbers from 1, commas between, got {text!r}. For two layers"
            " give --hidden 256,128."
        )
    return tuple(map(int, parts))


def _table() -> dict[str, Option]:
    hints = get_type_hints(TrainOptions)
    table = {}
    for item in fields(TrainOptions):
        kinds = [kind for kind in get_args(hints[item.name]) if kind is not NoneType]
        optional = bool(kinds)
        kind = kinds[0] if optional else hints[item.name]
        table[item.name] = Option(item.name, kind, optional, item.default, item.metadata["limits"])
    return table


OPTIONS: Mapping[str, Option] = _table()


def read_config(path: Path) -> dict[str, Any]:
    """Read the options that a TOML file sets.

    Raises
    ------
    ParameterError
        The file is missing or is not TOML, or has a key that is no option.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ParameterError(
            f"--config must name a readable TOML file, got {str(path)!r}: {error}. "
            "Every run folder holds one to start from: RUN/config.toml."
        ) from error
    for key in values:
        if key not in OPTIONS:
            raise ParameterError(
                f"{path}: a key must be an option of luce train, got {key!r}. "
                + (did_you_mean(key, OPTIONS) or "See luce train --help for the options.")
            )
    return values


def resolve(flags: Mapping[str, Any], config: Path | None = None) -> TrainOptions:
    """Join the options from all sources: flags win over the file, the file over the defaults.

    Parameters
    ----------
    flags : mapping
        Options by name; None stands for a flag that was not given.
    config : Path, optional
        A TOML file such as the ``config.toml`` of an earlier run.

    Raises
    ------
    ParameterError
        A value is of the wrong type or out of its range, or the file has an unknown key.

    Examples
    --------
    >>> resolve({"data": "iris", "C": 10, "seed": None}).C
    10.0
    """
    values = read_config(config) if config is not None else {}
    values |= {name: value for name, value in flags.items() if value is not None}
    options = TrainOptions(**values)
    if options.data is None:
        raise ParameterError(
            "luce train needs data: a file, a folder of images, or a named set; got none. "
            "Give it as the first argument, for instance: luce train digits"
        )
    return options

"""Everything that can be checked before a training begins: data, split, encoding, options."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from luce import data, kernels
from luce.data import Dataset, Encoding, Kind
from luce.errors import LabelError, ParameterError
from luce.solvers import RowStream
from luce.tasks.column_lists import read_columns, write_columns
from luce.tasks.durations import parse_duration
from luce.tasks.loading import load_labelled, warn_of
from luce.tasks.model_choice import check_model
from luce.tasks.options import TrainOptions, hidden_units
from luce.tasks.splits import stratified_split

_TEST = "test"  # the value of `valid` that stands for a standard test split
_FRACTION = "0.2"
_C, _C_OF_TEXTS = 1.0, 100.0  # docs/text.md tells how the second was chosen
_TEXTS_TO_CALIBRATE = 1_000  # a fifth of them is held out: fewer tell little about a temperature


@dataclass(frozen=True)
class HeldOut:
    """The rows to evaluate on, their numbers in the source, and what the classifier sees."""

    dataset: Dataset
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class Prepared:
    """A training that can begin.

    ``options`` are resolved: nothing in them is left to be guessed.
    """

    options: TrainOptions
    train: Dataset
    held_out: HeldOut
    encoding: Encoding
    features: NDArray[np.floating[Any]] | csr_matrix | RowStream
    streamed_rows: int | None = None  # of a stream

    @property
    def labels(self) -> NDArray[Any] | None:
        """The label of each row to train on; None where a stream brings them."""
        return self.train.target

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and features there are to train on."""
        return self.rows, self.encoding.width

    @property
    def rows(self) -> int:
        """How many rows there are to train on."""
        return len(self.train) if self.streamed_rows is None else self.streamed_rows

    @property
    def notes(self) -> tuple[str, ...]:
        """Every guess made about the data, each once."""
        return tuple(dict.fromkeys([*self.train.notes, *self.encoding.notes]))


def prepare(options: TrainOptions) -> Prepared:
    """Load, split and encode the data, and resolve the options; nothing is written.

    Raises
    ------
    DataError
        The data cannot be read or split, or the two parts do not fit each other.
    ParameterError
        ``valid`` is no fraction, file or standard split, or ``tune`` no span of time.
    """
    if options.tune is not None:
        parse_duration(options.tune, "tune")
    check_model(options)
    if options.threads is not None:
        kernels.set_num_threads(options.threads)
    options = _resolved(options)
    whole = load_labelled(
        _source(options),
        target=options.target,
        split=options.split,
        text=read_columns(options.text, "--text"),
        ignore=read_columns(options.ignore, "--ignore"),
        no_header=options.no_header,
    )
    warn_of(whole.header_doubt)
    options = _with_guesses(options, whole)
    train, held_out = _hold_out(whole, options)
    encoding, encoded = data.learn_and_apply(train, ngrams=options.ngrams)
    if isinstance(encoding, data.TextEncoding):
        options = replace(options, ngrams=encoding.ngrams)
    if held_out is None:
        other = _other_rows(options, encoding)
        held_out = HeldOut(other, np.arange(len(other)))
    check_alike(encoding, train, held_out.dataset)
    return Prepared(options, train, held_out, encoding, encoded.X)


def with_ngrams(prepared: Prepared, ngrams: str) -> Prepared:
    """Return the same training on texts that are read otherwise."""
    encoding, encoded = data.learn_and_apply(prepared.train, ngrams=ngrams)
    options = replace(prepared.options, ngrams=ngrams)
    return replace(prepared, options=options, encoding=encoding, features=encoded.X)


def _with_guesses(options: TrainOptions, whole: Dataset) -> TrainOptions:
    """Write down what was guessed: then it is no guess any more."""
    read = [name for name, kind in whole.kinds.items() if kind is Kind.WORDS]
    if options.text is not None and not read:
        raise ParameterError(
            f"--text must name columns of a table, got {options.text!r}, but {whole.name!r} has "
            f"no columns to read as text ({whole.kind}). Leave --text out."
        )
    if options.ngrams is not None and not read:
        raise ParameterError(
            f"--ngrams needs columns to read as text, got {options.ngrams!r}, but {whole.name!r} "
            "has none. Leave --ngrams out, or name such columns with --text."
        )
    if whole.kind == "table":
        options = replace(options, target=whole.target_name)
    if options.model == "mlp":
        units = hidden_units(options.hidden)
        options = replace(options, hidden=",".join(map(str, units)))
    else:
        options = _with_guesses_of_linear(options, texts=len(whole) if read else 0)
    return replace(options, text=write_columns(read)) if read else options


def _with_guesses_of_linear(options: TrainOptions, texts: int) -> TrainOptions:
    """Fill in C and the calibration: a penalty that is right for texts makes them too doubtful."""
    if options.C is None:
        options = replace(options, C=_C_OF_TEXTS if texts else _C)
    if options.calibrate is None:
        enough = texts >= _TEXTS_TO_CALIBRATE
        options = replace(options, calibrate="temperature" if enough else "none")
    return options


def _source(options: TrainOptions) -> str:
    assert options.data is not None, "`resolve` has seen to it"
    return options.data


def _resolved(options: TrainOptions) -> TrainOptions:
    """Fill in what depends on the data: a standard test split is used where there is one."""
    standard = data.has_test_split(_source(options))
    split = options.split or ("train" if standard else "all")
    valid = options.valid or (_TEST if standard and split == "train" else _FRACTION)
    return replace(options, split=split, valid=valid, threads=kernels.get_num_threads())


def _hold_out(whole: Dataset, options: TrainOptions) -> tuple[Dataset, HeldOut | None]:
    """Hold out a fraction; None where ``valid`` names other rows, to be loaded when encoded."""
    fraction = fraction_of(str(options.valid))
    if fraction is None:
        return whole, None
    assert whole.target is not None, "training data are loaded with their target"
    split = stratified_split(whole.target, fraction, options.seed)
    return whole.take(split.train), HeldOut(whole.take(split.valid), split.valid)


def fraction_of(valid: str) -> float | None:
    """The fraction that ``valid`` spells, None if it is a name.

    Raises
    ------
    ParameterError
        It is a number, but no fraction.
    """
    try:
        fraction = float(valid)
    except ValueError:
        return None
    if not 0 < fraction < 1:
        raise ParameterError(
            f"--valid must be a fraction between 0 and 1, a file, or 'test', got {valid!r}. "
            "For a fifth of the rows, give --valid 0.2."
        )
    return fraction


def _other_rows(options: TrainOptions, encoding: Encoding) -> Dataset:
    """The rows that ``valid`` names: the standard test split or another file."""
    if options.valid != _TEST:
        return load_labelled(str(options.valid), target=options.target, encoding=encoding)
    source = _source(options)
    if not data.has_test_split(source):
        raise ParameterError(
            f"--valid test needs a named set with a standard test split, got {source!r}, which has "
            "none. Give a fraction such as --valid 0.2, or a file (./test if it has that name)."
        )
    if options.split != "train":
        raise ParameterError(
            "--valid test needs a model that has not seen the test rows, got --split "
            f"{options.split}. Train with --split train, or hold out a fraction."
        )
    return load_labelled(source, split=_TEST, encoding=encoding)


def check_alike(encoding: Encoding, train: Dataset, held_out: Dataset) -> None:
    """Find out now, not after an hour of training, that the rows to evaluate on do not fit."""
    encoding.apply(held_out.take(np.arange(min(1, len(held_out)))).features)
    assert train.target is not None
    assert held_out.target is not None
    unknown = sorted(set(map(str, held_out.target)) - set(map(str, train.target)))
    if unknown:
        raise LabelError(
            f"every class to evaluate on must occur in the training rows, but {unknown[0]!r} in "
            f"{held_out.name!r} does not. Drop its rows, or train on rows of it too."
        )

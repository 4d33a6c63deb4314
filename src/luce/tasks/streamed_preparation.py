"""What can be checked before a training on a stream: one pass that draws rows to evaluate on."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from luce import data, kernels
from luce.data.files import fingerprint, inner_suffix, require_file
from luce.data.scratch import Scratch
from luce.data.table_stream import SUFFIXES, TableStream
from luce.errors import DataError, ParameterError
from luce.solvers import RowStream
from luce.tasks.loading import load_labelled, warn_of
from luce.tasks.options import OPTIONS, STREAM, TrainOptions
from luce.tasks.preparation import HeldOut, Prepared, fraction_of

_FRACTION = "0.2"
_IN_MEMORY = ("text", "ngrams", "split", "model", "solver", "tune", "calibrate")


def prepare_stream(options: TrainOptions) -> Prepared:
    """Open the table and hold out rows; nothing is written.

    Raises
    ------
    DataError
        The table cannot be read in parts, or has too few rows of a class.
    ParameterError
        An option needs all rows in memory.
    """
    _check(options)
    if options.threads is not None:
        kernels.set_num_threads(options.threads)
    path = Path(str(options.data))
    source = _open(path, options)
    warn_of(source.header_doubt)
    options = replace(
        options,
        target=source.target_name,
        valid=options.valid or _FRACTION,
        C=1.0 if options.C is None else options.C,
        calibrate="none",
        threads=kernels.get_num_threads(),
    )
    fraction = fraction_of(str(options.valid))
    if fraction is None:
        other = load_labelled(str(options.valid), target=options.target, encoding=source.encoding)
        held_out = HeldOut(other, np.arange(len(other)))
        rest: RowStream = source
        count = sum(len(piece) for piece in source.pieces())
    else:
        drawn = data.hold_out(path, source, fraction, options.seed)
        held_out, rest, count = HeldOut(drawn.rows, drawn.numbers), drawn.rest, drawn.rest.rows
    train = replace(
        held_out.dataset.take(np.arange(0)),
        name=path.name.partition(".")[0],
        target=None,
        notes=tuple(source.notes),
        fingerprint=fingerprint(path),
    )
    if options.out_of_core != STREAM:
        rest = Scratch(rest, Path(str(options.out_of_core)))
    return Prepared(options, train, held_out, source.encoding, rest, count)


def _check(options: TrainOptions) -> None:
    for name in _IN_MEMORY:
        given, default = getattr(options, name), OPTIONS[name].default
        if given not in (default, "none"):
            raise ParameterError(
                f"{OPTIONS[name].flag} needs all rows in memory, got {given!r} with --out-of-core."
                " Leave one of them out."
            )
    if options.class_weight == "corrected":
        raise ParameterError(
            "--out-of-core needs --class-weight balanced, got 'corrected', which needs all rows in"
            " memory. Leave one of them out."
        )


def _open(path: Path, options: TrainOptions) -> TableStream:
    require_file(path)
    if inner_suffix(path) not in SUFFIXES:
        raise DataError(
            f"--out-of-core needs a table ({', '.join(SUFFIXES)}), got {path.name!r}. Leave it out,"
            " or convert the file."
        )
    return TableStream(path, target=options.target, no_header=options.no_header)

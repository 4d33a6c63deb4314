"""What each feature adds to the lead of one class over another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import _checks
from luce.data import Encoding
from luce.data.columns import NumberColumn
from luce.data.table_encoding import TableEncoding
from luce.data.text_encoding import TextEncoding
from luce.errors import ParameterError, ShapeError
from luce.estimators.held_out import logits_of
from luce.tasks.models import Model
from luce.tasks.reporting.feature_rows import row_of

Doubles = NDArray[np.float64]
Row = pl.DataFrame | NDArray[Any]  # a single row, as an encoding takes it
REFERENCES = ("zero", "mean")


class Effect(NamedTuple):
    """What a feature, or a column of several features, adds to the lead, in units of logits."""

    feature: str
    value: float  # of the feature; of a column with several, that of the first
    logit: float


class Group(NamedTuple):
    """The features ``start..stop`` that one column became."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Explanation:
    r"""The lead of a class over another, taken apart.

    .. math:: z_a - z_b = o + \sum_j e_j, \qquad e_j = (w_{aj} - w_{bj}) (x_j - r_j)

    Attributes
    ----------
    answer, against : numbers of the two classes, a and b
    lead : the difference of their logits, before any calibration
    offset : o, the lead that a row would have whose features are all those of the reference
    effects : e (d,), one a feature
    features : x (d,)
    linear : whether the weights w are those of every row; else they are those of the linear piece
        of the network on which this row lies
    probabilities : (k,) of the row, calibrated if the model is
    """

    answer: int
    against: int
    lead: float
    offset: float
    effects: Doubles
    features: Doubles
    linear: bool
    probabilities: Doubles

    def strongest(self, encoding: Encoding, most: int | None) -> list[Effect]:
        """Return the effects of largest size that are not 0, columns taken together; None: all."""
        return Columns.of(encoding).strongest(self, most)


@dataclass(frozen=True, eq=False)
class Columns:
    """The features of an encoding, those that became of one column taken together.

    Attributes
    ----------
    names : of a feature, or of the column
    starts : (n,) numbers of their first features
    """

    names: tuple[str, ...]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, encoding: Encoding) -> "Columns":
        """Return those of an encoding; for many rows it is to be done once."""
        names = encoding.feature_names
        starts = np.arange(len(names))
        for table, first in _tables(encoding):
            groups = list(_groups_of(table, first))
            names = (*names[:first], *(group.name for group in groups))
            starts = np.array([*range(first), *(group.start for group in groups)])
        return cls(names, starts)

    def strongest(self, why: Explanation, most: int | None) -> list[Effect]:
        """Return the effects of largest size that are not 0; None: all."""
        totals = np.add.reduceat(why.effects, self.starts)
        return [
            Effect(self.names[i], float(why.features[self.starts[i]]), float(totals[i]))
            for i in _largest(totals, most).tolist()
        ]


def explain(
    model: Model, row: Row, *, against: int | None = None, reference: str = "zero"
) -> Explanation:
    """Say what each feature of one row adds to the lead of the answer.

    Parameters
    ----------
    model : a linear model or a network
    row : one row, as the encoding of the model takes it: a frame, or an array of one row
    against : number of the class to compare with; without it the second most probable one
    reference : ``"zero"``, or ``"mean"`` to count each number of a table from its mean in
        training, so that a missing number has no effect; all else is counted from 0

    Returns
    -------
    Explanation
        Of a linear model the effects are exact: coefficient times value. Of a network they are
        exact for the linear piece on which the row lies.

    Raises
    ------
    ShapeError
        There is not one row.
    ParameterError
        ``against`` is no other class.
    DataError
        The row does not fit the model.

    Examples
    --------
    >>> from luce import data, SoftmaxRegression
    >>> from luce.tasks import Model, explain
    >>> iris = data.load("iris")
    >>> encoding = data.learn_encoding(iris)
    >>> fitted = SoftmaxRegression().fit(encoding.apply(iris.features).X, iris.target)
    >>> model = Model(fitted, encoding, {"class_names": iris.class_names})
    >>> why = explain(model, iris.features[:1])
    >>> model.names[why.answer], model.names[why.against]
    ('setosa', 'versicolor')
    >>> bool(abs(why.offset + why.effects.sum() - why.lead) < 1e-9)
    True
    """
    if len(row) != 1:
        raise ShapeError(f"an explanation needs one row, got {len(row)}. Pass features[i : i + 1].")
    X = model.encoding.apply(row, where="the row").X
    return explain_encoded(model, X, against=against, reference=reference)


def explain_encoded(
    model: Model, X: Any, *, against: int | None = None, reference: str = "zero"
) -> Explanation:
    """`explain` for one row that is encoded already, (1, d)."""
    p = model.probabilities(X)
    return next(explain_rows(model, X, p, against=against, reference=reference))


def explain_rows(
    model: Model,
    X: Any,
    probabilities: NDArray[Any],
    *,
    against: int | None = None,
    reference: str = "zero",
) -> Iterator[Explanation]:
    """`explain` for each of many encoded rows (n, d), whose probabilities (n, k) are known."""
    _checks.as_choice(reference, REFERENCES, "reference")
    logits = logits_of(model.classifier, X)  # at once: the weights are brought into order for it
    means = reference == "mean"
    start = reference_of(model.encoding) if means else np.zeros(model.encoding.width)
    for row, (p, z) in enumerate(zip(probabilities.astype(np.float64), logits, strict=True)):
        answer, second = np.argsort(-p, kind="stable")[:2].tolist()
        other = second if against is None else _other(against, answer, len(p))
        lead = float(z[answer] - z[other])
        x = row_of(X, row)
        effects = slope(model, X[row : row + 1], answer, other) * (x - start)
        offset = lead - float(effects.sum())
        yield Explanation(answer, other, lead, offset, effects, x, model.linear is not None, p)


def slope(model: Model, X: Any, towards: int, away: int) -> Doubles:
    """Return the gradient (d,) of the lead of one class over another at one encoded row."""
    if model.linear is not None:
        coef = model.linear.coef_
        if len(coef) == 1:  # it speaks for the second of two classes
            return np.asarray(coef[0] * (1.0 if towards else -1.0), np.float64)
        return np.asarray(coef[towards].astype(np.float64) - coef[away])
    assert model.network is not None, "a model is linear or a network"
    direction = np.zeros(len(model.names))
    direction[[towards, away]] = 1.0, -1.0
    return model.network.network.gradient(X, direction)


def reference_of(encoding: Encoding) -> Doubles:
    """Return the row that has the mean of training for each number of a table, else zeros."""
    reference = np.zeros(encoding.width)
    for table, first in _tables(encoding):
        for part, group in zip(table.parts, _groups_of(table, first), strict=True):
            if isinstance(part, NumberColumn):
                reference[group.start] = part.mean
    return reference


def _tables(encoding: Encoding) -> Iterator[tuple[TableEncoding, int]]:
    """The table inside an encoding, if there is one, and its first feature."""
    if isinstance(encoding, TableEncoding):
        yield encoding, 0
    elif isinstance(encoding, TextEncoding) and encoding.table is not None:
        yield encoding.table, sum(part.learnt.width for part in encoding.texts)


def _groups_of(table: TableEncoding, first: int) -> Iterator[Group]:
    for part in table.parts:
        yield Group(part.name, first, first + part.width)
        first += part.width


def _other(against: int, answer: int, classes: int) -> int:
    if not 0 <= against < classes or against == answer:
        raise ParameterError(
            f"against must be the number of another class than the answer {answer}, in"
            f" 0..{classes - 1}, got {against}. Leave it out for the second most probable one."
        )
    return against


def _largest(values: Doubles, most: int | None) -> NDArray[np.intp]:
    """Positions of the largest values by size, of equals the first; zeros are left out."""
    there = np.flatnonzero(values)  # of the terms of a text few are
    order = np.argsort(-np.abs(values[there]), kind="stable")
    return np.asarray(there[order[:most]])

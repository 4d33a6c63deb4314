"""Promises about rows to be predicted, learnt from the rows on which the run was evaluated.

Neither the classifier nor its calibration has seen them, so they tell what the model is worth on
new rows of the same kind.
"""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators import ConformalSets
from luce.estimators.selective_classifier import provable_threshold
from luce.tasks import runs
from luce.tasks.models import Model
from luce.tasks.reporting.record import Predictions, read_predictions

CERTAINTY = 0.95


@dataclass(frozen=True)
class Promises:
    """How sets are formed and answers withheld.

    ``threshold`` is the confidence that an answer must exceed; None: every row is answered.
    """

    sets: ConformalSets | None = None
    threshold: float | None = None
    notes: tuple[str, ...] = ()

    def members(self, p: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return which classes (n, k) are in the set of each row; None without sets."""
        return None if self.sets is None else self.sets.predict_set(p)

    def answered(self, p: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return which rows are answered; None where no promise of the risk was asked for."""
        return None if self.threshold is None else p.max(axis=1) > self.threshold


def learn_promises(
    model: Model, path: str | Path, *, level: float | None, max_risk: float | None
) -> Promises:
    """Learn from the evaluated rows of the run folder in which the model lies.

    Parameters
    ----------
    model : the model
    path : its file or run folder
    level : share of the sets that are to hold the truth; None for no sets
    max_risk : largest share of wrong answers; None to answer every row

    Raises
    ------
    ParameterError
        The model does not lie in a run folder with its evaluated rows.
    DataError
        These rows are damaged.
    """
    if level is None and max_risk is None:
        return Promises()
    seen = _evaluated(model, path)
    rows = len(seen.rows)
    sets, notes = None, []
    if level is not None:
        sets = ConformalSets(alpha=round(1 - level, 12)).fit(seen.proba, seen.labels)
        notes.append(
            f"Sets hold the truth in {100 * level:g} % of rows like the {rows:,} evaluated ones."
        )
        if sets.threshold_[0] == inf:
            notes.append("These are too few to exclude any class at this level.")
    threshold = None
    if max_risk is not None:
        found = provable_threshold(~seen.right, seen.confidence, max_risk, CERTAINTY)
        threshold = found.value
        notes.append(
            f"With a certainty of 95 %, at most {100 * found.risk_bound:.2g} % of the answers are"
            f" wrong; {100 * found.coverage:.0f} % of the evaluated rows are answered."
            if found.value < inf
            else f"A risk of {100 * max_risk:g} % cannot be proven from {rows:,} evaluated rows:"
            " no row is answered."
        )
    return Promises(sets, threshold, tuple(notes))


def _evaluated(model: Model, path: str | Path) -> Predictions:
    file = runs.model_path(path).parent / runs.PREDICTIONS
    if not file.is_file():
        raise ParameterError(
            f"--sets and --max-risk need the rows on which the model was evaluated, but"
            f" {str(file)!r} is not there. Give the run folder that luce train has printed."
        )
    return read_predictions(file.parent, list(model.names))

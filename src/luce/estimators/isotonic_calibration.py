"""Isotonic calibration: for each class the best increasing function of its probability."""

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from luce.errors import ParameterError
from luce.estimators.calibrator import Calibrator, Doubles


class IsotonicCalibration(Calibrator):
    r"""Calibrated probabilities from one increasing function a class, normalised.

    .. math:: q_{ij} = \frac{g_j(p_{ij})}{\sum_l g_l(p_{il})}, \qquad
        g_j = \arg\min_{g \text{ increasing}} \sum_i s_i \, (g(p_{ij}) - [y_i = j])^2

    It assumes nothing about the shape of the error, and needs thousands of rows for that. Between
    the steps found it interpolates.

    Parameters
    ----------
    prior_rows : float, default=1.0
        Two made-up rows of this weight stand at both ends of each class: one of the class with
        the probability 0, one of another with 1. They keep every ``g`` off 0 and 1, as the rule
        of succession does: without them a class that was never true below some probability is
        declared impossible there, and one such row in the future costs an infinite loss. 0 leaves
        them out; a row whose classes are all impossible then gets equal probabilities, as in
        scikit-learn.

    Attributes
    ----------
    knots_, values_ : array
        The arguments and values of the functions, one class after the other.
    lengths_ : array of shape (n_classes,)
        How many knots each class has.
    n_classes_ : int
        Columns of the logits.

    Notes
    -----
    The functions of different classes bend apart, so the most probable class may change.

    Source: B. Zadrozny, C. Elkan (2002), Transforming classifier scores into accurate multiclass
    probability estimates, KDD; the pool of adjacent violators is scikit-learn's.

    Examples
    --------
    >>> import numpy as np
    >>> from luce import IsotonicCalibration
    >>> rng = np.random.default_rng(0)
    >>> honest = rng.normal(size=4000)
    >>> y = (honest + rng.logistic(size=4000) > 0).astype(int)
    >>> isotonic = IsotonicCalibration().fit(3 * honest, y)
    >>> isotonic.predict_proba([6.0])[0].round(1)  # log-odds of 6 were stated, 2 are true
    array([0.1, 0.9])
    """

    _STATE = ("knots", "values", "lengths")

    def __init__(self, *, prior_rows: float = 1.0) -> None:
        self.prior_rows = prior_rows

    def _fit(self, log_p: Doubles, labels: NDArray[np.int64], weights: Doubles) -> None:
        prior = self.prior_rows
        if isinstance(prior, bool) or not isinstance(prior, int | float) or not 0 <= prior < np.inf:
            raise ParameterError(
                f"prior_rows must be a number from 0, got {prior!r}. Pass prior_rows=1.0."
            )
        rows = 1.0 / float(weights @ weights)  # as many equal ones as the weights are worth
        steps = [
            _increasing(p, labels == j, rows * weights, prior)
            for j, p in enumerate(np.exp(log_p).T)
        ]
        self.knots_ = np.concatenate([x for x, _ in steps])
        self.values_ = np.concatenate([g for _, g in steps])
        self.lengths_ = np.array([len(x) for x, _ in steps])

    def _calibrated(self, log_p: Doubles) -> Doubles:
        ends = np.cumsum(self.lengths_)
        g = np.empty_like(log_p)
        for j, end in enumerate(ends):
            part = slice(end - self.lengths_[j], end)
            g[:, j] = np.interp(np.exp(log_p[:, j]), self.knots_[part], self.values_[part])
        g[~g.any(axis=1)] = 1.0
        with np.errstate(divide="ignore"):
            return np.log(g)

    def _restore(self, arrays: dict[str, Doubles], classes: int) -> None:
        x, g, lengths = arrays["knots"], arrays["values"], arrays["lengths"]
        right = (
            lengths.shape == (classes,)
            and (lengths >= 1).all()
            and (lengths % 1 == 0).all()
            and x.shape == g.shape == (int(lengths.sum()),)
            and ((g >= 0) & (g <= 1)).all()
        )
        if not right:
            raise ParameterError(
                f"knots, values and lengths must be those of {classes} increasing functions, got"
                f" {x.shape}, {g.shape} and {lengths.tolist()}. Fit the calibration again."
            )
        self.knots_, self.values_, self.lengths_ = x, g, lengths.astype(np.int64)


def _increasing(
    p: Doubles, true: NDArray[np.bool_], weights: Doubles, prior: float
) -> tuple[Doubles, Doubles]:
    """Return the knots and values of the best increasing function of p."""
    if prior > 0:
        p = np.concatenate([[0.0], p, [1.0]])
        true = np.concatenate([[True], true, [False]])
        weights = np.concatenate([[prior], weights, [prior]])
    steps = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    steps.fit(p, true.astype(np.float64), sample_weight=weights)
    return np.asarray(steps.X_thresholds_), np.asarray(steps.y_thresholds_)

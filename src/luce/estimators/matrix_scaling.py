"""Matrix scaling (Dirichlet calibration): a linear map of the logarithms of the probabilities."""

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.calibrator import Doubles
from luce.estimators.pulled_scaling import PulledScaling
from luce.estimators.temperature_scaling import TemperatureScaling
from luce.functions.row_products import row_products
from luce.solvers import DenseDesign, Labels, LinearSoftmax, Result, minimise


class MatrixScaling(PulledScaling):
    r"""Calibrated probabilities ``softmax(W log p + b)``: Dirichlet calibration.

    Minimises, around the fitted temperature T,

    .. math:: C \sum_i s_i \, CE(y_i, \mathrm{softmax}(W \log p_i + b))
        + \tfrac12 \big( \sigma^2 |W - I/T|^2 + |b + W m - m/T|^2 \big)

    where the s have the mean 1, :math:`\sigma` is the spread of the logarithms and m their mean.
    It learns which classes are taken for which, and has k (k + 1) numbers for that: it needs some
    thousand rows where classes are many. With a small C it is temperature scaling.

    Parameters
    ----------
    C : float, default=0.1
        Inverse strength of the pull towards the temperature.
    tol : float, default=1e-4
        Proven bound on the relative distance from the optimum at which to stop.
    max_iter : int, default=1000
        At most this many iterations.

    Attributes
    ----------
    matrix_ : array of shape (n_classes, n_classes)
        W, which multiplies the logarithms of the probabilities.
    shift_ : array of shape (n_classes,)
        b.
    temperature_ : float
        T.
    objective_, gap_ : float
        The function, divided by ``C * n``, and the proven bound on its relative distance.
    converged_ : bool
        Whether ``gap_ <= tol``.
    n_iter_ : int
        Iterations.
    n_classes_ : int
        Columns of the logits.

    Notes
    -----
    The pull towards the identity stands for the penalty of Kull et al. on what is not on the
    diagonal (ODIR), with one strength to choose instead of two, and a temperature to fall back
    on. It is a multinomial regression with the cooled logits as offset, and solved as such.

    Source: M. Kull et al. (2019), Beyond temperature scaling: obtaining well-calibrated
    multiclass probabilities with Dirichlet calibration, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from luce import MatrixScaling
    >>> rng = np.random.default_rng(0)
    >>> honest = 2 * rng.normal(size=(4000, 3))
    >>> y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)  # drawn from its softmax
    >>> mixed = honest @ [[1, 0.4, 0], [0, 0.6, 0], [0, 0, 1]]  # class 0 speaks for class 1 too
    >>> from luce.metrics import log_loss
    >>> scaling = MatrixScaling().fit(mixed, y)
    >>> truth = log_loss(y, np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True))
    >>> abs(log_loss(y, scaling.predict_proba(mixed)).value - truth.value) < 0.01
    True
    """

    _STATE = ("matrix", "shift")

    def __init__(self, *, C: float = 0.1, tol: float = 1e-4, max_iter: int = 1000) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter

    def _learn(
        self,
        start: TemperatureScaling,
        log_p: Doubles,
        labels: NDArray[np.int64],
        weights: Doubles,
        sigma: float,
    ) -> Result:
        n, k = log_p.shape
        mean = weights @ log_p
        objective = LinearSoftmax(
            design=DenseDesign(np.column_stack([(log_p - mean) / sigma, np.ones(n)])),
            targets=Labels(labels, k),
            weights=weights,
            penalty=np.full(k + 1, 1.0 / (self.C * n)),
            intercept=False,  # the column of ones is penalised: a class may have no row
            offset=start._calibrated(log_p),
        )
        with one_blas_thread():  # the solvers share out the rows
            result = minimise(
                objective, np.zeros(objective.shape), tol=self.tol, max_iter=int(self.max_iter)
            )
        change = result.theta[:, :-1] / sigma
        self.matrix_ = start.inverse_temperature_ * np.eye(k) + change
        self.shift_ = result.theta[:, -1] - change @ mean
        return result

    def _calibrated(self, log_p: Doubles) -> Doubles:
        return np.asarray(row_products(log_p, self.matrix_, self.shift_), np.float64)

    def _restore(self, arrays: dict[str, Doubles], classes: int) -> None:
        matrix, shift = arrays["matrix"], arrays["shift"]
        if matrix.shape != (classes, classes) or shift.shape != (classes,):
            raise ParameterError(
                f"matrix and shift must have the shapes ({classes}, {classes}) and ({classes},),"
                f" got {matrix.shape} and {shift.shape}. Fit the calibration again."
            )
        self.matrix_, self.shift_ = matrix, shift

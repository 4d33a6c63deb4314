"""The function that both libraries minimise, and a fit with its time."""

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning


class Fit(NamedTuple):
    """A fitted model, what it took, and whether it warned that it had not converged."""

    model: Any
    seconds: float
    gave_up: bool


def fit(model: Any, X: NDArray[Any], y: NDArray[Any]) -> Fit:
    """Fit and time; every warning but that of giving up is an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X, y)
        return Fit(model, time.perf_counter() - start, bool(caught))


def objective(model: Any, X: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    r"""Mean cross-entropy + ``|W|^2 / (2 C n)`` in float64, the same way for both libraries.

    `labels` are ``0..k-1`` in the order of the classes; three classes or more.
    """
    weights = model.coef_.astype(np.float64)
    logits = X @ weights.T + model.intercept_.astype(np.float64)
    loss = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
    return float(loss.mean() + (weights**2).sum() / (2 * model.C * len(labels)))

"""How sure a classifier is of a row, as one number: to abstain by, and to find foreign rows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import _checks, functions
from luce.errors import ShapeError

SCORES = ("max_probability", "margin", "entropy", "max_logit", "energy")


def confidence(
    logits: ArrayLike, score: str = "max_probability", *, temperature: float = 1.0
) -> NDArray[np.float64]:
    r"""Return one number a row of logits (n, k), the larger the surer.

    ========================  ==============================================
    ``"max_probability"``     :math:`\max_j p_j`
    ``"margin"``              the largest probability minus the second
    ``"entropy"``             :math:`\sum_j p_j \log p_j`, minus the entropy
    ``"max_logit"``           :math:`\max_j z_j`
    ``"energy"``              :math:`T \log \sum_j e^{z_j / T}`
    ========================  ==============================================

    with p the softmax of z / T. The last two feel how large the logits are altogether, which
    probabilities forget: a row unlike all others often has small logits for every class. A
    constant added to the logits of a row changes those two, and none of the first three.

    Source: Hendrycks & Gimpel (2017), ICLR (largest probability); Hendrycks et al. (2022), ICML
    (largest logit); Liu et al. (2020), NeurIPS (energy).

    Examples
    --------
    >>> confidence([[2.0, 0.0, 0.0], [0.2, 0.0, 0.0]], "max_logit")
    array([2. , 0.2])
    """
    z = _checks.as_doubles(logits, "logits")
    if z.ndim != 2 or z.shape[1] < 1:
        raise ShapeError(
            f"logits must have the shape (rows, classes), got {z.shape}. Pass the result of"
            " decision_function; of two classes, both columns."
        )
    t = _checks.as_temperature(temperature)
    _checks.as_choice(score, SCORES, "score")
    if score == "max_logit":
        return np.asarray(z.max(axis=1))
    if score == "energy":
        return np.asarray(t * functions.logsumexp(z / t, axis=1))
    log_p = np.asarray(functions.log_softmax(z, temperature=t))
    if score == "entropy":
        p = np.exp(log_p)
        return np.asarray(np.where(p > 0, p * np.where(p > 0, log_p, 0.0), 0.0).sum(axis=1))
    p = np.exp(np.sort(log_p, axis=1)[:, -2:])
    if score == "margin" and z.shape[1] > 1:
        return np.asarray(p[:, 1] - p[:, 0])
    return np.asarray(p[:, -1])

"""How much the probabilities move when a feature does, on average over the rows."""

from typing import NamedTuple

import numpy as np

from luce.functions import softmax
from luce.solvers.blocks import blocks
from luce.solvers.likelihood import Likelihood
from luce.solvers.linear_softmax import Doubles


class Effects(NamedTuple):
    """Average derivatives of the probabilities, and their derivatives in the parameters."""

    effects: Doubles  # (k, d)
    jacobian: Doubles  # (k, d, m)


def average_effects(likelihood: Likelihood, beta: Doubles) -> Effects:
    r"""Return the average marginal effect of each column on each class.

    .. math:: a_{jc} = \frac{1}{\sum_i s_i} \sum_i s_i \frac{\partial p_{ij}}{\partial x_{ic}}
              = \frac{1}{\sum_i s_i} \sum_i s_i p_{ij}
                \Big( \theta_{jc} - \sum_l p_{il} \theta_{lc} \Big)

    Parameters
    ----------
    likelihood : Likelihood
        Holds the rows.
    beta : (k - 1, d) array
        The parameters of all classes but the reference.

    Returns
    -------
    Effects

    Notes
    -----
    With :math:`u_{ijc} = \theta_{jc} - \sum_l p_{il} \theta_{lc}` and
    :math:`\partial p_{ij} / \partial \theta_{me} = p_{ij} (\delta_{jm} - p_{im}) x_{ie}`, the
    derivative of :math:`p_{ij} u_{ijc}` in :math:`\theta_{me}` is
    :math:`(p_{ij} (\delta_{jm} - p_{im}) u_{ijc} - p_{ij} p_{im} u_{imc}) x_{ie}
    + p_{ij} (\delta_{jm} - p_{im}) \delta_{ce}`.
    """
    theta = likelihood.full(beta)
    k, d = theta.shape
    effects, jacobian, total = np.zeros((k, d)), np.zeros((k, d, k, d)), 0.0
    unit, column = np.eye(k), np.arange(d)
    for part in likelihood.parts():
        for rows in blocks(len(part.rows), 8 * k * k * d):
            x, s = part.rows[rows], part.weights[rows]
            p = softmax(x @ theta.T)
            u = theta - (p @ theta)[:, None, :]  # (b, k, d)
            pu = p[:, :, None] * u
            effects += np.einsum("i,ijc->jc", s, pu)
            pp = s[:, None, None] * p[:, :, None] * (unit - p[:, None, :])  # (b, j, m)
            jacobian[:, column, :, column] += pp.sum(axis=0)
            bend = pp[:, :, None, :] * u[:, :, :, None]  # (b, j, c, m)
            bend -= (s[:, None] * p)[:, :, None, None] * pu.transpose(0, 2, 1)[:, None, :, :]
            flat = bend.reshape(len(x), -1)
            jacobian += (flat.T @ x).reshape(k, d, k, d)
            total += float(s.sum())
    free = jacobian[:, :, likelihood.others].reshape(k, d, -1)
    return Effects(effects / total, free / total)

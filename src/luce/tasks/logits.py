"""Everything the softmax says about one row of logits."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.functions import log_softmax


class LogitsSummary(NamedTuple):
    """One row of logits seen as a distribution."""

    probabilities: NDArray[np.float64]
    log_probabilities: NDArray[np.float64]
    entropy: float


def describe_logits(logits: Sequence[float], *, temperature: float = 1.0) -> LogitsSummary:
    r"""Return probabilities, their logarithms and the entropy of one row of logits.

    .. math:: H = -\sum_i p_i \log p_i \quad \text{in nats, with } 0 \log 0 = 0

    Parameters
    ----------
    logits : sequence of float
    temperature : float
        The logits are divided by it; above 0.

    Raises
    ------
    ParameterError
        There is no logit, or the temperature is not above 0.

    Examples
    --------
    >>> summary = describe_logits([2.0, 1.0, 0.1])
    >>> summary.probabilities.round(3).tolist(), round(summary.entropy, 3)
    ([0.659, 0.242, 0.099], 0.847)
    """
    if len(logits) == 0:
        raise ParameterError(
            "the softmax needs at least one number, got none. "
            "For instance: luce softmax 2.0 1.0 0.1"
        )
    log_p = log_softmax(np.asarray(logits, dtype=np.float64), temperature=temperature)
    p = np.exp(log_p)
    weighted = np.multiply(p, log_p, out=np.zeros_like(p), where=p != 0)
    return LogitsSummary(p, log_p, -float(weighted.sum()) + 0.0)  # + 0.0: never "-0"

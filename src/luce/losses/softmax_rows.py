"""What a loss needs of the softmax of its rows, with nothing left to cancel for the winner."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce import kernels
from luce.losses.rows import totals

Doubles = NDArray[np.float64]


class SoftmaxRows(NamedTuple):
    """The softmax of rows of float64 logits divided by a temperature."""

    log_p: Doubles
    """(n, k)."""
    p: Doubles
    """(n, k)."""
    winner: tuple[NDArray[np.intp], NDArray[np.intp]]
    """The places of each row's largest probability."""
    others: Doubles
    """(n,): ``1 - p`` of the winner, which keeps its digits where p rounds to 1."""
    normaliser: Doubles
    """(n,): ``log sum_j exp(z_j / T)``."""

    @classmethod
    def of(cls, z: Doubles, temperature: float) -> "SoftmaxRows":
        """Measure rows; where the largest logit is not finite, all is NaN."""
        log_p, p = np.empty_like(z), np.empty_like(z)
        kernels.log_softmax(z, log_p, 1, temperature)
        kernels.softmax(z, p, 1, temperature)
        winner = np.arange(len(z)), log_p.argmax(axis=1)
        at_winner = log_p[winner]
        return cls(log_p, p, winner, -np.expm1(at_winner), z[winner] / temperature - at_winner)

    def rest(self) -> Doubles:
        """Return ``1 - p_ij``."""
        rest = 1.0 - self.p
        rest[self.winner] = self.others
        return rest

    def surprise_over_rest(self, rest: Doubles) -> Doubles:
        """Return ``p (-log p) / (1 - p)`` with its limits: 1 where p is 1, and 0 where p is 0."""
        ratio = np.where(rest == 0, 1.0, self.p * -self.log_p / rest)
        return np.where(self.p == 0, 0.0, ratio)

    def balanced(self, s: Doubles, extra: Doubles) -> Doubles:
        """Return ``p_ij (sum_l s_il + extra_ij) - s_ij``.

        For the winner the sum leaves out ``s_ij``, which then is multiplied by ``1 - p_ij``: with
        ``p_ij`` near 1 the two would cancel.
        """
        left = s.copy()
        left[self.winner] = 0.0
        rest, at_winner = totals(left), s[self.winner]  # (n,)
        result = self.p * ((rest + at_winner)[:, None] + extra) - s
        pull = rest + np.broadcast_to(extra, s.shape)[self.winner]
        result[self.winner] = self.p[self.winner] * pull - at_winner * self.others
        return result

"""When to ask for the lower bound that proves a gap: it costs about three passes over the rows."""

import numpy as np

_LEAST_FALL = 1 / 16  # of the main term of the gap until the bound is asked for again, at most


class ProofDue:
    """Says when the bound may show that the gap is small enough.

    The gap is more than its main term, |g|^2 / 2 rho: after the first bound by about as much as it
    was then. So the next one is asked for when the main term has fallen as far as the gap must.
    """

    def __init__(self, tol: float) -> None:
        self._tol = tol
        self.forget()

    def forget(self) -> None:
        """Begin anew, as the precision has changed."""
        self._aim = np.inf

    def at(self, main: float, value: float) -> bool:
        """Whether it is due at a point with this main term."""
        return main <= min(self._aim, self._tol * value)

    def learn(self, main: float, value: float, bound: float) -> None:
        """Take the bound there into account."""
        gap = value - bound
        fall = self._tol * value / gap if gap > 0 else 1.0
        self._aim = main * min(max(fall, _LEAST_FALL), 0.5)

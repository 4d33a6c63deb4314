"""Proofs of how far a point is from the minimum; derived in ``docs/certificates.md``."""

import numpy as np


def self_concordant_gap(decrement: float, reach: float) -> float:
    r"""Bound ``f(theta) - min f`` by the Newton decrement.

    With :math:`\nu = |g|_{H^{-1}}` (the decrement), M the reach and :math:`u = M \nu < 1`

    .. math:: f(\theta) - \min f \le \frac{u + (1 - u) \log(1 - u)}{M^2}
              \quad (\to \nu^2 / 2 \text{ as } M \to 0)

    Parameters
    ----------
    decrement : float
        :math:`(g^T H^{-1} g)^{1/2}`.
    reach : float
        M, as in `LinearSoftmax.reach`.

    Returns
    -------
    float
        The bound; inf where ``u >= 1`` and nothing can be said.

    Notes
    -----
    A step changes the weight of no class in a row by more than a factor
    :math:`e^{\mathrm{spread}}`, so :math:`H(\theta + s) \succeq e^{-\mathrm{spread}(s)} H(\theta)`:
    generalised self-concordance (Bach 2010, Electronic Journal of Statistics 4) with the constant
    of the softmax. Integrating twice and minimising over all steps gives the bound.
    """
    u = reach * decrement
    if not u < 1:
        return np.inf
    if u < 1e-3:  # the closed form cancels; its series is nu^2 (1/2 + u/6 + u^2/12 + ...)
        return decrement**2 * (0.5 + u / 6 + u * u / 12 + u**3)
    return (u + (1 - u) * float(np.log1p(-u))) / reach**2

"""Average marginal effects: how the probabilities move with a feature."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from luce.estimators.inference_summary import Block, Estimates, Summary

Doubles = NDArray[np.float64]


@final
@dataclass(frozen=True)
class MarginalEffects:
    """Average marginal effects of the features on the probabilities of the classes.

    Attributes
    ----------
    effects : array of shape (n_features, n_classes)
        Mean over the rows of the derivative of the probability in the feature; each row sums to 0.
    std_err : array of shape (n_features, n_classes)
        By the delta method.
    features : tuple of str
    classes : array of shape (n_classes,)
    target : str
    """

    effects: Doubles
    std_err: Doubles
    features: tuple[str, ...]
    classes: NDArray[Any]
    target: str = "y"

    @property
    def z(self) -> Doubles:
        """Effects in standard errors."""
        return self.effects / self.std_err

    @property
    def pvalues(self) -> Doubles:
        """Two-sided p-values of the hypothesis that an effect is 0."""
        return np.asarray(2 * stats.norm.sf(np.abs(self.z)))

    def conf_int(self, level: float = 0.95) -> Doubles:
        """Return Wald intervals of shape (n_classes, n_features, 2)."""
        half = stats.norm.isf((1 - level) / 2) * self.std_err
        return np.stack([self.effects - half, self.effects + half], axis=-1).transpose(1, 0, 2)

    def summary(self, level: float = 0.95) -> Summary:
        """Return the table that statsmodels prints for ``get_margeff``."""
        intervals = self.conf_int(level)
        blocks = []
        for j, name in enumerate(self.classes.tolist()):
            estimates = Estimates(
                self.effects[:, j],
                self.std_err[:, j],
                self.z[:, j],
                self.pvalues[:, j],
                intervals[j],
            )
            blocks.append(Block(f"{self.target}={name}", self.features, estimates))
        left = (("Dep. Variable:", self.target), ("Method:", "dydx"), ("At:", "overall"))
        title = "Average marginal effects"
        return Summary(title, left, (), tuple(blocks), column="dy/dx", level=level)

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

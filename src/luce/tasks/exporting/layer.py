"""The linear part of a model: what every exported form holds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.tasks.models import Model

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Layer:
    """``softmax(features @ weight.T + bias)``, and what its rows and columns are called.

    Attributes
    ----------
    weight : (k, d); two classes have two rows here, (-w, w) / 2, with the same probabilities
    bias : (k,)
    classes : the labels, as the data spell them: int, str, bool or float
    class_names : names to show, one a class
    feature_names : one a column
    """

    weight: Floats
    bias: Floats
    classes: tuple[Any, ...]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]

    def astype(self, dtype: str) -> "Layer":
        """Return the layer with weights of another dtype."""
        return replace(self, weight=self.weight.astype(dtype), bias=self.bias.astype(dtype))


def layer(model: Model) -> Layer:
    """Return the linear part of a model."""
    weight, bias = model.classifier.coef_, model.classifier.intercept_
    if len(weight) < len(model.values):
        weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    return Layer(
        weight=np.ascontiguousarray(weight),
        bias=np.ascontiguousarray(bias),
        classes=tuple(model.values),
        class_names=model.names,
        feature_names=tuple(model.encoding.feature_names),
    )

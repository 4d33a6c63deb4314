"""The layers of a model and its calibration: what every exported form holds."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.functions.perceptron import Perceptron
from luce.tasks.calibration import Calibration
from luce.tasks.models import Model

Floats = NDArray[np.floating[Any]]


class Hidden(NamedTuple):
    """What comes before the last layer of a network.

    ``h = (features - centre) / scale``, and for each layer ``h = max(0, h @ weight.T + bias)``.
    """

    centre: Floats  # (d,)
    scale: Floats  # (d,)
    layers: tuple[tuple[Floats, Floats], ...]  # weight (outputs, inputs), bias (outputs,)

    def astype(self, dtype: str) -> "Hidden":
        """Return the same of another dtype."""
        layers = tuple((weight.astype(dtype), bias.astype(dtype)) for weight, bias in self.layers)
        return Hidden(self.centre.astype(dtype), self.scale.astype(dtype), layers)


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
    matrix, shift : (k, k) and (k,), the calibration; the probabilities then are
        ``softmax(log_softmax(features @ weight.T + bias) @ matrix.T + shift)``; or None
    hidden : of a network, what turns the features into the inputs of this layer; or None
    """

    weight: Floats
    bias: Floats
    classes: tuple[Any, ...]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    matrix: Floats | None = None
    shift: Floats | None = None
    hidden: Hidden | None = None

    @property
    def features(self) -> int:
        """The number of features that the model takes."""
        return self.weight.shape[1] if self.hidden is None else len(self.hidden.centre)

    def astype(self, dtype: str) -> "Layer":
        """Return the layer with weights of another dtype."""
        return replace(
            self,
            weight=self.weight.astype(dtype),
            bias=self.bias.astype(dtype),
            matrix=None if self.matrix is None else self.matrix.astype(dtype),
            shift=None if self.shift is None else self.shift.astype(dtype),
            hidden=None if self.hidden is None else self.hidden.astype(dtype),
        )


def layer(model: Model) -> Layer:
    """Return the last layer of a model; a temperature is multiplied into its weights.

    Raises
    ------
    ParameterError
        The calibration is isotonic: steps, which no product of matrices makes.
    """
    weight, bias, hidden = _weights(model)
    factor = inverse_temperature(model)
    matrix, shift = _affine(model.calibration)
    return Layer(
        weight=np.ascontiguousarray(factor * weight, dtype=weight.dtype),
        bias=np.ascontiguousarray(factor * bias, dtype=bias.dtype),
        classes=tuple(model.values),
        class_names=model.names,
        feature_names=tuple(model.encoding.feature_names),
        matrix=matrix,
        shift=shift,
        hidden=hidden,
    )


def _weights(model: Model) -> tuple[Floats, Floats, Hidden | None]:
    """Return weight and bias of the last layer, a row for each class, and what is before it."""
    if model.network is not None:
        network = model.network.network
        return network.weights[-1].T, network.biases[-1], _hidden(network)
    assert model.linear is not None, "a model is linear or a network"
    weight, bias = model.linear.coef_, model.linear.intercept_
    if len(weight) < len(model.values):
        weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    return weight, bias, None


def _hidden(network: Perceptron) -> Hidden:
    pairs = zip(network.weights[:-1], network.biases[:-1], strict=True)
    layers = tuple((np.ascontiguousarray(weight.T), bias) for weight, bias in pairs)
    return Hidden(network.centre, network.scale, layers)


def inverse_temperature(model: Model) -> float:
    """Return the factor of the logits, 1 where the calibration is no temperature."""
    arrays = {} if model.calibration is None else model.calibration.calibrator.to_arrays()
    return float(arrays.get("inverse_temperature", np.ones(1))[0])


def _affine(calibration: Calibration | None) -> tuple[Floats | None, Floats | None]:
    """Return the matrix and the shift of a calibration, None where there is none."""
    if calibration is None or calibration.facts["kind"] == "temperature":
        return None, None
    arrays = calibration.calibrator.to_arrays()
    if "shift" not in arrays:
        raise ParameterError(
            "a calibration must be a temperature, vector or matrix to be exported, got"
            f" {calibration.facts['kind']!r}. Train the model with another one, or none."
        )
    matrix = arrays["matrix"] if "matrix" in arrays else np.diag(arrays["scale"])
    return matrix, arrays["shift"]

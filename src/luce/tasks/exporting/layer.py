"""The linear part of a model and its calibration: what every exported form holds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.tasks.calibration import Calibration
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
    matrix, shift : (k, k) and (k,), the calibration; the probabilities then are
        ``softmax(log_softmax(features @ weight.T + bias) @ matrix.T + shift)``; or None
    """

    weight: Floats
    bias: Floats
    classes: tuple[Any, ...]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    matrix: Floats | None = None
    shift: Floats | None = None

    def astype(self, dtype: str) -> "Layer":
        """Return the layer with weights of another dtype."""
        return replace(
            self,
            weight=self.weight.astype(dtype),
            bias=self.bias.astype(dtype),
            matrix=None if self.matrix is None else self.matrix.astype(dtype),
            shift=None if self.shift is None else self.shift.astype(dtype),
        )


def layer(model: Model) -> Layer:
    """Return the linear part of a model; a temperature is multiplied into its weights.

    Raises
    ------
    ParameterError
        The calibration is isotonic: steps, which no product of matrices makes; or the model is a
        network.
    """
    if model.linear is None:
        raise ParameterError(
            "a model to be exported must be linear, got a network with hidden layers. Train one"
            " with --model linear; the file of a network is described in docs/model_file.md."
        )
    weight, bias = model.linear.coef_, model.linear.intercept_
    if len(weight) < len(model.values):
        weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
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
    )


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

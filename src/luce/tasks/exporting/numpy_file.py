"""One plain .npz file: arrays that NumPy alone can read, without pickle."""

import io
from typing import Any

import numpy as np

from luce.tasks.exporting.layer import Layer


def to_bytes(layer: Layer) -> bytes:
    """Return ``coef`` (k, d), ``intercept`` (k,), ``classes``, ``class_names``, ``feature_names``.

    A calibrated model has ``calibration_matrix`` (k, k) and ``calibration_shift`` (k,) too, see
    `Layer`; a temperature is in the weights already. A network has ``centre`` and ``scale`` (d,),
    and for each hidden layer ``hidden_coef_0`` (outputs, inputs), ``hidden_intercept_0`` and so on,
    see `Hidden`. Text is stored as arrays of fixed width, so ``numpy.load`` needs no
    ``allow_pickle``.
    """
    arrays: dict[str, Any] = {
        "coef": layer.weight,
        "intercept": layer.bias,
        "classes": np.asarray(layer.classes),
        "class_names": np.asarray(layer.class_names, dtype=np.str_),
        "feature_names": np.asarray(layer.feature_names, dtype=np.str_),
    }
    if layer.matrix is not None and layer.shift is not None:
        arrays |= {"calibration_matrix": layer.matrix, "calibration_shift": layer.shift}
    if layer.hidden is not None:
        arrays |= {"centre": layer.hidden.centre, "scale": layer.hidden.scale}
        for i, (weight, bias) in enumerate(layer.hidden.layers):
            arrays |= {f"hidden_coef_{i}": weight, f"hidden_intercept_{i}": bias}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()

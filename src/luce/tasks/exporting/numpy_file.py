"""One plain .npz file: arrays that NumPy alone can read, without pickle."""

import io

import numpy as np

from luce.tasks.exporting.layer import Layer


def to_bytes(layer: Layer) -> bytes:
    """Return ``coef`` (k, d), ``intercept`` (k,), ``classes``, ``class_names``, ``feature_names``.

    Text is stored as arrays of fixed width, so ``numpy.load`` needs no ``allow_pickle``.
    """
    buffer = io.BytesIO()
    np.savez(
        buffer,
        coef=layer.weight,
        intercept=layer.bias,
        classes=np.asarray(layer.classes),
        class_names=np.asarray(layer.class_names, dtype=np.str_),
        feature_names=np.asarray(layer.feature_names, dtype=np.str_),
    )
    return buffer.getvalue()

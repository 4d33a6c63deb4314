"""What a multilayer perceptron makes of its inputs, in NumPy alone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.functions.row_products import row_products

Floats = NDArray[np.floating[Any]]

_BLOCK = 4096  # rows at a time: hidden layers stay small beside the input


class Perceptron(NamedTuple):
    r"""Standardised inputs, hidden layers with relu, and a linear layer that gives logits.

    .. math:: h_0 = (x - c) / s, \quad h_{l+1} = \max(0, h_l W_l + b_l), \quad z = h_L W_L + b_L

    ``centre`` and ``scale`` are c and s (d,); ``weights`` are the W (inputs, outputs), ``biases``
    the b, all of one dtype, in which the layers are computed. A row gives the same bits in every
    batch.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: Sequence[Floats]
    biases: Sequence[Floats]

    def standardised(self, X: Any) -> Floats:
        """Return h_0 of some rows, dense, in the dtype of the weights."""
        rows = X if isinstance(X, np.ndarray) else X.toarray()
        dtype = self.weights[0].dtype
        # A centre far from 0 may cost float32 its digits, but not where the numbers are bytes.
        inner_dtype = dtype if rows.dtype == np.uint8 else np.dtype(np.float64)
        inner: Floats = np.subtract(rows, self.centre.astype(inner_dtype), dtype=inner_dtype)
        inner /= self.scale.astype(inner_dtype)
        return inner.astype(dtype, copy=False)

    def logits(self, X: Any) -> Floats:
        """Return z (n, k) of an array or CSR matrix of n rows.

        Examples
        --------
        >>> import numpy as np
        >>> from luce.functions.perceptron import Perceptron
        >>> eye, zero = np.eye(2), np.zeros(2)
        >>> net = Perceptron(zero, zero + 1, [eye, eye], [zero, zero])
        >>> net.logits(np.array([[1.0, -2.0]])).tolist()
        [[1.0, 0.0]]
        """
        n = X.shape[0]
        result = np.empty((n, len(self.biases[-1])), self.weights[0].dtype)
        for start in range(0, n, _BLOCK):
            part = slice(start, start + _BLOCK)
            result[part] = self._of_block(self.standardised(X[part]))
        return result

    def gradient(self, row: Any, direction: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the gradient (d,) of ``z @ direction`` in x at one row, an array or CSR (1, d).

        The logits are linear around every row at which no hidden unit turns from silent to
        active; the gradient is the slope of that piece.

        Examples
        --------
        >>> import numpy as np
        >>> from luce.functions.perceptron import Perceptron
        >>> eye, zero = np.eye(2), np.zeros(2)
        >>> net = Perceptron(zero, zero + 4, [eye, eye], [zero, zero])
        >>> net.gradient(np.array([[1.0, -2.0]]), np.array([1.0, 1.0])).tolist()
        [0.25, 0.0]
        """
        hidden, active = self.standardised(row), []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight + bias, 0)
            active.append(hidden[0] > 0)
        slope = self.weights[-1].astype(np.float64) @ direction
        for weight, on in zip(reversed(self.weights[:-1]), reversed(active), strict=True):
            slope = weight.astype(np.float64) @ (slope * on)
        return np.asarray(slope / self.scale)

    def _of_block(self, hidden: Floats) -> Floats:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(row_products(hidden, weight.T, bias), 0)
        return row_products(hidden, self.weights[-1].T, self.biases[-1])

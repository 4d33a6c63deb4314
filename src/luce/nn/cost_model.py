"""How long a softmax layer takes on this machine, measured."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from luce.errors import ParameterError

_ELEMENTS = 2**20  # of logits in a measurement; more would only take longer
_ROUNDS = 3


class CostModel(NamedTuple):
    r"""Seconds that a forward and backward pass of a linear layer with its softmax takes.

    .. math:: t(n, d, k) = a + n (b d k + c k + e d) + f d k

    for ``n`` rows, ``d`` features and ``k`` classes: the products, what is done once for each
    logit, what is done once for each row, and the gradient of the weight, which is written
    whatever the number of rows. It is linear in ``n``, so the expected cost of a batch is the cost
    of the expected number of rows (Grave et al. 2017, arXiv 1609.04309, section 4, bound the time
    of a product from below instead and leave out the rest).

    Parameters
    ----------
    call : float
        ``a``, seconds for each call.
    product : float
        ``b``, seconds for each multiplication of a row, a feature and a class.
    logit : float
        ``c``, seconds for each logit.
    row : float
        ``e``, seconds for each number of a row: gathering it and adding its gradient.
    weight : float
        ``f``, seconds for each number of the weight.

    Examples
    --------
    >>> from luce.nn import CostModel
    >>> model = CostModel(call=1e-4, product=1e-11, logit=1e-9, row=1e-9, weight=1e-9)
    >>> print(f"{model.seconds(700, 200, 30_000):.3f}")
    0.069
    """

    call: float
    product: float
    logit: float
    row: float
    weight: float

    def seconds(
        self,
        rows: float | NDArray[np.float64],
        features: float,
        classes: float | NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the predicted time, for numbers or for arrays of them.

        Parameters
        ----------
        rows, features, classes : float or ndarray
            The sizes of the layer.

        Returns
        -------
        ndarray
            Seconds for a forward and a backward pass.
        """
        n, k = np.asarray(rows, np.float64), np.asarray(classes, np.float64)
        return np.asarray(
            self.call
            + n * (self.product * features * k + self.logit * k + self.row * features)
            + self.weight * features * k
        )

    @classmethod
    def measured(
        cls,
        features: int,
        rows: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> "CostModel":
        """Fit the model to what this machine does; takes about a second, the first time.

        Parameters
        ----------
        features : int
            The width of the hidden rows.
        rows : int
            The number of rows of a batch.
        dtype : torch.dtype
            What is computed in.
        device : str or torch.device
            Where.

        Returns
        -------
        CostModel
            The least relative squares among models without negative terms. Measured once for
            each number of threads and remembered until the process ends.
        """
        if features < 1 or rows < 1:
            raise ParameterError(
                f"features and rows must be at least 1, got {features} and {rows}."
                " Pass the width of the hidden rows and the rows of a batch."
            )
        return _fitted(features, rows, dtype, torch.device(device), torch.get_num_threads())


@lru_cache(maxsize=32)
def _fitted(
    features: int, rows: int, dtype: torch.dtype, device: torch.device, threads: int
) -> CostModel:
    from scipy.optimize import nnls

    sizes = _sizes(features, rows)
    steps = [_step(*size, dtype, device) for size in sizes]
    best = [float("inf")] * len(steps)
    for _ in range(_ROUNDS):  # in turn, so that a busy moment does not hit one size alone
        for i, step in enumerate(steps):
            best[i] = min(best[i], _seconds(step, device))
    n, d, k = np.array(sizes, np.float64).T
    terms = np.stack([np.ones_like(n), n * d * k, n * k, n * d, d * k], axis=1)
    seconds = np.array(best)
    scale = 1.0 / terms.max(axis=0)  # terms differ by ten orders of magnitude
    fitted, _ = nnls(terms * scale / seconds[:, None], np.ones(len(n)))
    return CostModel(*(fitted * scale).tolist())


def _sizes(features: int, rows: int) -> list[tuple[int, int, int]]:
    """Return (rows, features, classes) to measure, smaller than what takes long."""
    found = {
        (n, d, k)
        for n in (max(1, rows // 32), max(1, rows // 4), rows)
        for d in (features, max(1, features // 4), max(1, features // 16))
        for k in (64, 512, 4096, 16384)
        if n * k <= _ELEMENTS
    }
    return sorted(found)


def _step(
    rows: int, features: int, classes: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], None]:
    """Return what is timed: gather rows, multiply, take log-probabilities, and all backwards."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(rows, features, generator=generator)
    hidden = drawn.to(device, dtype).requires_grad_()
    weight = (0.1 * torch.randn(classes, features, generator=generator)).to(device, dtype)
    weight.requires_grad_()
    labels = torch.randint(classes, (rows,), generator=generator).to(device)
    every = torch.arange(rows, device=device)

    def step() -> None:
        hidden.grad = weight.grad = None
        loss: Tensor = functional.cross_entropy(hidden.index_select(0, every) @ weight.T, labels)
        loss.backward()

    step()  # the first call allocates and chooses kernels
    return step


def _seconds(step: Callable[[], None], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start

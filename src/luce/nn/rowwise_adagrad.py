"""Adagrad with one number of state for each row of a matrix."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from luce._checks import as_positive


class RowwiseAdagrad(Optimizer):
    r"""Adagrad for the weights of many classes: one step size a row, and only rows that are used.

    .. math::
        s_i \leftarrow s_i + \frac1d \sum_{j=1}^d g_{ij}^2, \qquad
        w_i \leftarrow w_i - \frac{\eta}{\sqrt{s_i} + \epsilon}\, g_i

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them, as for every optimiser of PyTorch. The first dimension
        counts the rows; each number of a vector is a row.
    lr : float
        The step size :math:`\eta`.
    eps : float
        :math:`\epsilon`, in the denominator.

    Notes
    -----
    Equals ``torch.optim.Adagrad`` for rows of one number. Saves: a d-th of its state, 4 bytes a
    class; and with sparse gradients, such as those of ``SampledSoftmax(sparse=True)``, time and
    memory of a step depend on the classes in it and not on how many there are. Dense gradients
    will do as well. Costs: the numbers of a row share their step size.

    Source: Duchi, Hazan & Singer (2011), JMLR 12, with the mean over each row, as used for
    embedding tables by Mudigere et al. (2021), arXiv 2104.05158.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import RowwiseAdagrad, SampledSoftmax
    >>> head = SampledSoftmax(16, 100_000, n_samples=100, sparse=True)
    >>> optimizer = RowwiseAdagrad(head.parameters(), lr=0.1)
    >>> head(torch.randn(8, 16), torch.randint(100_000, (8,))).backward()
    >>> head.weight.grad.is_sparse
    True
    >>> optimizer.step()
    """

    def __init__(self, params: Iterable[Any], lr: float = 0.1, *, eps: float = 1e-10) -> None:
        defaults = {"lr": as_positive(lr, "lr"), "eps": as_positive(eps, "eps")}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; `closure` computes the loss anew, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, group["lr"], group["eps"])
        return loss

    def _update(self, p: Tensor, grad: Tensor, lr: float, eps: float) -> None:
        state = self.state[p]
        if not state:
            wide = torch.float64 if p.dtype == torch.float64 else torch.float32
            state["sum"] = torch.zeros(len(p), dtype=wide, device=p.device)
        total: Tensor = state["sum"]
        if grad.is_sparse:
            grad = grad.coalesce()
            rows, values = grad.indices()[0], grad.values()
            total.index_add_(0, rows, _mean_square(values).to(total.dtype))
            p.index_add_(0, rows, _scaled(values, total[rows], lr, eps).to(p.dtype))
        else:
            total.add_(_mean_square(grad))
            p.add_(_scaled(grad, total, lr, eps))


def _mean_square(values: Tensor) -> Tensor:
    return values.square().reshape(len(values), -1).mean(dim=1)


def _scaled(values: Tensor, total: Tensor, lr: float, eps: float) -> Tensor:
    """Return the step of each row."""
    pace = -lr / (total.sqrt() + eps)
    return values * pace.reshape(-1, *[1] * (values.ndim - 1))

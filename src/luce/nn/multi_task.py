"""Several tasks on a shared body, with their losses weighed against each other."""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from luce._checks import as_choice, as_strength
from luce.errors import ParameterError
from luce.nn.head import Head


class TaskLosses(NamedTuple):
    """The loss that is minimised, and what each task adds, before it is weighed."""

    total: Tensor
    by_task: dict[str, Tensor]


@final
class MultiTask(nn.Module):
    r"""One body, a head for each task, and the weights of their losses.

    With ``weights="uncertainty"`` each task t has a parameter :math:`s_t = \log \sigma_t^2`, the
    logarithm of its noise, and

    .. math:: L = \sum_t e^{-s_t} L_t + \tfrac{1}{2} s_t,

    so that a task that is hard to predict counts less, but cannot count nothing. With weights that
    are given, :math:`L = \sum_t w_t L_t`. Equals that sum of ``head(body(x), target)``.

    Parameters
    ----------
    body : nn.Module
        From inputs to hidden vectors.
    heads : mapping of str to Head
        A head for each task.
    weights : mapping of str to float, or "uncertainty", default="uncertainty"
        Weight of each task.

    Raises
    ------
    ParameterError
        If a weight is missing, of no task, or negative.

    Notes
    -----
    Source: Kendall, Gal & Cipolla (2018), Multi-task learning using uncertainty to weigh losses,
    CVPR, equation 10 and section 3.2, with the parameter s that they train.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import FullSoftmax, MultiTask, OwnLoss, Plan, fit
    >>> _ = torch.manual_seed(0)
    >>> heads = {"digit": FullSoftmax(16, 10), "parity": FullSoftmax(16, 2)}
    >>> model = MultiTask(torch.nn.Linear(8, 16), heads)
    >>> X, digit = torch.randn(64, 8), torch.randint(10, (64,))
    >>> done = fit(model, OwnLoss(), (X, digit, digit % 2), plan=Plan(epochs=2))
    >>> sorted(model.predict(X))
    ['digit', 'parity']
    """

    def __init__(
        self,
        body: nn.Module,
        heads: Mapping[str, Head],
        *,
        weights: Mapping[str, float] | str = "uncertainty",
    ) -> None:
        super().__init__()
        self.body = body
        self.heads = nn.ModuleDict(dict(heads))
        self.log_variance: nn.Parameter | None = None
        self.weights: dict[str, float] = {}
        if isinstance(weights, str):
            as_choice(weights, ("uncertainty",), "weights")
            self.log_variance = nn.Parameter(torch.zeros(len(self.heads)))
        else:
            self.weights = _checked(weights, tuple(self.heads))

    def forward(self, inputs: Tensor, *targets: Tensor) -> Tensor:
        """Return the loss; one target a task, in the order of the heads."""
        return self.losses(inputs, *targets).total

    def losses(self, inputs: Tensor, *targets: Tensor) -> TaskLosses:
        """Return the loss, and that of each task."""
        if len(targets) != len(self.heads):
            raise ParameterError(
                f"there must be one target for each task ({', '.join(self.heads)}), got"
                f" {len(targets)}. Pass them in this order."
            )
        hidden = self.body(inputs)
        by_task = {
            name: head(hidden, target)
            for (name, head), target in zip(self.heads.items(), targets, strict=True)
        }
        return TaskLosses(self._weighed(by_task), by_task)

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return the most probable class of each row for each task."""
        hidden = self.body(inputs)
        return {name: head.predict(hidden) for name, head in self.heads.items()}  # type: ignore[operator]

    def _weighed(self, by_task: Mapping[str, Tensor]) -> Tensor:
        if self.log_variance is None:
            return torch.stack([self.weights[n] * loss for n, loss in by_task.items()]).sum()
        losses = torch.stack(list(by_task.values()))
        return (torch.exp(-self.log_variance) * losses + 0.5 * self.log_variance).sum()


def _checked(weights: Mapping[str, float], tasks: tuple[str, ...]) -> dict[str, float]:
    if odd := sorted(set(weights) ^ set(tasks)):
        raise ParameterError(
            f"weights must name each task ({', '.join(tasks)}) and nothing else, got or missed"
            f" {odd[0]!r}. Correct the names."
        )
    return {name: as_strength(weights[name], f"weights[{name!r}]", "0.1 to 10") for name in tasks}

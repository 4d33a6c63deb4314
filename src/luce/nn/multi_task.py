"""Several tasks on a shared body, with their losses weighed against each other."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, cast, final

import torch
from torch import Tensor, nn

from luce._checks import as_choice, as_strength
from luce.errors import ParameterError
from luce.nn.head import Head
from luce.nn.loss_sum import LossSum, ModelOfMeans, added_means
from luce.nn.options import LossOptions


class TaskLosses(NamedTuple):
    """The loss that is minimised, and what each task adds, before it is weighed."""

    total: Tensor
    by_task: dict[str, Tensor]


@final
class MultiTask(ModelOfMeans):
    r"""One body, a head for each task, and the weights of their losses.

    With ``weights="uncertainty"`` each task t has a parameter :math:`s_t = \log \sigma_t^2`, the
    logarithm of its noise, and

    .. math:: L = \sum_t e^{-s_t} L_t + \tfrac{1}{2} s_t,

    so that a task that is hard to predict counts less, but cannot count nothing. With weights that
    are given, :math:`L = \sum_t w_t L_t`. Equals that sum of ``head(body(x), target, **options)``,
    over the tasks that have a label in the batch.

    Parameters
    ----------
    body : nn.Module
        From inputs to hidden vectors.
    heads : mapping of str to Head
        A head for each task.
    weights : mapping of str to float, or "uncertainty", default="uncertainty"
        Weight of each task.
    options : mapping of str to loss options, optional
        Those of a task's loss, such as ``{"age": {"ignore_index": -100}}`` where the age of some
        rows is not known.

    Raises
    ------
    ParameterError
        If a weight is missing, of no task, or negative, or options are of no task.

    Notes
    -----
    Each task has its own mean over the rows that count for it. Over several batches, those of a
    step of `luce.nn.fit` or the held-out ones, it is the mean over all of these rows: the same as
    that of one large batch. Only where an option says what the sum is divided by, the reduction
    "sum" or a `normalizer`, it is the mean of the batches' losses.

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
        options: Mapping[str, LossOptions] | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.heads = nn.ModuleDict(dict(heads))
        self.options = dict(options or {})
        _check_known("options", self.options, tuple(self.heads))
        self.log_variance: nn.Parameter | None = None
        self.weights: dict[str, float] = {}
        if isinstance(weights, str):
            as_choice(weights, ("uncertainty",), "weights")
            self.log_variance = nn.Parameter(torch.zeros(len(self.heads)))
        else:
            self.weights = _checked(weights, tuple(self.heads))

    def forward(self, inputs: Tensor, *targets: Tensor) -> Tensor:
        """Return the loss; one target a task, in the order of the heads."""
        return added_means(*self.summed(inputs, *targets))

    def losses(self, inputs: Tensor, *targets: Tensor) -> TaskLosses:
        """Return the loss, and that of each task; 0 for one without a label in these rows."""
        sums = self._sums(inputs, targets)
        by_task = {name: added_means(*part) for name, part in sums.items()}
        return TaskLosses(added_means(*self._weighed(sums)), by_task)

    def summed(self, inputs: Tensor, *targets: Tensor) -> LossSum:
        """Return the weighed sum of each task, and what divides it; 0 where it has no label."""
        return self._weighed(self._sums(inputs, targets))

    def divisors(self, *targets: Tensor) -> Tensor:
        """Return what divides the sum of each task."""
        each = [
            head.divisor(target, **self.options.get(name, {}))
            for name, head, target in self._tasks(targets)
        ]
        return torch.stack(each)

    def _tasks(self, targets: tuple[Tensor, ...]) -> list[tuple[str, Head, Tensor]]:
        if len(targets) != len(self.heads):
            raise ParameterError(
                f"there must be one target for each task ({', '.join(self.heads)}), got"
                f" {len(targets)}. Pass them in this order."
            )
        named = zip(self.heads.items(), targets, strict=True)
        return [(name, cast(Head, head), target) for (name, head), target in named]

    def _sums(self, inputs: Tensor, targets: tuple[Tensor, ...]) -> dict[str, LossSum]:
        tasks, hidden = self._tasks(targets), self.body(inputs)
        return {
            name: head.summed(hidden, target, **self.options.get(name, {}))
            for name, head, target in tasks
        }

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return the most probable class of each row for each task."""
        hidden = self.body(inputs)
        return {name: head.predict(hidden) for name, head in self.heads.items()}  # type: ignore[operator]

    def _weighed(self, sums: Mapping[str, LossSum]) -> LossSum:
        total = torch.stack([part.total for part in sums.values()])  # (tasks,)
        divisor = torch.stack([part.divisor for part in sums.values()])  # (tasks,)
        if self.log_variance is None:
            return LossSum(total * total.new_tensor([self.weights[n] for n in sums]), divisor)
        noise = 0.5 * self.log_variance * divisor  # once a step, however many batches it has
        return LossSum(torch.exp(-self.log_variance) * total + noise, divisor)


def _checked(weights: Mapping[str, float], tasks: tuple[str, ...]) -> dict[str, float]:
    _check_known("weights", weights, tasks)
    if missed := sorted(set(tasks) - set(weights)):
        raise ParameterError(
            f"weights must name each task ({', '.join(tasks)}), missed {missed[0]!r}. Give it a"
            " weight, too."
        )
    return {name: as_strength(weights[name], f"weights[{name!r}]", "0.1 to 10") for name in tasks}


def _check_known(what: str, named: Collection[str], tasks: tuple[str, ...]) -> None:
    if odd := sorted(set(named) - set(tasks)):
        raise ParameterError(
            f"{what} must name tasks ({', '.join(tasks)}) and nothing else, got {odd[0]!r}. Correct"
            " the name."
        )

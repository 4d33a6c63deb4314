"""A softmax over classes that are split over the processes of a group."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Any, Unpack, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from luce._checks import as_count
from luce.errors import ShapeError
from luce.nn.eager import widened
from luce.nn.functional.linear_cross_entropy import linear_cross_entropy
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.head import Head, TopK
from luce.nn.options import LossOptions, checked
from luce.nn.sharding.class_split import ClassSplit
from luce.nn.sharding.log_softmax import sharded_log_softmax
from luce.nn.sharding.ranks import Ranks
from luce.nn.sharding.row_losses import of_classes, of_rows, sharded_row_losses
from luce.nn.targets import Targets

_CHUNK = 2**20  # logits that one rank holds at a time, 4 MB of float32
_DRAWN = 4096  # classes drawn at a time when the weights are made


@final
class ShardedSoftmax(Head):
    r"""A softmax over ``n_classes``, of which each process of a group holds a part.

    All processes call every method together, with the same rows (and targets), as in any tensor
    parallel layer, and all get the same result: that of `FullSoftmax` on one process, for every
    option of the loss, its gradient, the probabilities, the top k and the samples.

    .. math:: \ell_{ij} = u_{ij} - m_i - \operatorname{log1p} \sum_{r} S_{ir}

    with ``m`` the largest logit of all ranks, and ``S_r`` the sum of the exponentials of rank r
    without that of the largest logit.

    Parameters
    ----------
    in_features : int
        Width of the rows.
    n_classes : int
        Number of all classes.
    bias : bool
        Whether there is a bias for each class.
    weight : Parameter of shape (classes of this process, in_features), optional
        Weights to share, such as those of an embedding that is split in the same way.
    process_group : torch.distributed.ProcessGroup, optional
        The processes that share the classes; None takes all. Without torch.distributed the head
        holds all classes itself.
    splits : sequence of int, optional
        How many classes each process holds; None splits evenly, the first ones holding one more
        where it does not come out even.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If `splits` does not fit the group and the number of classes.
    ShapeError
        If the shared weights have another shape.

    Notes
    -----
    Saves: each process holds its classes' part of the weights, gradients and optimiser's state,
    and no process ever holds the logits of all classes; of its own it holds those of as many rows
    as make up 4 MB, computed again in backward if there are more rows. Costs, for each such
    chunk, in forward an exchange of two numbers a row and a sum of one over the ranks; in
    backward a sum of two, beside those of the computation done again. For the whole batch: one
    sum of the gradient in the rows.

    Gradients are those of the one loss that all processes hold: call ``backward`` on all of them.
    A module in front of the head, which every process holds alike, gets its whole gradient on
    each of them, and stays alike without further sums.

    A target of probabilities holds all classes. With data parallelism besides, hand the other
    dimension of the mesh of processes to DistributedDataParallel, and `global_normalizer` the
    same. Exchanges between processes are neither compiled nor transformed by ``torch.func``.

    Checkpoints: ``state_dict`` holds this process's classes; `load_shards` reads the parts of any
    number of processes, and `full_state_dict` is that of a `FullSoftmax`, which `load_state_dict`
    takes too. Weights start the same for any number of processes if all have the same seed.

    Source: Shoeybi et al. (2019), arXiv 1909.08053, section 3; the faults that others have had
    here (pytorch issue 190746, Megatron-LM issues 737 and 7452) are told apart by our tests.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import ShardedSoftmax
    >>> head = ShardedSoftmax(8, 1000)  # under torchrun: 1000 / processes classes on each
    >>> hidden, target = torch.zeros(3, 8), torch.tensor([0, 5, 999])
    >>> head(hidden, target, label_smoothing=0.1).backward()
    >>> head.topk(hidden, 5).indices.shape
    torch.Size([3, 5])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        bias: bool = True,
        weight: nn.Parameter | None = None,
        process_group: Any = None,
        splits: Sequence[int] | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        self._ranks = Ranks(process_group)
        self._split = ClassSplit.of(n_classes, self._ranks.size, self._ranks.rank, splits)
        made = {"device": device, "dtype": dtype}
        shape = (len(self._split.own), self.in_features)
        if weight is not None and weight.shape != shape:
            raise ShapeError(
                f"weight must have shape {shape} (classes of this process, in_features), got"
                f" {tuple(weight.shape)}. Pass this process's part, or leave weight out."
            )
        self.tied = weight is not None
        self.weight = nn.Parameter(torch.empty(shape, **made)) if weight is None else weight
        self.bias = nn.Parameter(torch.empty(shape[0], **made)) if bias else None
        self.reset_parameters()

    @property
    def classes(self) -> range:
        """The classes that this process holds."""
        return self._split.own

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw what is not shared anew: the same for any number of processes with one seed."""
        bound = 1.0 / sqrt(self.in_features) if self.in_features else 0.0
        # Every process draws all classes, a few at a time, and keeps its own: processes with one
        # seed that drew only their own would hold copies of each other's classes.
        for start in range(0, 0 if self.tied else self.n_classes, _DRAWN):
            rows = range(start, min(start + _DRAWN, self.n_classes))
            block = self.weight.new_empty(len(rows), self.in_features).uniform_(-bound, bound)
            self._keep(self.weight, block, start)
        if self.bias is not None:
            self._keep(self.bias, self.bias.new_empty(self.n_classes).uniform_(-bound, bound), 0)

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        """Return the loss: the same on every process.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Rows, the same on every process.
        target : Tensor, shape (...) or (..., n_classes)
            Labels or distributions, the same on every process.
        **options
            As :func:`luce.losses.cross_entropy`.

        Returns
        -------
        Tensor
            As :func:`luce.nn.functional.cross_entropy`.

        Raises
        ------
        ShapeError, LabelError, ParameterError, DataError
            As :func:`luce.nn.functional.cross_entropy`.
        """
        rows, leading = self.rows_of(hidden), hidden.shape[:-1]  # (n, d)
        if self._ranks.size == 1:
            others: Any = {name: value for name, value in options.items() if name != "weight"}
            return linear_cross_entropy(
                hidden, self.weight, target, self.bias, class_weight=options.get("weight"), **others
            )
        weight, scalars = checked(**options)
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        targets = Targets.of(target, tuple(leading), self.n_classes, weight, scalars, dtype)
        counting = torch.arange(len(rows), device=rows.device)
        if targets.used is not None:
            counting = counting[targets.used]
        own, shared = of_classes(targets, self.classes), self._ranks.shared(rows)
        parts = counting.split(self._chunk())
        again = len(parts) > 1 and torch.is_grad_enabled()
        found = [self._losses(shared[part], of_rows(own, part), again) for part in parts]
        losses = torch.zeros_like(targets.own).index_copy(0, counting, torch.cat(found))
        return targets.reduced(losses.reshape(leading))

    def local_log_prob(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of this process's classes, for losses of one's own.

        What each process computes from its part and then adds up over the processes with
        `sum_over_ranks` has the right gradient, whatever it is: each log-probability knows of the
        logits of all processes.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Rows, the same on every process.

        Returns
        -------
        Tensor, shape (..., classes of this process)
            With a gradient.
        """
        log_p = self._log_prob(self._ranks.shared(self.rows_of(hidden)))
        return log_p.reshape(*hidden.shape[:-1], len(self.classes))

    def log_prob(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of all classes, on every process.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Rows, the same on every process.

        Returns
        -------
        Tensor, shape (..., n_classes)
            Normalised over all classes; a loss of them counts once, not once a process.
        """
        return self._ranks.joined(self.local_log_prob(hidden), self._split.sizes)

    def topk(self, hidden: Tensor, k: int) -> TopK:
        """Return the `k` likeliest classes of each row, from the `k` likeliest of each process.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Rows, the same on every process.
        k : int
            How many.

        Returns
        -------
        TopK
            ``log_prob`` and ``indices`` of shape (..., k), the likeliest first.
        """
        k = as_count(k, self.n_classes, "k")
        parts = self._ranks.shared(self.rows_of(hidden)).split(self._chunk())
        log_p, at = zip(*(self._topk(part, k) for part in parts), strict=True)
        shape = (*hidden.shape[:-1], k)
        return TopK(torch.cat(log_p).reshape(shape), torch.cat(at).reshape(shape))

    def predict(self, hidden: Tensor) -> Tensor:
        """Return the likeliest class of each row.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Rows, the same on every process.

        Returns
        -------
        Tensor of int64, shape (...)
            Labels.
        """
        return self.topk(hidden, 1).indices[..., 0]

    @torch.no_grad()
    def sample(self, hidden: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return a label for each row, drawn with its probability: the same on every process.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Rows, the same on every process.
        generator : torch.Generator, optional
            Source of the one uniform number that a row takes; that of the first process counts.

        Returns
        -------
        Tensor of int64, shape (...)
            Labels.
        """
        rows = self.rows_of(hidden)
        drawn = torch.rand(len(rows), generator=generator, device=rows.device, dtype=torch.float64)
        drawn = self._ranks.from_first(drawn)
        parts = zip(rows.split(self._chunk()), drawn.split(self._chunk()), strict=True)
        labels = torch.cat([self._sampled(part, numbers) for part, numbers in parts])
        return labels.reshape(hidden.shape[:-1])

    def full_state_dict(self) -> dict[str, Tensor]:
        """Return the state of a `FullSoftmax` of the same size, put together on every process.

        Returns
        -------
        dict of str to Tensor
            ``weight`` (n_classes, in_features) and, if there is one, ``bias`` (n_classes).
        """
        join, sizes = self._ranks.joined, self._split.sizes
        state = {"weight": join(self.weight.detach().T, sizes).T.contiguous()}
        if self.bias is not None:
            state["bias"] = join(self.bias.detach(), sizes)
        return state

    @torch.no_grad()
    def load_shards(self, states: Iterable[Mapping[str, Tensor]]) -> None:
        """Read the parameters from the parts that any number of processes have saved.

        Parameters
        ----------
        states : iterable of dict
            The ``state_dict`` of each process that saved, in their order. They are read one after
            another, and only the rows that this process holds are copied: a generator over files
            that are mapped (``torch.load(file, mmap=True)``) never holds all weights.

        Raises
        ------
        ShapeError
            If the parts do not add up to the classes of this head.
        """
        start = 0
        for state in states:
            for name, own in self.named_parameters():
                self._keep(own, state[name], start)
            start += len(state["weight"])
        if start != self.n_classes:
            raise ShapeError(
                f"the shards must hold {self.n_classes} classes together, got {start}."
                " Pass the state_dict of every process that saved, in the order of the processes."
            )

    def extra_repr(self) -> str:
        own = self.classes
        return (
            f"{super().extra_repr()}, bias={self.bias is not None},"
            f" classes={own.start}..{own.stop - 1} on process {self._ranks.rank} of"
            f" {self._ranks.size}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Take this process's part where the state is that of all classes."""
        own = slice(self.classes.start, self.classes.stop)
        for name in self._parameters:
            given = state_dict.get(prefix + name)
            if given is not None and len(given) == self.n_classes and self._ranks.size > 1:
                state_dict[prefix + name] = given[own]
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _keep(self, parameter: Tensor, block: Tensor, start: int) -> None:
        """Copy what is this process's of the classes from `start` on."""
        own = self.classes
        low, high = max(own.start, start), min(own.stop, start + len(block))
        if low < high:
            parameter[low - own.start : high - own.start] = block[low - start : high - start]

    def _chunk(self) -> int:
        """Return how many rows are done at a time: the same on all processes."""
        return max(1, _CHUNK // max(1, *self._split.sizes))

    def _log_prob(self, rows: Tensor) -> Tensor:
        if self._ranks.size == 1:
            return log_softmax(self._logits(rows))
        log_p, _ = sharded_log_softmax(self._logits(rows), self._ranks)
        return log_p

    def _logits(self, rows: Tensor) -> Tensor:
        return widened(F.linear(rows, self.weight, self.bias))  # (n, classes of this process)

    def _losses(self, rows: Tensor, own: Targets, again: bool) -> Tensor:
        """Return the losses of a chunk; `again` keeps nothing of its logits for backward."""

        def losses(rows: Tensor) -> Tensor:
            return sharded_row_losses(self._logits(rows), own, self._ranks)

        if not again:
            return losses(rows)
        found: Tensor = checkpoint(losses, rows, use_reentrant=False, preserve_rng_state=False)
        return found

    def _topk(self, rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
        log_p = self._log_prob(rows)
        most = min(k, max(self._split.sizes))
        values, at = log_p.topk(min(most, log_p.shape[1]), dim=1)
        # A process with fewer classes than that fills up with impossible ones.
        padding = (0, most - values.shape[1])
        values = F.pad(values, padding, value=-torch.inf)
        at = F.pad(at + self.classes.start, padding, value=self.n_classes)
        of_all = (most,) * self._ranks.size
        best, place = self._ranks.joined(values, of_all).topk(k, dim=1)
        return best, self._ranks.joined(at, of_all).gather(1, place)

    def _sampled(self, rows: Tensor, drawn: Tensor) -> Tensor:
        """Return the classes at which the cumulative probability first exceeds `drawn`."""
        cumulative = self._log_prob(rows).double().exp().cumsum(dim=1)  # (n, own classes)
        own = cumulative[:, -1] if cumulative.shape[1] else drawn.new_zeros(len(drawn))
        masses = self._ranks.gathered(own)  # (ranks, n)
        ends = masses.cumsum(dim=0)
        aim = drawn * ends[-1]  # the masses add up to 1 but for their rounding
        chosen = torch.minimum((ends <= aim).sum(dim=0), (ends < ends[-1]).sum(dim=0))  # (n,)
        mine = chosen == self._ranks.rank
        if not cumulative.shape[1]:
            return self._ranks.total(torch.zeros_like(chosen))
        before = torch.cat([torch.zeros_like(ends[:1]), ends])[self._ranks.rank]
        left = (aim - before)[:, None]
        last = (cumulative < cumulative[:, -1:]).sum(dim=1)  # the last class that is possible
        at = torch.minimum((cumulative <= left).sum(dim=1), last)
        return self._ranks.total(torch.where(mine, at + self.classes.start, 0))

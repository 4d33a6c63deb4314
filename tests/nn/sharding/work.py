"""What each process does; run by `launch`, it saves what it has found."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).parents[2]))

from nn.sharding import cases, faults
from nn.sharding.launch import work_through

from luce.nn import FullSoftmax, ShardedSoftmax, global_normalizer, sharded_softmax, sum_over_ranks

WORK: dict[str, Callable[[], Any]] = {}


def work(task: Callable[[], Any]) -> Callable[[], Any]:
    WORK[task.__name__] = task
    return task


def head_of(dtype: torch.dtype = torch.float64, splits: list[int] | None = None) -> ShardedSoftmax:
    head = ShardedSoftmax(cases.WIDTH, cases.CLASSES, splits=splits, dtype=dtype)
    head.load_state_dict(cases.state(dtype))
    return head


def in_chunks_of(rows: int) -> None:
    sharded_softmax._CHUNK = rows * cases.CLASSES


def found(head: ShardedSoftmax, h: torch.Tensor, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    """The loss, its gradients, and where this process's classes begin."""
    head.zero_grad()
    loss.sum().backward()
    return {
        "loss": loss.detach(), "hidden": h.grad, "weight": head.weight.grad.clone(),
        "bias": head.bias.grad.clone(),
    }  # fmt: skip


def loss_and_gradients(head, target, options, dtype=torch.float64):
    h = cases.hidden(dtype)
    given = torch.as_tensor(cases.TARGETS[target])
    given = given.to(dtype) if given.is_floating_point() else given
    return found(
        head, h, head(h, given, **cases.tensors(cases.options_for(target, options), dtype))
    )


@work
def losses():
    head = head_of()
    return {
        (target, options): loss_and_gradients(head, target, options)
        for target in cases.TARGETS
        for options in cases.OPTIONS
    }


@work
def losses_in_float32():
    head = head_of(torch.float32)
    return {
        (target, "everything"): loss_and_gradients(head, target, "everything", torch.float32)
        for target in cases.TARGETS
    }


@work
def losses_in_chunks():
    in_chunks_of(3)
    try:
        head = head_of()
        return {
            (target, "everything"): loss_and_gradients(head, target, "everything")
            for target in cases.TARGETS
        }
    finally:
        in_chunks_of(2**20)


@work
def other_splits():
    results = {}
    for name in cases.SPLITS:
        head = head_of(splits=cases.split(name, dist.get_world_size()))
        results[name] = {
            (target, "everything"): loss_and_gradients(head, target, "everything")
            for target in cases.TARGETS
        }
        results[name]["topk"] = tuple(head.topk(cases.hidden(), 4))
        results[name]["sample"] = head.sample(cases.hidden())
        results[name]["classes"] = head.classes
    return results


@work
def probabilities():
    head, h = head_of(), cases.hidden()
    log_p = head.log_prob(h.reshape(1, *h.shape))
    log_p[0, :, ::2].sin().sum().backward()
    torch.manual_seed(dist.get_rank())  # processes need not have drawn the same so far
    many = torch.as_tensor(cases.HIDDEN[:1]).expand(4000, -1)
    return {
        "log_prob": log_p.detach(), "gradient": h.grad, "weight": head.weight.grad,
        "topk": tuple(one.detach() for one in head.topk(h, 7)), "predict": head.predict(h),
        "sample": head.sample(many),
    }  # fmt: skip


@work
def second_derivatives():
    head, h = head_of(), cases.hidden()
    options = {"label_smoothing": 0.1, "z_loss": 0.1, "focal_gamma": 2.0, "reduction": "none"}
    losses = head(h, torch.as_tensor(cases.SOFT), **options)
    loss = losses.square().sum()  # what comes back into the head depends on the weights, too
    (grad,) = torch.autograd.grad(loss, h, create_graph=True)
    in_hidden, in_weight = torch.autograd.grad(grad.square().sum(), [h, head.weight])
    return {"hidden": in_hidden, "weight": in_weight}


@work
def nothing_counts():
    head, h = head_of(), cases.hidden()
    none = torch.full((cases.ROWS,), -100)
    zero = head(h, none, ignore_index=-100, empty="zero")
    zero.backward()
    nan = head(h[:0], none[:0])
    return {
        "zero": zero.detach(),
        "hidden": h.grad,
        "weight": head.weight.grad,
        "nan": nan.detach(),
    }


@work
def infinite_rows():
    """Ignored rows may hold anything, and some classes of each process are impossible."""
    head, h = head_of(), cases.hidden().detach()
    h[0] = torch.nan
    h.requires_grad_()
    with torch.no_grad():
        head.bias[:] = torch.where(torch.arange(len(head.bias)) % 2 == 0, -torch.inf, head.bias)
    bias = head.full_state_dict()["bias"]
    labels = torch.full((cases.ROWS,), int(torch.isfinite(bias).nonzero()[0]))
    labels[0] = -100
    result = found(head, h, head(h, labels, ignore_index=-100, focal_gamma=0.5))
    return {**result, "full bias": bias, "labels": labels}


@work
def ties():
    """All logits are equal: one of them stands outside of the sum, on one process alone."""
    head = ShardedSoftmax(cases.WIDTH, cases.CLASSES, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(head.weight)
    h = cases.hidden()
    head(h, torch.as_tensor(cases.LABELS)).backward()
    return {"log_prob": head.log_prob(h).detach(), "weight": head.weight.grad}


@work
def pytorch_190746():
    """A loss of one's own on the log-probabilities, weighed and summed over all classes."""
    head, h = head_of(), cases.hidden()
    own = slice(head.classes.start, head.classes.stop)
    coefficients = torch.as_tensor(cases.SOFT)[:, own]
    log_p = head.local_log_prob(h)
    right = found(head, h, sum_over_ranks((coefficients * log_p).sum()))
    h = cases.hidden()
    rows = head._ranks.shared(h)
    faulty = faults.IdentityGradient.apply(log_p.detach(), F.linear(rows, head.weight, head.bias))
    return {"right": right, "faulty": found(head, h, sum_over_ranks((coefficients * faulty).sum()))}


@work
def megatron_737():
    head, h = head_of(), cases.hidden()
    labels = torch.as_tensor(cases.LABELS)
    right = found(head, h, head(h, labels, label_smoothing=0.2, reduction="none"))
    h = cases.hidden()
    nll = head(h, labels, reduction="none")
    faulty = faults.smoothed_by_own_mean(head.local_log_prob(h), nll, 0.2, sum_over_ranks)
    return {"right": right, "faulty": found(head, h, faulty)}


@work
def megatron_7452():
    head, h = head_of(), cases.hidden()
    labels = torch.as_tensor(cases.LABELS)
    right = found(head, h, F.nll_loss(head.log_prob(h), labels))
    logits = torch.as_tensor(cases.HIDDEN @ cases.WEIGHT.T + cases.BIAS)
    own = logits[torch.arange(cases.ROWS), labels]
    return {"right": right, "faulty": (faults.normaliser_of_gathered(logits) - own).mean()}


@work
def body_in_front():
    """Parameters held alike get their whole gradient on each process; without `shared`, a part."""
    results = {}
    for name in ("right", "faulty"):
        head, rows = head_of(), torch.tensor(cases.HIDDEN)
        body = torch.eye(cases.WIDTH, dtype=torch.float64, requires_grad=True)
        if name == "faulty":
            head._ranks.shared = lambda x: x
        head(torch.tanh(rows @ body), torch.as_tensor(cases.LABELS)).backward()
        if name == "faulty":
            del head._ranks.shared
        results[name] = body.grad
    return results


@work
def largest_tensor():
    """The size of the largest tensor that a step makes, beside what a chunk of logits takes."""

    class Largest(TorchDispatchMode):
        size = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            for one in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(one, torch.Tensor):
                    self.size = max(self.size, one.numel())
            return result

    torch.manual_seed(0)
    head, rows = ShardedSoftmax(4, 3000), torch.randn(200, 4, requires_grad=True)
    sharded_softmax._CHUNK = 10 * max(head._split.sizes)
    labels = torch.randint(3000, (200,))
    with Largest() as mode:
        head(rows, labels, label_smoothing=0.1, z_loss=0.1).backward()
        head.topk(rows, 5)
        head.sample(rows)
    in_chunks_of(2**20)
    return mode.size


@work
def initial_weights():
    torch.manual_seed(3)
    return ShardedSoftmax(cases.WIDTH, cases.CLASSES).full_state_dict()


@work
def checkpoints():
    head = head_of(splits=cases.split("uneven", dist.get_world_size()))
    states: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(states, head.state_dict())
    other = ShardedSoftmax(cases.WIDTH, cases.CLASSES, dtype=torch.float64)
    other.load_shards(iter(states))
    full = FullSoftmax(cases.WIDTH, cases.CLASSES, dtype=torch.float64)
    full.load_state_dict(other.full_state_dict())
    back = full.shard()
    return {
        "own": head.state_dict(), "full": other.full_state_dict(),
        "sharded": back.state_dict(), "classes": back.classes,
    }  # fmt: skip


@work
def data_parallel():
    """DistributedDataParallel with two micro-batches a process, and unequal numbers of labels."""
    results = {}
    rank, ends = dist.get_rank(), [9, 11][: dist.get_world_size() - 1]
    for weighting in ("class", "row"):
        options = {"weight": torch.as_tensor(cases.CLASS_WEIGHT), "weighting": weighting}
        rows = torch.tensor(cases.HIDDEN).tensor_split(ends)[rank].tensor_split(2)
        given = torch.as_tensor(cases.IGNORING).tensor_split(ends)[rank].tensor_split(2)
        for name in ("global", "own mean"):
            head = FullSoftmax(cases.WIDTH, cases.CLASSES, dtype=torch.float64)
            head.load_state_dict(cases.state())
            model = torch.nn.parallel.DistributedDataParallel(head)
            n = global_normalizer(given, ignore_index=-100, **options)
            how = {"normalizer": n} if name == "global" else {}
            with model.no_sync():
                model(rows[0], given[0], ignore_index=-100, **options, **how).backward()
            model(rows[1], given[1], ignore_index=-100, **options, **how).backward()
            results[weighting, name] = head.weight.grad
    return results


if __name__ == "__main__":
    work_through(WORK)

"""What each of four processes in a mesh of 2 x 2 does; run by `launch`."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).parents[2]))

from nn.sharding import cases
from nn.sharding.launch import work_through

from luce.nn import Classifier, ShardedSoftmax, global_normalizer


def mesh() -> DeviceMesh:
    return init_device_mesh("cpu", (2, 2), mesh_dim_names=("rows", "classes"))


def head_of(part: DeviceMesh) -> ShardedSoftmax:
    head = ShardedSoftmax(
        cases.WIDTH, cases.CLASSES, process_group=part.get_group(), dtype=torch.float64
    )
    head.load_state_dict(cases.state())
    return head


def rows_and_classes() -> dict[str, Any]:
    """Rows are split along one dimension of the mesh, classes along the other."""
    both = mesh()
    body = nn.Linear(cases.WIDTH, cases.WIDTH, bias=False, dtype=torch.float64)
    nn.init.eye_(body.weight)
    head, group = head_of(both["classes"]), both["rows"].get_group()
    number = both["rows"].get_local_rank()
    hidden = torch.tensor(cases.HIDDEN).tensor_split([9])[number]
    labels = torch.as_tensor(cases.IGNORING).tensor_split([9])[number]
    normalizer = global_normalizer(labels, ignore_index=-100, process_group=group)
    whole = Classifier(body, head, ignore_index=-100, label_smoothing=0.1, normalizer=normalizer)
    model = DistributedDataParallel(whole, process_group=group)  # kept: it averages in backward
    model(hidden, labels).backward()
    return {"body": body.weight.grad, "weight": head.weight.grad, "classes": head.classes}


def tensors_of_a_mesh() -> dict[str, Any]:
    """The parts of a `DTensor` are those of the head, and their gradients are a `DTensor` again."""
    part = mesh()["classes"]
    whole = distribute_tensor(torch.as_tensor(cases.WEIGHT), part, [Shard(0)])
    head = ShardedSoftmax(
        cases.WIDTH, cases.CLASSES, bias=False, process_group=part.get_group(),
        weight=nn.Parameter(whole.to_local()),
    )  # fmt: skip
    h = cases.hidden()
    head(h, torch.as_tensor(cases.LABELS)).backward()
    shape = (cases.CLASSES, cases.WIDTH)
    grad = DTensor.from_local(
        head.weight.grad, part, [Shard(0)], shape=torch.Size(shape), stride=(cases.WIDTH, 1)
    )
    return {"weight": grad.full_tensor(), "hidden": h.grad}


if __name__ == "__main__":
    work_through({task.__name__: task for task in (rows_and_classes, tensors_of_a_mesh)})

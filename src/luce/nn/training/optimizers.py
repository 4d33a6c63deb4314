"""Optimizers of torch from a plan, and what they keep of each parameter."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from luce.nn.training.plan import Plan

Named = Mapping[str, nn.Parameter]


def make_optimizer(plan: Plan, parameters: Named) -> Optimizer:
    """Return the optimizer of a plan; only parameters with two axes or more decay."""
    groups = [
        {"params": [p for p in parameters.values() if (p.ndim >= 2) == matrices], "weight_decay": w}
        for matrices, w in ((True, plan.weight_decay), (False, 0.0))
    ]
    groups = [group for group in groups if group["params"]]
    if plan.optimizer == "sgd":
        return SGD(groups, lr=plan.rate, momentum=plan.momentum, nesterov=plan.nesterov)
    kind = Adam if plan.optimizer == "adam" else AdamW
    known = all(p.device.type in ("cpu", "cuda") for p in parameters.values())
    return kind(groups, lr=plan.rate, fused=known)  # one pass over the parameters, not a dozen


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def optimizer_tensors(optimizer: Optimizer, parameters: Named) -> dict[str, Tensor]:
    """Return what the optimizer keeps, under the names ``PARAMETER/KEY``."""
    return {
        f"{name}/{key}": value
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def restore_optimizer(
    optimizer: Optimizer, parameters: Named, tensors: Mapping[str, Tensor]
) -> None:
    """Give the optimizer back what `optimizer_tensors` returned."""
    for name, value in tensors.items():
        parameter_name, key = name.rsplit("/", 1)
        parameter = parameters[parameter_name]
        optimizer.state[parameter][key] = _placed(value, parameter)


def _placed(value: Tensor, parameter: nn.Parameter) -> Tensor:
    """In the memory layout and on the device of the parameter; a step count stays on the host."""
    if value.shape != parameter.shape or value.ndim == 0:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)

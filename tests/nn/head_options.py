"""Whether a head does right by each option of a loss: checks that raise if it does not.

Gradients are compared with differences. Heads that are trained by another objective are judged in
training mode by whether each option gives a finite loss and gradient.
"""

from typing import Any

import numpy as np
import torch
from nn.heads import (
    CLASSES,
    EVERYTHING,
    IGNORED,
    Batch,
    expected_loss,
    made,
    offers,
)
from torch import Tensor
from torch.func import functional_call


def agrees(name: str, batch: Batch, target: Tensor, **options: Any) -> None:
    """Assert that loss and gradient of the hidden states are right."""
    head = made(name)
    loss = head(batch.hidden, target, **options)
    exact = expected_loss(name, head, batch.hidden.detach(), target, options)
    np.testing.assert_allclose(loss.detach().numpy(), exact, rtol=1e-9, atol=1e-12)
    assert torch.autograd.gradcheck(
        lambda hidden: head(hidden, target, **options), batch.hidden, atol=1e-5, rtol=1e-3
    )


def ignores_rows(name: str) -> None:
    batch = Batch(7)
    agrees(name, batch, batch.some_ignored(), ignore_index=IGNORED)


def ignores_rows_of_nan(name: str) -> None:
    batch = Batch(7)
    y, head, wrong = batch.some_ignored(), made(name), batch.hidden.detach().clone()
    wrong[y == IGNORED] = torch.nan
    wrong.requires_grad_()
    loss = head(wrong, y, ignore_index=IGNORED)
    assert loss.isfinite(), "it reaches the loss"
    torch.testing.assert_close(loss, head(batch.hidden, y, ignore_index=IGNORED))
    loss.backward()
    finite = all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())
    assert finite, "it reaches the gradient of the weights"
    assert (wrong.grad[y == IGNORED] == 0).all(), "it reaches the gradient of its row"


def leaves_out_rows_of_weight_zero(name: str) -> None:
    batch, head = Batch(7), made(name)
    weight = batch.weight.index_fill(0, batch.labels[2], 0.0)
    without = batch.labels != batch.labels[2]
    wrong = torch.where(without[:, None], batch.hidden.detach(), torch.nan).requires_grad_()
    loss = head(wrong, batch.labels, weight=weight)
    assert loss.isfinite(), "it reaches the loss"
    right = head(batch.hidden[without], batch.labels[without], weight=weight)
    torch.testing.assert_close(loss, right)
    loss.backward()
    finite = all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())
    assert finite, "it reaches the gradient of the weights"
    assert not wrong.grad[~without].any(), "it reaches the gradient of its row"


def weighs_classes(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, weight=batch.weight)
    if offers(name, "label_smoothing"):
        agrees(name, batch, batch.labels, weight=batch.weight, label_smoothing=0.2)
    if offers(name, "distributions"):
        agrees(name, batch, batch.soft, weight=batch.weight)


def weighs_rows(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, weight=batch.weight, weighting="row")
    agrees(name, batch, batch.soft, weight=batch.weight, weighting="row", label_smoothing=0.2)


def smooths_labels(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, label_smoothing=0.2)


def takes_distributions(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.soft)
    agrees(name, batch, batch.soft, label_smoothing=0.2)


def reduces(name: str) -> None:
    batch = Batch(5)
    for reduction in ("none", "sum", "mean"):
        agrees(name, batch, batch.labels, reduction=reduction)
    assert made(name)(batch.hidden, batch.labels, reduction="none").shape == (5,)


def keeps_leading_dimensions(name: str) -> None:
    head = made(name)
    for leading in ((), (2,), (2, 3), (1, 2, 2)):
        batch = Batch(*leading)
        loss = head(batch.hidden, batch.labels, reduction="none")
        exact = expected_loss(
            name, head, batch.hidden.detach(), batch.labels, {"reduction": "none"}
        )
        np.testing.assert_allclose(loss.detach().numpy(), exact, rtol=1e-9)
        assert loss.shape == leading
        assert head.log_prob(batch.hidden).shape == (*leading, CLASSES)
        if offers(name, "predict"):
            assert head.predict(batch.hidden).shape == leading
        if offers(name, "topk"):
            assert head.topk(batch.hidden, 3).indices.shape == (*leading, 3)
        if offers(name, "sample"):
            assert head.sample(batch.hidden).shape == leading


def divides_by_a_temperature(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, temperature=0.7)
    agrees(name, batch, batch.soft, temperature=2.0)


def caps_logits(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, softcap=1.5, temperature=0.7)


def pulls_normalisers(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, z_loss=0.1)
    agrees(name, batch, batch.soft, z_loss=0.1, label_smoothing=0.1)


def focuses(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.labels, focal_gamma=2.0)
    agrees(name, batch, batch.soft, focal_gamma=0.5)


def knows_normalisers_and_nothing(name: str) -> None:
    batch, head = Batch(5), made(name)
    agrees(name, batch, batch.labels, normalizer=7.0)
    nothing = torch.full((5,), IGNORED)
    for empty in ("zero", "nan"):
        loss = head(batch.hidden, nothing, ignore_index=IGNORED, empty=empty)
        torch.testing.assert_close(
            loss, loss.new_tensor(0.0 if empty == "zero" else torch.nan), equal_nan=True
        )
        (slope,) = torch.autograd.grad(loss, batch.hidden)
        assert not slope.any()


def takes_everything_at_once(name: str) -> None:
    batch = Batch(5)
    agrees(name, batch, batch.some_ignored(), **EVERYTHING)
    head = made(name)
    parameters = dict(head.named_parameters())
    names, values = list(parameters), tuple(parameters.values())

    def loss(*given: Tensor) -> Tensor:
        inputs = (batch.hidden.detach(), batch.some_ignored())
        return functional_call(
            head, dict(zip(names, given, strict=True)), inputs, EVERYTHING | {"weight": None}
        )

    assert torch.autograd.gradcheck(loss, values, atol=1e-5, rtol=1e-3, fast_mode=True)

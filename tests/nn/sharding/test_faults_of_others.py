"""Faults that others have had: the right numbers, and that the faulty ones would be noticed."""

from math import log

import numpy as np
import pytest
import torch
from nn.sharding import cases
from nn.sharding.reference import assert_same

from luce.losses import linear_cross_entropy_grad

pytestmark = pytest.mark.once


def dense(loss_of_log_p):
    """The loss of one process's log-probabilities and its gradients, by torch's autograd."""
    h = cases.hidden()
    w, b = (one.clone().requires_grad_() for one in cases.state().values())
    loss = loss_of_log_p(torch.log_softmax(h @ w.T + b, dim=-1))
    loss.backward()

    class Exact:
        pass

    Exact.loss, Exact.grad_hidden, Exact.grad_weight, Exact.grad_bias = (
        one.detach().numpy() for one in (loss, h.grad, w.grad, b.grad)
    )
    return Exact


def assert_told_apart(ranks, exact):
    with pytest.raises(AssertionError):
        assert_same(ranks, exact, 1e-3)


def test_pytorch_190746_any_use_of_log_probabilities_has_the_gradient_of_the_softmax(found):
    coefficients = torch.as_tensor(cases.SOFT)
    exact = dense(lambda log_p: (coefficients * log_p).sum())
    ranks = found["pytorch_190746"]
    assert_same([one["right"] for one in ranks], exact, 1e-12)
    faulty = [one["faulty"] for one in ranks]
    for one in faulty:  # silently: the loss is right
        np.testing.assert_allclose(one["loss"], exact.loss, atol=1e-12)
    assert_told_apart(faulty, exact)


def test_megatron_737_label_smoothing_is_over_the_classes_of_all_processes(found):
    exact = linear_cross_entropy_grad(
        cases.HIDDEN, cases.WEIGHT, cases.LABELS, cases.BIAS, label_smoothing=0.2, reduction="none"
    )
    ranks = found["megatron_737"]
    assert_same([one["right"] for one in ranks], exact, 1e-12)
    first, second, *others = (one["faulty"] for one in ranks)
    assert (first["loss"] - second["loss"]).abs().max() > 1e-2  # a loss of its own on each process
    for one in (first, second, *others):
        assert np.abs(one["loss"].numpy() - exact.loss).max() > 1e-2
    assert_told_apart([first, second, *others], exact)


def test_megatron_7452_gathered_log_probabilities_count_each_class_once(found, processes):
    labels = torch.as_tensor(cases.LABELS)
    exact = dense(lambda log_p: torch.nn.functional.nll_loss(log_p, labels))
    ranks = found["megatron_7452"]
    assert_same([one["right"] for one in ranks], exact, 1e-12)
    for one in ranks:
        assert float(one["faulty"]) - exact.loss == pytest.approx(log(processes))


def test_parameters_in_front_of_the_head_get_the_gradient_of_all_classes(found):
    body = torch.eye(cases.WIDTH, dtype=torch.float64, requires_grad=True)
    w, b = cases.state().values()
    z = torch.tanh(torch.tensor(cases.HIDDEN) @ body) @ w.T + b
    torch.nn.functional.cross_entropy(z, torch.as_tensor(cases.LABELS)).backward()
    for one in found["body_in_front"]:
        np.testing.assert_allclose(one["right"], body.grad, atol=1e-12)
        assert (one["faulty"] - body.grad).abs().max() > 1e-3

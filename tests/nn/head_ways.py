"""What every head does with tensors of 16 bits, and what PyTorch does with every head."""

from typing import Any

import torch
from nn.heads import CLASSES, WIDTH, Batch, everything, made, offers
from torch import Tensor, nn
from torch.func import functional_call, grad

from luce.nn import Head


def runs_under_bf16_autocast(name: str) -> None:
    _runs_under_autocast(name, torch.bfloat16)


def runs_under_fp16_autocast(name: str) -> None:
    _runs_under_autocast(name, torch.float16)


def _runs_under_autocast(name: str, dtype: torch.dtype) -> None:
    short = str(dtype).removeprefix("torch.")
    batch, head = Batch(8, dtype=torch.float32), made(name, dtype=torch.float32)
    options = everything(name)
    y = batch.labels_for(options)
    plain = head(batch.hidden, y, **options)
    with torch.autocast("cpu", dtype):
        loss = head(batch.hidden, y, **options)
        log_p = head.log_prob(batch.hidden)
    assert loss.dtype == torch.float32, f"the loss is rounded to {short}"
    assert log_p.dtype == torch.float32, f"log-probabilities are rounded to {short}"
    torch.testing.assert_close(loss, plain, rtol=0.05, atol=0.05)
    expected = torch.autograd.grad(plain, batch.hidden)[0]
    loss.backward()
    assert batch.hidden.grad.dtype == torch.float32
    torch.testing.assert_close(batch.hidden.grad, expected, rtol=0.1, atol=0.05)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(8), rtol=0, atol=1e-5)


def takes_hidden_states_of_16_bits(name: str) -> None:
    """Parameters of float32 and rows of bfloat16, outside of autocast."""
    batch, head = Batch(8, dtype=torch.float32), made(name, dtype=torch.float32)
    rounded = batch.hidden.detach().bfloat16().requires_grad_()
    wide = rounded.detach().float().requires_grad_()
    soft = [batch.soft] if offers(name, "distributions") else []
    for target in (batch.labels, *soft):
        loss, same = head(rounded, target), head(wide, target)
        assert loss.dtype == torch.float32, "the loss is rounded to bfloat16"
        torch.testing.assert_close(loss, same)
        (slope,), (expected,) = (
            torch.autograd.grad(one, hidden) for one, hidden in ((loss, rounded), (same, wide))
        )
        torch.testing.assert_close(slope, expected.bfloat16(), rtol=1e-2, atol=1e-5)
        assert head.train()(rounded, target).isfinite()
        head.eval()
    torch.testing.assert_close(head.log_prob(rounded), head.log_prob(wide))
    for what, extra in (("predict", ()), ("topk", (3,)), ("sample", ())):
        if offers(name, what):
            with torch.random.fork_rng():
                torch.manual_seed(5)
                found = getattr(head, what)(rounded, *extra)
                torch.manual_seed(5)
                torch.testing.assert_close(found, getattr(head, what)(wide, *extra))


def compiles(name: str) -> None:
    torch.compiler.reset()  # heads share a forward, and too many compilations of one are refused
    batch, head = Batch(5), made(name)
    compiled = torch.compile(head, fullgraph=True, backend="eager", dynamic=False)
    options = everything(name)
    y = batch.labels_for(options)
    loss = compiled(batch.hidden, y, **options)
    plain = head(batch.hidden, y, **options)
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(
        torch.autograd.grad(loss, batch.hidden), torch.autograd.grad(plain, batch.hidden)
    )


def is_a_function(name: str) -> None:
    batch, head = Batch(5), made(name)
    parameters = dict(head.named_parameters())
    options = everything(name)
    y = batch.labels_for(options)

    def loss(values: dict[str, Tensor]) -> Tensor:
        return functional_call(head, values, (batch.hidden.detach(), y), options)

    slopes = grad(loss)(parameters)
    head(batch.hidden, y, **options).backward()
    for one, value in parameters.items():
        if value.grad is not None:
            torch.testing.assert_close(slopes[one], value.grad)


def is_differentiable_twice(name: str) -> None:
    batch, head = Batch(3), made(name)
    many = everything(name)
    cases = [(batch.labels_for(many), many)]
    cases += [(batch.soft, {})] if offers(name, "distributions") else []
    for target, options in cases:
        assert torch.autograd.gradgradcheck(
            lambda hidden, target=target, options=options: head(hidden, target, **options),
            batch.hidden,
            atol=1e-4,
            rtol=1e-3,
        )


def keeps_its_state(name: str) -> None:
    batch, head, other = Batch(5), made(name), made(name, seed=1)
    before = other.log_prob(batch.hidden)
    assert not torch.allclose(before, head.log_prob(batch.hidden))
    other.load_state_dict(head.state_dict())
    assert torch.equal(other.log_prob(batch.hidden), head.log_prob(batch.hidden))


def finds_the_likeliest(name: str) -> None:
    batch, head = Batch(9), made(name)
    log_p = head.log_prob(batch.hidden)
    for k in (1, 4, CLASSES):
        found = head.topk(batch.hidden, k)
        torch.testing.assert_close(found.log_prob, log_p.topk(k).values)
        torch.testing.assert_close(log_p.gather(-1, found.indices), found.log_prob)
        assert all(len(set(row.tolist())) == k for row in found.indices)
    assert torch.equal(head.predict(batch.hidden), log_p.argmax(-1))


def draws(name: str) -> None:
    batch, head, n = Batch(1), made(name), 4000
    many = batch.hidden.detach().expand(n, WIDTH)
    drawn = head.sample(many, generator=torch.Generator().manual_seed(3))
    again = head.sample(many, generator=torch.Generator().manual_seed(3))
    assert torch.equal(drawn, again)
    expected = n * head.log_prob(batch.hidden).exp().detach()[0]
    counts = torch.bincount(drawn, minlength=CLASSES)
    assert not counts[expected == 0].any()
    possible = expected > 0
    chi = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert chi < CLASSES + 6 * (2 * CLASSES) ** 0.5


class _LogProb(nn.Module):
    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, hidden: Tensor) -> Tensor:
        return self.head.log_prob(hidden)


def is_exported(name: str) -> None:
    batch, head = Batch(2, 3), made(name)
    hidden = batch.hidden.detach()
    program = torch.export.export(_LogProb(head), (hidden,))
    torch.testing.assert_close(program.module()(hidden), head.log_prob(hidden))


def sums_to_one(name: str) -> None:
    for dtype, bound in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        batch, head = Batch(20, dtype=dtype), made(name, dtype=dtype)
        p = head.log_prob(10 * batch.hidden).exp()
        assert p.dtype == dtype
        assert (p.sum(-1) - 1).abs().max() < bound


def trains(name: str) -> None:
    batch, head = Batch(8, dtype=torch.float32), made(name, dtype=torch.float32).train()
    choices: list[dict[str, Any]] = [{}, everything(name), {"weight": batch.weight}]
    choices += [{"weight": batch.weight, "weighting": "row"}, {"normalizer": 3.0}]
    for options in filter(lambda options: offers(name, *options), choices):
        soft = [batch.soft] if offers(name, "distributions") else []
        for target in (batch.labels_for(options), *soft):
            given = dict(options)
            if target is batch.soft:
                given.pop("ignore_index", None)
            head.zero_grad()
            loss = head(batch.hidden, target, **given)
            loss.backward()
            grads = [p.grad for p in head.parameters() if p.grad is not None]
            assert loss.isfinite()
            assert loss.shape == ()
            assert all(one.isfinite().all() for one in grads)
            assert any(one.any() for one in grads)

"""The table heads x options: what every head can do, each cell a check that raises if it cannot.

A head takes part by one line in `HEADS`. Expected losses are those of `luce.losses` (NumPy,
float64) for the head's own dense logits or log-probabilities; gradients are compared with
differences. A head whose loss is no cross-entropy of its log-probabilities says what it is in
`EXPECTED`. Heads that are trained by another objective are judged in evaluation mode, where their
loss is exact, and in training mode by whether each option gives a finite loss and gradient.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from nn import dense_losses
from torch import Tensor, nn
from torch.func import functional_call, grad

from luce import losses
from luce.nn import (
    NCE,
    AdaptiveSoftmax,
    ClassTree,
    EntmaxHead,
    FactoredHead,
    FullSoftmax,
    Head,
    HierarchicalSoftmax,
    LinearHead,
    LogitShape,
    LowRankSoftmax,
    MarginSoftmax,
    MixtureOfSoftmaxes,
    MultiScaleSoftmax,
    PHMSoftmax,
    SampledSoftmax,
    ShardedSoftmax,
    SparsemaxHead,
)

WIDTH, CLASSES = 6, 12
IGNORED = -100

HEADS: dict[str, Callable[[], Head]] = {
    "EntmaxHead": lambda: EntmaxHead(WIDTH, CLASSES),
    "AdaptiveSoftmax": lambda: AdaptiveSoftmax(WIDTH, CLASSES, [4, 8], div_value=2.0),
    "AdaptiveSoftmax, tied": lambda: AdaptiveSoftmax(
        WIDTH,
        CLASSES,
        [4, 8],
        order=[5, 3, 1, 0, 2, 4, 11, 6, 7, 10, 8, 9],
        weight=nn.Embedding(CLASSES, WIDTH).weight,
    ),
    "FullSoftmax": lambda: FullSoftmax(WIDTH, CLASSES),
    "LowRankSoftmax": lambda: LowRankSoftmax(WIDTH, CLASSES, rank=3),
    "MixtureOfSoftmaxes": lambda: MixtureOfSoftmaxes(WIDTH, CLASSES, 3),
    "MultiScaleSoftmax": lambda: MultiScaleSoftmax(WIDTH, CLASSES),
    "PHMSoftmax": lambda: PHMSoftmax(WIDTH, CLASSES, n=3),
    "MarginSoftmax": lambda: MarginSoftmax(WIDTH, CLASSES, scale=4.0, n_samples=5),
    "NCE": lambda: NCE(WIDTH, CLASSES, n_samples=5),
    "SampledSoftmax": lambda: SampledSoftmax(WIDTH, CLASSES, n_samples=5),
    "ShardedSoftmax, one process": lambda: ShardedSoftmax(WIDTH, CLASSES),
    "SparsemaxHead": lambda: SparsemaxHead(WIDTH, CLASSES),
    "HierarchicalSoftmax, binary": lambda: HierarchicalSoftmax(
        WIDTH, ClassTree.huffman(range(1, CLASSES + 1))
    ),
    "HierarchicalSoftmax, two levels": lambda: HierarchicalSoftmax(
        WIDTH, ClassTree.balanced(CLASSES, 5)
    ),
}
EXPECTED: dict[str, Callable[[Head, Tensor, Tensor, dict[str, Any]], Any]] = {
    "EntmaxHead": dense_losses.of_tsallis,
    "LowRankSoftmax": dense_losses.of_logits,
    "MarginSoftmax": dense_losses.of_margins,
    "ShardedSoftmax, one process": dense_losses.of_logits,
    "SparsemaxHead": dense_losses.of_tsallis,
}

OTHERS: dict[str, Callable[[], Head]] = {}
"""Modules of PyTorch, in the dress of a head: `torch_modules` fills it."""
OFFERED: dict[str, set[str]] = {}
"""What each of them offers, beside a loss and log-probabilities; heads offer everything."""

EVERYTHING = {
    "label_smoothing": 0.1,
    "ignore_index": IGNORED,
    "temperature": 0.8,
    "softcap": 4.0,
    "z_loss": 0.05,
    "focal_gamma": 1.5,
}


def offers(name: str, *what: str) -> bool:
    """Whether it offers all of these options and calls."""
    return name not in OFFERED or OFFERED[name].issuperset(what)


def everything(name: str) -> dict[str, Any]:
    """Return many options at once, as far as they are offered."""
    return {option: value for option, value in EVERYTHING.items() if offers(name, option)}


def made(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Head:
    """Return a head with parameters of that seed, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return (HEADS | OTHERS)[name]().to(dtype).eval()


class Batch:
    """Hidden states and targets of a few rows."""

    def __init__(self, *leading: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> None:
        source = torch.Generator().manual_seed(seed)
        self.hidden = torch.randn(*leading, WIDTH, generator=source, dtype=torch.float64).to(dtype)
        self.hidden.requires_grad_()
        self.labels = torch.randint(CLASSES, leading, generator=source)
        logits = torch.randn(*leading, CLASSES, generator=source, dtype=torch.float64)
        self.soft = logits.mul(2).softmax(-1).to(dtype)
        self.weight = torch.rand(CLASSES, generator=source).add(0.2).to(dtype)

    def labels_for(self, options: dict[str, Any]) -> Tensor:
        """Return labels, some of them to be ignored if that is among the options."""
        return self.some_ignored() if "ignore_index" in options else self.labels

    def some_ignored(self) -> Tensor:
        y = self.labels.clone()
        y.view(-1)[1::3] = IGNORED
        return y


def expected_loss(name: str, head: Head, hidden: Tensor, target: Tensor, options: Any) -> Any:
    """Return the loss by `luce.losses`, from the head's dense float64 logits or probabilities."""
    if name in EXPECTED:
        return EXPECTED[name](head, hidden, target, options)
    given = dict(options)
    if given.get("weight") is not None:
        given["weight"] = given["weight"].numpy()
    y = target.numpy()
    with torch.no_grad():
        if isinstance(head, LinearHead):
            return losses.cross_entropy(head.logits(hidden).numpy(), y, **given)
        assert isinstance(head, FactoredHead), "tell its loss in EXPECTED"
        shape = LogitShape(given.pop("softcap", None), given.pop("temperature", 1.0))
        strength = given.pop("z_loss", 0.0)
        rows = hidden.reshape(-1, WIDTH)
        log_p = head._log_prob(rows, shape).reshape(*hidden.shape[:-1], CLASSES).numpy()
        loss = losses.cross_entropy(log_p, y, **given)
        if strength == 0:
            return loss
        # A second loss that is linear in its rows' squares stands for the sum over shares.
        squares = head._squared_normalisers(rows, shape).reshape(log_p.shape).numpy()
        kept = {n: given[n] for n in ("reduction", "normalizer", "ignore_index") if n in given}
        return loss + strength * _mean_at_target(squares, y, kept)


def _mean_at_target(values: Any, y: Any, options: dict[str, Any]) -> Any:
    if y.ndim == values.ndim:
        each = (values * y).sum(-1)
        kept = np.ones(each.shape, bool)
    else:
        kept = y != options.get("ignore_index")
        each = np.take_along_axis(values, np.where(kept, y, 0)[..., None], -1)[..., 0] * kept
    if options.get("reduction") == "none":
        return each
    if options.get("reduction") == "sum":
        return each.sum()
    return each.sum() / options.get("normalizer", kept.sum())


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


def runs_under_autocast(name: str) -> None:
    batch, head = Batch(8, dtype=torch.float32), made(name, dtype=torch.float32)
    options = everything(name)
    y = batch.labels_for(options)
    plain = head(batch.hidden, y, **options)
    with torch.autocast("cpu", torch.bfloat16):
        loss = head(batch.hidden, y, **options)
        log_p = head.log_prob(batch.hidden)
    assert loss.dtype == torch.float32, "the loss is rounded to bfloat16"
    assert log_p.dtype == torch.float32, "log-probabilities are rounded to bfloat16"
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


COLUMNS: dict[str, Callable[[str], None]] = {
    "ignore_index": ignores_rows,
    "NaN in ignored rows": ignores_rows_of_nan,
    "NaN in rows of weight 0": leaves_out_rows_of_weight_zero,
    "class weights": weighs_classes,
    "row weights": weighs_rows,
    "label smoothing": smooths_labels,
    "soft targets": takes_distributions,
    "reductions": reduces,
    "leading dimensions": keeps_leading_dimensions,
    "temperature": divides_by_a_temperature,
    "softcap": caps_logits,
    "z-loss": pulls_normalisers,
    "focal": focuses,
    "normalizer, empty": knows_normalisers_and_nothing,
    "all at once": takes_everything_at_once,
    "bf16 autocast": runs_under_autocast,
    "bf16 hidden states": takes_hidden_states_of_16_bits,
    "torch.compile": compiles,
    "torch.func": is_a_function,
    "double backward": is_differentiable_twice,
    "state_dict": keeps_its_state,
    "top-k": finds_the_likeliest,
    "sample": draws,
    "torch.export": is_exported,
    "sum p = 1": sums_to_one,
    "training mode": trains,
}

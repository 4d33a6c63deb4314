"""The estimate against plain formulas, against the exact loss, and on average over samples."""

import itertools
import math

import numpy as np
import pytest
import torch

from luce.errors import ParameterError
from luce.nn import (
    FullSoftmax,
    InBatchSampler,
    LogUniformSampler,
    RowwiseAdagrad,
    SampledSoftmax,
    UniformSampler,
    UnigramSampler,
    WithBatchLabels,
)
from luce.nn.samplers import Draw, Sampler

pytestmark = pytest.mark.once

D, K, N = 5, 12, 7
OPTIONS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "normalizer": {"normalizer": 3.0},
    "smoothing": {"label_smoothing": 0.2},
    "temperature": {"temperature": 0.6},
    "softcap": {"softcap": 1.5},
    "z-loss": {"z_loss": 0.1},
    "focal": {"focal_gamma": 2.0},
    "weight": {"weight": torch.linspace(0.2, 2, K)},
    "row weight": {"weight": torch.linspace(0.2, 2, K), "weighting": "row"},
    "all": {
        "weight": torch.linspace(0.2, 2, K),
        "label_smoothing": 0.2,
        "temperature": 0.6,
        "softcap": 1.5,
        "z_loss": 0.1,
        "focal_gamma": 1.5,
    },
}
SAMPLERS = {
    "uniform": lambda: UniformSampler(K),
    "log-uniform": lambda: LogUniformSampler(K),
    "unigram": lambda: UnigramSampler(torch.arange(K) + 1),
    "with labels": lambda: WithBatchLabels(UniformSampler(K)),
}


def batch(dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(N, D, generator=generator, dtype=dtype, requires_grad=True)
    labels = torch.randint(K, (N,), generator=generator)
    soft = torch.randn(N, K, generator=generator, dtype=dtype).mul(2).softmax(1)
    return hidden, labels, soft


def head_with(sampler, n_samples, seed=0, **more):
    torch.manual_seed(seed)
    return SampledSoftmax(D, K, n_samples=n_samples, sampler=sampler, **more).double().train()


class Fixed(Sampler):
    """Always the same draw."""

    def __init__(self, ids, counts):
        super().__init__(K)
        self.ids, self.counts = torch.tensor(ids), torch.tensor(counts, dtype=torch.float64)

    def draw(self, n, labels, *, generator=None):
        return Draw(self.ids, self.counts.log())


ALL_OF_THEM = [(name, "uniform", torch.float64) for name in OPTIONS]
ALL_OF_THEM += [("all", kind, torch.float64) for kind in SAMPLERS if kind != "uniform"]
ALL_OF_THEM += [("plain", "uniform", torch.float32), ("all", "uniform", torch.float32)]


@pytest.mark.parametrize(("name", "kind", "dtype"), ALL_OF_THEM)
def test_a_sample_of_all_classes_gives_the_exact_loss_and_gradients(name, kind, dtype):
    hidden, labels, soft = batch(dtype)
    sampled = head_with(SAMPLERS[kind](), K).to(dtype)
    full = FullSoftmax(D, K).to(dtype)
    full.load_state_dict({n: v for n, v in sampled.state_dict().items() if "sampler" not in n})
    ignored = torch.where(torch.arange(N) == 2, -100, labels)
    for target, more in ((labels, {}), (ignored, {"ignore_index": -100}), (soft, {})):
        losses = [h(hidden, target, **OPTIONS[name], **more) for h in (sampled, full)]
        grads = [
            torch.autograd.grad(loss.sum(), [hidden, h.weight, h.bias])
            for loss, h in zip(losses, (sampled, full), strict=True)
        ]
        bound = {"rtol": 1e-11, "atol": 1e-13} if dtype == torch.float64 else {}
        torch.testing.assert_close(*losses, **bound)
        torch.testing.assert_close(*grads, **bound)


def reference(u, y, drawn, counts, s, w, gamma, z_loss):
    """The loss of one row in plain numbers; drawn classes that are its label do not count."""
    others = [(j, 1 / c) for j, c in zip(drawn, counts, strict=True) if j != y]
    z_hat = math.exp(u[y]) + sum(a * math.exp(u[j]) for j, a in others)

    def surprise(j):
        p = min(math.exp(u[j]) / z_hat, 1.0 if gamma else math.inf)
        return (1 - p) ** gamma * -math.log(p) if gamma else -math.log(p)

    loss = w[y] * (1 - s + s / K) * surprise(y) + z_loss * w[y] * math.log(z_hat) ** 2
    total = sum(a for _, a in others)
    return loss + sum(s * (K - 1) / K * a / total * w[j] * surprise(j) for j, a in others)


@pytest.mark.parametrize(
    ("s", "gamma", "z_loss"), [(0, 0, 0), (0.3, 0, 0), (0, 2, 0), (0, 0, 0.1), (0.3, 1.5, 0.1)]
)
def test_the_loss_is_the_formula(s, gamma, z_loss):
    hidden, labels, _ = batch()
    drawn, counts = [1, 4, 4, 9, int(labels[0]), 11], [0.5, 1.5, 1.5, 0.3, 0.7, 0.2]
    head = head_with(Fixed(drawn, counts), 6)
    w = torch.linspace(0.2, 2, K, dtype=torch.float64)
    got = head(
        hidden, labels, label_smoothing=s, focal_gamma=gamma, z_loss=z_loss, weight=w,
        reduction="none", temperature=0.5,
    )  # fmt: skip
    u = head.logits(hidden).detach() / 0.5
    expected = [
        reference(row.tolist(), int(y), drawn, counts, s, w.tolist(), gamma, z_loss)
        for row, y in zip(u, labels, strict=True)
    ]
    np.testing.assert_allclose(got.detach(), expected, rtol=1e-12)


def test_an_estimate_above_1_counts_as_1_in_a_focal_loss():
    hidden, labels, _ = batch()
    head = head_with(Fixed([4], [50.0]), 1)
    with torch.no_grad():
        head.bias[4] = 20.0
    loss = head(hidden, torch.full_like(labels, 3), focal_gamma=1.5, label_smoothing=0.2)
    own = math.log(math.exp(20) / 50)  # nearly: the drawn class is all of the rest
    assert loss.item() == pytest.approx((0.8 + 0.2 / K) * own, rel=0.1)
    (slope,) = torch.autograd.grad(loss, hidden)
    assert slope.isfinite().all()


def test_distributions_keep_their_likeliest_classes_and_share_the_rest():
    hidden, _, soft = batch()
    drawn, counts = [1, 4, 9, 11], [0.5, 1.5, 0.3, 0.2]
    head = head_with(Fixed(drawn, counts), 4, top=2)
    got = head(hidden, soft, reduction="none").detach()
    for row, q, loss in zip(head.logits(hidden).detach(), soft, got, strict=True):
        own = q.argsort(descending=True)[:2].tolist()
        others = [(j, 1 / c) for j, c in zip(drawn, counts, strict=True) if j not in own]
        z_hat = sum(row[j].exp() for j in own) + sum(a * row[j].exp() for j, a in others)
        rest, total = 1 - q[own].sum(), sum(a * q[j] for j, a in others)
        t = {j: q[j] for j in own} | {j: rest * a * q[j] / total for j, a in others}
        assert sum(t.values()).item() == pytest.approx(1)
        expected = sum(t[j] * (z_hat.log() - row[j]) for j in t)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_normaliser_is_estimated_without_bias(kind):
    hidden, labels, _ = batch()
    head = head_with(SAMPLERS[kind](), 4)
    u = head.logits(hidden).detach()
    at_label = u.gather(1, labels[:, None])[:, 0]
    draws = 600
    with torch.no_grad():
        z_hat = torch.stack(
            [(head(hidden, labels, reduction="none") + at_label).exp() for _ in range(draws)]
        )
    z = (z_hat.mean(0) - u.exp().sum(1)) / (z_hat.std(0) / draws**0.5)
    assert float(z.abs().max()) < 4


@pytest.mark.parametrize("target", ["labels", "soft"])
@pytest.mark.parametrize("name", ["plain", "smoothing", "z-loss", "focal", "all"])
def test_every_option_is_consistent(name, target):
    """The mean over all samples tends to the exact loss: it is nearer with more classes."""
    hidden, labels, soft = batch()
    target = labels if target == "labels" else soft
    errors = []
    for n in (2, 6, K - 1):
        subsets = list(itertools.combinations(range(K), n))[:: max(1, math.comb(K, n) // 66)]
        losses = []
        for ids in subsets:
            head = head_with(Fixed(list(ids), [n / K] * n), n)
            losses.append(head(hidden, target, **OPTIONS[name]).item())
        errors.append(abs(np.mean(losses) - head.eval()(hidden, target, **OPTIONS[name]).item()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02


def test_accidental_hits_are_left_out():
    hidden, labels, _ = batch()
    head = head_with(Fixed([3], [1.0]), 1)
    losses = head(hidden, torch.full_like(labels, 3), reduction="none")
    assert not losses.any()  # nothing is left to be compared with
    assert head(hidden, torch.full_like(labels, 4), reduction="none").all()


def test_ignored_rows_are_no_candidates_and_get_no_gradient():
    hidden, labels, _ = batch()
    head = head_with(InBatchSampler(K, counts=torch.ones(K)), K)
    some = torch.where(torch.arange(N) % 3 == 1, -100, labels)
    hidden.data[1] = torch.nan
    loss = head(hidden, some, ignore_index=-100)
    kept = some != -100
    torch.testing.assert_close(loss, head(hidden[kept], some[kept]))
    (slope,) = torch.autograd.grad(loss, hidden)
    assert not slope[~kept].any()
    assert slope[kept].isfinite().all()


def test_in_the_batch_the_labels_of_other_rows_are_compared():
    hidden, labels, _ = batch()
    counts = torch.arange(K) + 1.0
    head = head_with(InBatchSampler(K, counts=counts), 1)
    got, u = head(hidden, labels, reduction="none"), head.logits(hidden)
    log_count = ((N - 1) * counts / counts.sum()).log()
    for i, y in enumerate(labels):
        others = [u[i, j] - log_count[j] for j in labels.tolist() if j != y]
        expected = torch.stack([u[i, y], *others]).logsumexp(0) - u[i, y]
        torch.testing.assert_close(got[i], expected)


@pytest.mark.parametrize("bias", [True, False])
def test_sparse_gradients_are_the_dense_ones(bias):
    hidden, labels, _ = batch()
    grads = []
    for sparse in (True, False):
        head = head_with(Fixed([1, 4, 4, 9], [0.5, 1.0, 1.0, 2.0]), 4, sparse=sparse, bias=bias)
        head(hidden, labels).backward()
        assert head.weight.grad.is_sparse == sparse
        grads.append([p.grad.to_dense() if sparse else p.grad for p in head.parameters()])
        assert len(grads[-1]) == 1 + bias
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.SGD(p, lr=2.0),
        lambda p: torch.optim.SparseAdam(list(p), lr=0.05),
        lambda p: RowwiseAdagrad(p, lr=0.5),
    ],
)
def test_training_on_samples_lowers_the_exact_loss(optimizer):
    hidden, labels, _ = batch(torch.float32)
    torch.manual_seed(1)
    head = SampledSoftmax(D, K, n_samples=6, sparse=True)
    steps = optimizer(head.parameters())
    before = head.eval()(hidden, labels).item()
    head.train()
    for _ in range(60):
        steps.zero_grad()
        head(hidden.detach(), labels).backward()
        steps.step()
    assert head.eval()(hidden, labels).item() < 0.5 * before


def test_evaluation_is_exact():
    hidden, labels, soft = batch()
    head, full = head_with(None, 3).eval(), FullSoftmax(D, K).double()
    full.load_state_dict(head.state_dict())
    for target in (labels, soft):
        torch.testing.assert_close(head(hidden, target, **OPTIONS["all"]),
                                   full(hidden, target, **OPTIONS["all"]))  # fmt: skip
    assert torch.equal(head.log_prob(hidden), full.log_prob(hidden))


def test_the_weight_of_an_embedding_is_shared():
    embedding = torch.nn.Embedding(K, D)
    before = embedding.weight.detach().clone()
    head = SampledSoftmax(D, K, weight=embedding.weight, bias=False, n_samples=3)
    assert head.weight is embedding.weight
    assert torch.equal(head.weight, before)
    head(embedding(torch.tensor([1, 2])), torch.tensor([3, 4])).backward()
    assert embedding.weight.grad is not None


@pytest.mark.parametrize("name", ["plain", "all"])
def test_a_training_step_compiles_in_one_graph(name):
    torch.compiler.reset()
    hidden, labels, _ = batch()
    head = head_with(LogUniformSampler(K), 4)
    compiled = torch.compile(head, fullgraph=True, backend="eager", dynamic=False)
    some = torch.where(torch.arange(N) == 2, -100, labels)
    losses = []
    for step in (compiled, head):
        torch.manual_seed(5)
        losses.append(step(hidden, some, ignore_index=-100, **OPTIONS[name]))
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*[torch.autograd.grad(loss, hidden) for loss in losses])


def test_a_training_step_runs_in_16_bits():
    hidden, labels, _ = batch(torch.float32)
    head = head_with(Fixed([1, 4, 9], [0.5, 1.0, 2.0]), 3).float()
    plain = head(hidden, labels)
    with torch.autocast("cpu", torch.bfloat16):
        loss = head(hidden, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, plain, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("name", ["plain", "all"])
def test_the_gradient_of_a_sample_is_that_of_its_loss(name):
    hidden, labels, soft = batch()
    head = head_with(Fixed([1, 4, 4, 9], [0.5, 1.0, 1.0, 2.0]), 4)
    for target in (labels, soft):
        assert torch.autograd.gradcheck(
            lambda h, w, b, target=target: torch.func.functional_call(
                head, {"weight": w, "bias": b}, (h, target), OPTIONS[name]
            ),
            (hidden, head.weight, head.bias),
        )


def test_the_sampler_must_fit():
    with pytest.raises(ParameterError, match="must draw from the head's 12 classes, got one of 5"):
        SampledSoftmax(D, K, sampler=UniformSampler(5))
    assert SampledSoftmax(D, K, n_samples=10**6).n_samples == K
    assert "n_samples=3" in repr(SampledSoftmax(D, K, n_samples=3, sparse=True))

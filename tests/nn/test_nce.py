"""The objective against plain formulas, and what it leads to."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from luce.errors import ParameterError
from luce.nn import NCE, FullSoftmax, InBatchSampler, LogUniformSampler, UniformSampler
from luce.nn.samplers import ClassSampler

pytestmark = pytest.mark.once

D, K, N = 5, 8, 6
COUNTS = torch.linspace(0.2, 1.9, K, dtype=torch.float64)


class Fixed(ClassSampler):
    """Always the same draw."""

    def __init__(self, *ids):
        super().__init__(K, distinct=False)
        self.ids = torch.tensor(ids)

    def log_prob(self, ids):
        return COUNTS[ids].log()

    def log_expected_count(self, ids, n):
        return COUNTS[ids].log()

    def _independent(self, n, generator, device):
        return self.ids

    def _distinct(self, n, generator, device): ...

    def _log_scale(self, n): ...


def batch():
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(N, D, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(K, (N,), generator=generator)
    soft = torch.randn(N, K, generator=generator, dtype=torch.float64).mul(2).softmax(1)
    return hidden, labels, soft


def head_with(sampler, seed=0, **more):
    torch.manual_seed(seed)
    return NCE(D, K, sampler=sampler, **more).double().train()


@pytest.mark.parametrize("log_normalizer", [None, 0.0, 1.3])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_loss_is_the_formula(log_normalizer, gamma):
    hidden, labels, _ = batch()
    drawn = [1, 4, 4, int(labels[0])]  # noise may be the label
    head = head_with(Fixed(*drawn), log_normalizer=log_normalizer)
    got = head(hidden, labels, reduction="none", focal_gamma=gamma, temperature=0.7, softcap=2.0)
    c = math.log(K) if log_normalizer is None else log_normalizer
    delta = 2 * torch.tanh(head.logits(hidden) / 2) / 0.7 - c - COUNTS.log()
    for i, y in enumerate(labels):
        terms = [softplus(-delta[i, y]) * torch.sigmoid(-delta[i, y]) ** gamma]
        terms += [softplus(delta[i, j]) * torch.sigmoid(delta[i, j]) ** gamma for j in drawn]
        torch.testing.assert_close(got[i], torch.stack(terms).sum())


@pytest.mark.parametrize("weighting", ["class", "row"])
@pytest.mark.parametrize("kind", ["labels", "soft"])
def test_targets_weigh_the_data_and_their_sum_the_noise(kind, weighting):
    """With every class drawn once, sums over classes are exact and the formula is simple."""
    hidden, labels, soft = batch()
    head = head_with(UniformSampler(K), n_samples=K)
    w, s = torch.linspace(0.2, 2, K, dtype=torch.float64), 0.3
    q = torch.nn.functional.one_hot(labels, K).double() if kind == "labels" else soft
    got = head(
        hidden, labels if kind == "labels" else soft, label_smoothing=s, weight=w,
        weighting=weighting, reduction="none", z_loss=0.1,
    )  # fmt: skip
    u = head.logits(hidden)
    r = (q * w).sum(1)
    t = ((1 - s) * q + s / K) * (w if weighting == "class" else r[:, None])
    delta = u - math.log(K)
    expected = (t * softplus(-delta)).sum(1) + t.sum(1) * softplus(delta).sum(1)
    expected = expected + 0.1 * r * (u.logsumexp(1) - math.log(K)) ** 2
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2},
                                     {"weight": torch.linspace(0.5, 2, K)}])  # fmt: skip
def test_the_optimum_is_the_distribution_of_the_data_normalised_by_the_constant(options, correct):
    """With one context and enough freedom: the bias becomes the log-probabilities plus c."""
    counts = torch.tensor([1, 2, 3, 4, 5, 6, 7, 12])
    labels = torch.arange(K).repeat_interleave(counts)
    head = head_with(LogUniformSampler(K), n_samples=K, log_normalizer=0.9,
                     negative_sampling=not correct)  # fmt: skip
    hidden = torch.zeros(len(labels), D, dtype=torch.float64)
    steps = torch.optim.LBFGS([head.bias], max_iter=200, tolerance_grad=1e-9,
                              tolerance_change=1e-15, line_search_fn="strong_wolfe")  # fmt: skip

    def loss():
        steps.zero_grad()
        value = head(hidden, labels, **options)
        value.backward()
        return value

    steps.step(loss)
    s, w = options.get("label_smoothing", 0), options.get("weight", torch.ones(K)).double()
    t = ((1 - s) * counts / counts.sum() + s / K) * w
    p = t / t.sum()
    torch.testing.assert_close(head.log_prob(hidden[0]).exp(), p, rtol=0, atol=1e-7)
    constant = head.logits(hidden[0]).logsumexp(0).item()
    assert constant == pytest.approx(0.9, abs=1e-5)


def test_with_much_noise_the_gradient_is_that_of_the_likelihood():
    """For a normalised model; Gutmann & Hyvärinen (2012), theorem 3."""
    hidden, labels, _ = batch()
    head = head_with(UniformSampler(K, distinct=False), log_normalizer=0.0)
    head.n_samples = 400_000
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.linspace(-1, 1, K).log_softmax(0))
    (got,) = torch.autograd.grad(head(hidden, labels), head.bias)
    (exact,) = torch.autograd.grad(head.eval()(hidden, labels), head.bias)
    torch.testing.assert_close(got, exact, rtol=0, atol=0.01)


def test_negative_sampling_is_nce_with_another_bias():
    hidden, labels, _ = batch()
    one = head_with(Fixed(1, 4, 4, 6), negative_sampling=True)
    two = head_with(Fixed(1, 4, 4, 6), log_normalizer=0.0)
    with torch.no_grad():
        two.bias.add_(COUNTS.log())
    torch.testing.assert_close(one(hidden, labels), two(hidden, labels))
    torch.testing.assert_close(one.log_prob(hidden), two.log_prob(hidden))
    torch.testing.assert_close(one.eval()(hidden, labels), two.eval()(hidden, labels))
    z = hidden @ one.weight.T + one.bias  # as in word2vec
    drawn = z[:, [1, 4, 4, 6]]
    own = z.gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(
        one.train()(hidden, labels, reduction="none"), softplus(-own) + softplus(drawn).sum(1)
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("negative_sampling", [True, False])
def test_sparse_gradients_are_the_dense_ones(bias, negative_sampling):
    hidden, labels, _ = batch()
    grads = []
    for sparse in (True, False):
        head = head_with(Fixed(1, 4, 4, 6), sparse=sparse, bias=bias,
                         negative_sampling=negative_sampling)  # fmt: skip
        head(hidden, labels).backward()
        grads.append([p.grad.to_dense() if sparse else p.grad for p in head.parameters()])
        assert head.weight.grad.is_sparse == sparse
    torch.testing.assert_close(*grads)


def test_evaluation_is_exact():
    hidden, labels, _ = batch()
    head, full = head_with(None, n_samples=3).eval(), FullSoftmax(D, K).double()
    full.load_state_dict(head.state_dict())
    torch.testing.assert_close(head(hidden, labels), full(hidden, labels))
    assert torch.equal(head.log_prob(hidden), full.log_prob(hidden))


def test_a_training_step_compiles_in_one_graph():
    torch.compiler.reset()
    hidden, labels, _ = batch()
    head = head_with(Fixed(1, 4, 4, 6))
    compiled = torch.compile(head, fullgraph=True, backend="eager", dynamic=False)
    torch.testing.assert_close(compiled(hidden, labels), head(hidden, labels))


def test_noise_must_not_depend_on_the_labels():
    with pytest.raises(ParameterError, match=r"fixed distribution.*got InBatchSampler"):
        NCE(D, K, sampler=InBatchSampler(K))

"""The full loss against the NumPy twin, the sampled one against plain formulas."""

import math

import numpy as np
import pytest
import torch

from luce import losses
from luce.errors import LabelError, ParameterError, ShapeError
from luce.nn import MarginSoftmax, RowwiseAdagrad, UniformSampler, WithBatchLabels
from luce.nn.samplers import Draw, Sampler

pytestmark = pytest.mark.once

D, K, N = 4, 9, 6
TWINS = {"arcface": losses.arcface, "cosface": losses.cosface}
KINDS = pytest.mark.parametrize("kind", TWINS)


class Fixed(Sampler):
    """Always the same draw."""

    def __init__(self, ids, counts):
        super().__init__(K)
        self.ids, self.counts = torch.tensor(ids), torch.tensor(counts, dtype=torch.float64)

    def draw(self, n, labels, *, generator=None):
        return Draw(self.ids, self.counts.log())


def batch():
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(N, D, generator=generator, dtype=torch.float64, requires_grad=True)
    soft = torch.randn(N, K, generator=generator, dtype=torch.float64).mul(2).softmax(1)
    return hidden, torch.randint(K, (N,), generator=generator), soft


def head_with(**more):
    torch.manual_seed(0)
    return MarginSoftmax(D, K, **{"scale": 8.0, **more}).double().train()


def cosines(head, hidden):
    h, w = hidden.detach().numpy(), head.weight.detach().numpy()
    return (h / np.linalg.norm(h, axis=1)[:, None]) @ (w / np.linalg.norm(w, axis=1)[:, None]).T


@KINDS
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"ignore_index": -1}, {"weight": torch.arange(1, K + 1) / 3, "reduction": "none"}],
)
def test_without_samples_it_is_the_numpy_twin(kind, training, options):
    hidden, labels, _ = batch()
    if "ignore_index" in options:
        labels[1] = -1
    head = head_with(kind=kind, margin=0.4).train(training)
    twin = {n: v.numpy() if n == "weight" else v for n, v in options.items()}
    np.testing.assert_allclose(
        head(hidden, labels, **options).detach(),
        TWINS[kind](cosines(head, hidden), labels.numpy(), margin=0.4, scale=8, **twin),
        rtol=1e-12,
    )


@KINDS
@pytest.mark.parametrize("correction", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"label_smoothing": 0.2, "temperature": 0.5, "softcap": 6.0, "z_loss": 0.01,
          "focal_gamma": 1.5, "weight": torch.linspace(0.5, 2, K)}],
)  # fmt: skip
def test_a_sample_of_all_classes_gives_the_exact_loss_and_gradients(kind, correction, options):
    hidden, labels, soft = batch()
    ignored = torch.where(torch.arange(N) == 2, -1, labels)
    sampled = head_with(kind=kind, n_samples=K, correction=correction)
    full = head_with(kind=kind)
    for target, more in ((labels, {}), (soft, {}), (ignored, {"ignore_index": -1})):
        got, exact = (h(hidden, target, **options, **more) for h in (sampled, full))
        torch.testing.assert_close(got, exact)
        torch.testing.assert_close(
            torch.autograd.grad(got, [hidden, sampled.weight]),
            torch.autograd.grad(exact, [hidden, full.weight]),
        )


@pytest.mark.parametrize("correction", [True, False])
def test_the_sampled_loss_is_the_formula(correction):
    hidden, labels, _ = batch()
    drawn, counts = [0, 3, int(labels[0])], [0.5, 0.25, 0.5]
    head = head_with(n_samples=3, sampler=Fixed(drawn, counts), correction=correction, margin=0.3)
    got = head(hidden, labels, reduction="none")
    for c, y, loss in zip(cosines(head, hidden), labels.tolist(), got.tolist(), strict=True):
        z = [8 * math.cos(math.acos(c[y]) + 0.3)]
        z += [
            8 * c[j] - (math.log(count) if correction else 0)
            for j, count in zip(drawn, counts, strict=True)
            if j != y
        ]
        assert loss == pytest.approx(np.logaddexp.reduce(z) - z[0], rel=1e-12)


def test_labels_of_the_batch_are_compared_as_in_partial_fc():
    """All centres of the batch and the drawn ones beside them, each once."""
    hidden, labels, _ = batch()
    sampler = WithBatchLabels(Fixed([0, 3, 7], [1 / 3] * 3))
    head = head_with(n_samples=3, sampler=sampler, correction=False, kind="cosface", margin=0.2)
    got = head(hidden, labels, reduction="none")
    present = sorted({0, 3, 7, *labels.tolist()})
    c = cosines(head, hidden)[:, present]
    places = [present.index(y) for y in labels.tolist()]
    np.testing.assert_allclose(
        got.detach(), losses.cosface(c, places, margin=0.2, scale=8, reduction="none"), rtol=1e-12
    )


def test_drawn_centres_stand_for_all_without_bias():
    hidden, labels, _ = batch()
    head = head_with(n_samples=3)
    exact = head.eval()(hidden, labels, reduction="none").detach()
    z = 8 * torch.tensor(cosines(head, hidden))
    own = z.gather(1, labels[:, None])[:, 0]
    own = 8 * (torch.acos(own / 8) + 0.5).cos()
    head.train()
    with torch.no_grad():
        z_hat = torch.stack([(head(hidden, labels, reduction="none") + own).exp()
                             for _ in range(600)])  # fmt: skip
    z = (z_hat.mean(0) - (exact + own).exp()) / (z_hat.std(0) / 600**0.5)
    assert float(z.abs().max()) < 4


def test_lengths_do_not_matter():
    hidden, labels, _ = batch()
    head = head_with(n_samples=3, sampler=Fixed([0, 3, 7], [0.5] * 3))
    before = head(hidden, labels), head.log_prob(hidden)
    with torch.no_grad():
        head.weight.mul_(torch.arange(1, K + 1)[:, None])
    torch.testing.assert_close((head(3 * hidden, labels), head.log_prob(5 * hidden)), before)


def test_probabilities_know_no_margin():
    hidden, _, _ = batch()
    head = head_with(n_samples=3)
    expected = torch.tensor(8 * cosines(head, hidden)).log_softmax(1)
    torch.testing.assert_close(head.log_prob(hidden), expected)
    torch.testing.assert_close(head.logits(hidden), torch.tensor(8 * cosines(head, hidden)))
    assert torch.equal(head.predict(hidden), expected.argmax(1))


def test_sparse_gradients_train():
    hidden, labels, _ = batch()
    grads = []
    for sparse in (True, False):
        head = head_with(n_samples=3, sparse=sparse, sampler=Fixed([0, 3, 3], [0.5] * 3))
        head(hidden, labels).backward()
        assert head.weight.grad.is_sparse == sparse
        grads.append(head.weight.grad.to_dense() if sparse else head.weight.grad)
    torch.testing.assert_close(*grads)
    head = head_with(n_samples=3, sparse=True)
    before, optimizer = head.eval()(hidden, labels).item(), RowwiseAdagrad(head.parameters(), 0.1)
    head.train()
    for _ in range(40):
        optimizer.zero_grad()
        head(hidden.detach(), labels).backward()
        optimizer.step()
    assert head.eval()(hidden, labels).item() < 0.5 * before


def test_cosines_keep_their_digits_in_16_bits():
    hidden, labels, _ = batch()
    for more in ({}, {"n_samples": 3, "sampler": Fixed([0, 3, 7], [0.5] * 3)}):
        head = head_with(scale=64.0, **more).float()
        plain = head(hidden.float(), labels)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(head(hidden.float(), labels), plain, rtol=1e-4, atol=1e-4)


def test_bad_options():
    with pytest.raises(ParameterError, match="Did you mean 'arcface'"):
        MarginSoftmax(D, K, kind="arc_face")
    with pytest.raises(ParameterError, match="margin must be finite and at least 0"):
        MarginSoftmax(D, K, margin=2.0)
    with pytest.raises(ParameterError, match="scale must be above 0"):
        MarginSoftmax(D, K, scale=0)
    with pytest.raises(ParameterError, match="the head's 9 classes"):
        MarginSoftmax(D, K, n_samples=2, sampler=UniformSampler(5))


@pytest.mark.parametrize("n_samples", [None, 3])
def test_bad_targets_are_refused_before_the_margin(n_samples):
    hidden, labels, soft = batch()
    head = head_with(n_samples=n_samples)
    for wrong in (labels.index_fill(0, torch.tensor([1]), K), labels - K, labels + 0.5):
        with pytest.raises(LabelError):
            head(hidden, wrong)
    for wrong in (labels[1:], labels[:, None, None], soft[:, 1:]):
        with pytest.raises(ShapeError, match="target"):
            head(hidden, wrong)


def test_a_batch_without_rows_trains():
    for given in ({}, {"n_samples": 3}, {"n_samples": K}):
        head = head_with(**given)
        hidden = torch.zeros(0, D, dtype=torch.float64)
        for target in (torch.zeros(0, dtype=torch.int64), torch.zeros(0, K).double()):
            head(hidden, target, empty="zero").backward()
            assert not head.weight.grad.any()

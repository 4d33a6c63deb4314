"""The losses of sparsemax and entmax, against their definition in float64 and by their laws."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import luce
from luce.errors import LabelError
from luce.nn.functional import cross_entropy, entmax, entmax_loss, kl_divergence, sparsemax_loss

pytestmark = pytest.mark.once

RNG = np.random.default_rng(2)
Z = RNG.normal(0, 1.5, (8, 6))
Y = RNG.integers(0, 6, 8)
Q = np.where(RNG.random((8, 6)) < 0.5, 0.0, RNG.random((8, 6))) + 1e-3
Q[0] = [0.5, 0.5, 0, 0, 0, 0]
Q /= Q.sum(1, keepdims=True)
ALPHAS = [1.2, 1.5, 1.9, 2.0, 3.0]


def entropy(p, alpha):
    return ((p - p**alpha) / (alpha * (alpha - 1))).sum(-1)


def by_definition(z, q, alpha):
    p = luce.entmax(z, alpha)
    return ((p - q) * z).sum(-1) + entropy(p, alpha) - entropy(q, alpha)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("soft", [False, True])
def test_they_are_what_their_definition_says(alpha, soft):
    q = Q if soft else np.eye(6)[Y]
    z = torch.tensor(Z, requires_grad=True)
    loss = entmax_loss(z, torch.tensor(Q if soft else Y), alpha=alpha, reduction="none")
    assert_allclose(loss.detach(), by_definition(Z, q, alpha), rtol=1e-11, atol=1e-14)
    loss.sum().backward()
    assert_allclose(z.grad, luce.entmax(Z, alpha) - q, atol=1e-14)


def test_sparsemax_loss_is_that_of_its_authors():
    """Martins & Astudillo (2016), equation 16."""
    p = luce.sparsemax(Z)
    inside = p > 0
    tau = ((Z * inside).sum(1) - 1) / inside.sum(1)
    expected = 0.5 * ((Z**2 - tau[:, None] ** 2) * inside).sum(1) + 0.5 - Z[range(8), Y]
    assert_allclose(sparsemax_loss(torch.tensor(Z), torch.tensor(Y), reduction="none"), expected)


def test_alpha_one_is_the_cross_entropy_less_the_entropy_of_the_target():
    z, y, q = torch.tensor(Z), torch.tensor(Y), torch.tensor(Q)
    torch.testing.assert_close(entmax_loss(z, y, alpha=1.0), cross_entropy(z, y))
    torch.testing.assert_close(entmax_loss(z, q, alpha=1.0), kl_divergence(z, q))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_they_are_zero_where_the_target_leads_by_the_margin(alpha):
    z = torch.tensor([1.0 / (alpha - 1.0) + 1e-3, 0.0, -5.0], requires_grad=True)
    loss = entmax_loss(z, torch.tensor(0), alpha=alpha)
    loss.backward()
    assert loss.item() == 0
    assert z.grad.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_nothing_cancels_just_before_it(alpha):
    """Two classes: the definition, in float32, would be all rounding."""
    z = torch.tensor([1.0 / (alpha - 1.0) - 1e-4, 0.0])
    q = np.array([1.0, 0.0])
    exact = by_definition(z.double().numpy().astype(np.longdouble).astype(float), q, alpha)
    loss = entmax_loss(z, torch.tensor(0), alpha=alpha).item()
    assert 0 < loss < 1e-7
    assert_allclose(loss, exact, rtol=2e-3)


def test_options():
    z, y, w = torch.tensor(Z), torch.tensor(Y), torch.tensor([1.0, 2, 0, 3, 1, 1])
    rows = entmax_loss(z, y, reduction="none")
    counts = w[y].double()
    torch.testing.assert_close(entmax_loss(z, y, weight=w), (rows * counts).sum() / counts.sum())
    kept = y != 4
    torch.testing.assert_close(entmax_loss(z, y, ignore_index=4), rows[kept].mean())
    torch.testing.assert_close(entmax_loss(z, y, normalizer=5.0), rows.sum() / 5)
    smooth = 0.9 * torch.nn.functional.one_hot(y, 6).double() + 0.1 / 6
    torch.testing.assert_close(entmax_loss(z, y, label_smoothing=0.1), entmax_loss(z, smooth))
    shaped = 3 * torch.tanh(z / 3) / 0.5
    torch.testing.assert_close(
        entmax_loss(z, y, softcap=3.0, temperature=0.5), entmax_loss(shaped, y)
    )
    assert entmax_loss(z.reshape(2, 4, 6), y.reshape(2, 4), reduction="none").shape == (2, 4)
    with pytest.raises(LabelError, match=r"0\.\.5"):
        sparsemax_loss(z, y + 6)


def test_edge_values():
    inf, nan = torch.inf, torch.nan
    z = torch.tensor([[0.0, -inf, 1.0], [nan, nan, nan]], requires_grad=True)
    y = torch.tensor([0, 2])
    loss = entmax_loss(z, y, ignore_index=2)
    loss.backward()
    assert loss.isfinite()
    assert z.grad.isfinite().all()
    assert entmax_loss(z[0], torch.tensor(1)) == inf
    assert entmax_loss(z[1], torch.tensor(1)).isnan()


def test_the_loss_of_the_target_that_entmax_gives_is_zero():
    z = torch.tensor(Z)
    for alpha in ALPHAS:
        assert entmax_loss(z, entmax(z, alpha), alpha=alpha) < 1e-15

import mpmath as mp
import pytest
import torch

from luce.errors import DataError, ParameterError, ShapeError
from luce.nn import Plan, fit
from luce.nn.functional import (
    cross_entropy,
    generalized_cross_entropy,
    symmetric_cross_entropy,
)

pytestmark = pytest.mark.once


def p_of(z, y):
    exps = [mp.exp(mp.mpf(value)) for value in z]
    return exps[y] / sum(exps)


ROWS = [([0.3, -1.0, 2.0], 0), ([30.0, 0.0, -2.0], 0), ([30.0, 0.0, -2.0], 1), ([0.0, 0.0, 0.0], 2)]


@pytest.mark.parametrize(("z", "y"), ROWS)
@pytest.mark.parametrize("q", [1e-6, 0.3, 0.7, 1.0])
def test_generalized_is_its_formula_also_where_digits_would_be_lost(z, y, q):
    with mp.workdps(50):
        exact = (1 - p_of(z, y) ** mp.mpf(q)) / mp.mpf(q)
    got = generalized_cross_entropy(torch.tensor([z], dtype=torch.float64), torch.tensor([y]), q=q)
    assert float(got) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize(("z", "y"), ROWS)
def test_symmetric_is_its_formula(z, y):
    with mp.workdps(50):
        p = p_of(z, y)
        exact = -mp.mpf(0.2) * mp.log(p) + mp.mpf(0.9) * 5 * (1 - p)
    got = symmetric_cross_entropy(
        torch.tensor([z], dtype=torch.float64),
        torch.tensor([y]),
        alpha=0.2,
        beta=0.9,
        log_zero=-5.0,
    )
    assert float(got) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("loss", [generalized_cross_entropy, symmetric_cross_entropy])
def test_gradients_and_reductions(loss):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0, 3, -100, 1, 2])
    each = loss(z, y, ignore_index=-100, reduction="none")
    assert each[2] == 0
    torch.testing.assert_close(loss(z, y, ignore_index=-100), each.sum() / 4)
    torch.testing.assert_close(loss(z, y, ignore_index=-100, reduction="sum"), each.sum())
    assert torch.autograd.gradcheck(lambda z: loss(z, y, ignore_index=-100), (z,))
    with pytest.raises(ParameterError, match="reduction"):
        loss(z, y.clamp(min=0), reduction="max")


def test_q_zero_is_the_cross_entropy():
    z, y = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    torch.testing.assert_close(generalized_cross_entropy(z, y, q=0.0), cross_entropy(z, y))


@pytest.mark.parametrize("loss", [generalized_cross_entropy, symmetric_cross_entropy])
def test_wrong_labels_mislead_less_than_with_the_cross_entropy(loss):
    """Labels of a class are wrong in one direction, two of five."""
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(600, 10, generator=generator)
    true = (X[:, :3] + 0.0).argmax(dim=1)
    flipped = torch.rand(600, generator=generator) < 0.4
    noisy = torch.where(flipped & (true == 0), 1, true)
    found = {}
    for name, objective in (("plain", cross_entropy), ("robust", loss)):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Linear(10, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3)
        )
        fit(model, objective, (X, noisy), plan=Plan(epochs=30, batch_size=60, learning_rate=0.01))
        found[name] = float((model(X).argmax(1) == true).float().mean())
    assert found["robust"] > found["plain"]


ROBUST = pytest.mark.parametrize("loss", [generalized_cross_entropy, symmetric_cross_entropy])


@ROBUST
def test_weights_of_classes_count_in_the_mean_too(loss):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    y, weight = torch.tensor([0, 3, -100, 1, 0]), torch.tensor([2.0, 0.0, 5.0, 0.5]).double()
    alone = loss(z, y, ignore_index=-100, reduction="none")
    options = {"weight": weight, "ignore_index": -100}
    each = loss(z, y, **options, reduction="none")
    torch.testing.assert_close(each, alone * torch.tensor([2.0, 0.5, 0.0, 0.0, 2.0]))
    torch.testing.assert_close(loss(z, y, **options), each.sum() / 4.5)
    torch.testing.assert_close(loss(z, y, **options, normalizer=7.0), each.sum() / 7)
    assert torch.autograd.gradcheck(lambda z: loss(z, y, **options), (z,))
    wrong = z.detach().clone()
    wrong[3] = torch.nan  # of weight 0
    torch.testing.assert_close(loss(wrong, y, **options), loss(z, y, **options))


@ROBUST
def test_the_mean_of_nothing_is_what_was_asked_for(loss):
    z, y = torch.randn(2, 3), torch.tensor([7, 7])
    assert loss(z, y, ignore_index=7).isnan()
    assert loss(z, y, ignore_index=7, empty="zero") == 0
    with pytest.raises(DataError, match="ignore"):
        loss(z, y, ignore_index=7, empty="raise")


@ROBUST
def test_distributions_are_refused(loss):
    with pytest.raises(ShapeError, match=r"label for each row, shape \(2,\).*got shape \(2, 3\)"):
        loss(torch.zeros(2, 3), torch.full((2, 3), 1 / 3))


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (generalized_cross_entropy, {"q": 1.5}),
        (symmetric_cross_entropy, {"alpha": -1.0}),
        (symmetric_cross_entropy, {"log_zero": 0.0}),
    ],
)
def test_impossible_options_are_named(loss, options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        loss(torch.zeros(2, 3), torch.tensor([0, 1]), **options)

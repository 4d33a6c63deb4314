import mpmath as mp
import pytest
import torch

from luce.nn import MixtureOfSoftmaxes, MultiScaleSoftmax, mixture

pytestmark = pytest.mark.once

WIDTH, CLASSES = 6, 12
HEADS = {
    "MixtureOfSoftmaxes": lambda: MixtureOfSoftmaxes(WIDTH, CLASSES, 3),
    "MultiScaleSoftmax": lambda: MultiScaleSoftmax(WIDTH, CLASSES),
    "MultiScaleSoftmax, one mixture": lambda: MultiScaleSoftmax(WIDTH, CLASSES, gated=False),
}
ANY = pytest.mark.parametrize("name", HEADS)


def made(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = HEADS[name]().double()
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter)
    return head


def rows(n, scale=1.0):
    source = torch.Generator().manual_seed(1)
    return scale * torch.randn(n, WIDTH, generator=source, dtype=torch.float64)


def plain(head, hidden):
    """The probabilities by the plain code of the docstrings."""
    w, b = head.classes.weight, head.classes.bias
    if isinstance(head, MixtureOfSoftmaxes):
        mixing = head.mixing(hidden)
        states = torch.tanh(head.latent(hidden)).unflatten(-1, (head.components, -1))
        each = (states @ w.T + b).softmax(-1)
    else:
        mixing = head.mixing_bias
        if head.mixing_weight is not None:
            mixing = hidden @ head.mixing_weight.T + mixing
        z = (hidden @ w.T + b)[..., None, :]
        each = (z / head.log_temperature.exp()[:, None]).softmax(-1)
    return (mixing.softmax(-1)[..., None] * each).sum(-2)


@ANY
def test_equals_the_plain_code(name):
    head, hidden = made(name), rows(9)
    p = plain(head, hidden)
    torch.testing.assert_close(head.log_prob(hidden).exp(), p)
    target = torch.arange(9)
    loss = torch.nn.functional.nll_loss(p.log(), target)
    torch.testing.assert_close(head(hidden, target), loss)
    parameters = list(head.parameters())
    got = torch.autograd.grad(head(hidden, target), parameters)
    for one, other in zip(got, torch.autograd.grad(loss, parameters), strict=True):
        torch.testing.assert_close(one, other)


@ANY
def test_chunks_of_rows_change_nothing(name, monkeypatch):
    head, target = made(name), torch.arange(9)
    results = []
    for chunk in (2**22, 2 * head.components * CLASSES):
        monkeypatch.setattr(mixture, "_CHUNK", chunk)
        hidden = rows(9).requires_grad_()
        losses = [head(hidden, target, z_loss=0.1), head(hidden, target, label_smoothing=0.1)]
        results.append([*losses, *torch.autograd.grad(sum(losses), [hidden, *head.parameters()])])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


@ANY
def test_far_classes_have_a_loss_and_a_gradient(name):
    """Where the plain code adds up probabilities of 0 its loss is infinite, its gradient NaN."""
    head, hidden = made(name), rows(4)
    with torch.no_grad():
        head.classes.bias[3] = -1e4
    target = torch.full((4,), 3)
    assert plain(head, hidden)[:, 3].log().isneginf().all()
    loss = head(hidden, target)
    assert loss.isfinite()
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, list(head.parameters())))


def exact_log_of_mixture(log_weights, log_p):
    with mp.workdps(60):
        weights = [mp.exp(mp.mpf(w)) for w in log_weights.tolist()]
        total = mp.fsum(weights)  # rounded logarithms do not quite sum to 1
        p = [mp.exp(mp.mpf(x)) for x in log_p.tolist()]
        return mp.log(mp.fsum(w * x for w, x in zip(weights, p, strict=True)) / total)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-3, 1.0, 30.0, 3000.0])
def test_log_of_a_mixture_keeps_its_digits_where_it_is_sure_and_where_it_is_not(scale):
    source = torch.Generator().manual_seed(2)
    log_weights = torch.randn(5, generator=source, dtype=torch.float64).log_softmax(0)
    log_p = -scale * torch.rand(5, generator=source, dtype=torch.float64)
    got = mixture.log_of_mixture(log_weights[None], log_p[None]).item()
    exact = exact_log_of_mixture(log_weights, log_p)
    assert abs(got - exact) <= 1e-14 * abs(exact)


def test_a_class_that_is_impossible_everywhere_stays_so_without_a_nan():
    log_weights = torch.tensor([[0.5, 0.5]]).log().requires_grad_()
    log_p = torch.tensor([[-torch.inf, -torch.inf]], requires_grad=True)
    got = mixture.log_of_mixture(log_weights, log_p)
    assert got.isneginf()
    certain = mixture.log_of_mixture(log_weights, torch.zeros(1, 2))
    assert certain == 0


def test_a_mixture_has_a_higher_rank_than_one_softmax():
    hidden = rows(40)
    few = torch.nn.Linear(WIDTH, 2, dtype=torch.float64)
    full = torch.nn.Linear(2, 30, dtype=torch.float64)
    flat = full(few(hidden)).log_softmax(-1)
    head = MixtureOfSoftmaxes(WIDTH, 30, 4, component_features=2).double()
    with torch.no_grad():
        head.latent.weight.mul_(5)
    rank = torch.linalg.matrix_rank
    assert rank(flat, rtol=1e-10) == 4  # the product, the bias, the normaliser
    assert rank(head.log_prob(hidden), rtol=1e-10) > 10


@ANY
def test_the_likeliest_classes_are_those_of_all_log_probabilities(name):
    head, hidden = made(name), rows(9).reshape(3, 3, WIDTH)
    exact = head.log_prob(hidden).topk(5)
    for found in (head.topk(hidden, 5), torch.no_grad()(head.topk)(hidden, 5)):
        torch.testing.assert_close(found.log_prob, exact.values, rtol=1e-13, atol=0)
        assert torch.equal(found.indices, exact.indices)
    assert torch.equal(head.predict(hidden), exact.indices[..., 0])


@ANY
def test_classes_whose_probabilities_underflow_keep_their_order(name):
    head, hidden = made(name), rows(4)
    with torch.no_grad():
        head.classes.bias[:] = -1e4 * torch.arange(CLASSES)
        found = head.topk(hidden, CLASSES)
    assert torch.equal(found.indices, torch.arange(CLASSES).expand(4, CLASSES))
    torch.testing.assert_close(found.log_prob, head.log_prob(hidden))


@ANY
def test_the_likeliest_classes_are_found_in_chunks_of_rows(name, monkeypatch):
    head, hidden = made(name), rows(9)
    monkeypatch.setattr(mixture, "_CHUNK", 2 * head.components * CLASSES)
    with torch.no_grad():
        found = head.topk(hidden, 3)
    torch.testing.assert_close(tuple(found), tuple(head.log_prob(hidden).topk(3)))

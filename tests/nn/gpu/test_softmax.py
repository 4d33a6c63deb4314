"""The softmax of rows on a GPU: both plans, any shape, edge values, forward and backward."""

import pytest
import torch

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),  # of the interpreter
]

INF, NAN = torch.inf, torch.nan
# Of one rounding; the interpreter cuts bfloat16 off instead of rounding it.
BITS = {torch.float32: 2**-24, torch.bfloat16: 2**-7, torch.float16: 2**-11}


@pytest.fixture
def kernels(device, monkeypatch):
    from luce.nn.gpu import softmax

    monkeypatch.setattr(softmax, "_PART", 1024)  # small problems have several splits, too
    return softmax


def rows(n, k, dtype, device, seed=0, scale=4.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(n, k, generator=generator)).to(device, dtype)


@pytest.mark.parametrize("dtype", list(BITS), ids=str)
@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 7), (2, 5000), (5, 2049)])
@pytest.mark.parametrize("temperature", [0.7])
def test_forward_and_backward_are_those_of_float64(kernels, n, k, temperature, dtype, device):
    z, v = rows(n, k, dtype, device), rows(n, k, dtype, device, seed=1)
    p = kernels.forward_rows(z, temperature)
    exact = torch.softmax(z.double() / temperature, -1)
    least = {torch.float16: 6e-8}.get(dtype, 1e-38)  # of subnormal numbers less is known
    torch.testing.assert_close(p.double(), exact, rtol=2 * BITS[dtype] + 4e-6, atol=least)
    q, w = p.double(), v.double()
    exact = q * (w - (q * w).sum(-1, keepdim=True) / q.sum(-1, keepdim=True)) / temperature
    unit = exact.abs().max().item()
    got = kernels.backward_rows(p, v, temperature).double()
    # the mean of v is that of a p that 16 bits have rounded: its sum is not quite 1
    torch.testing.assert_close(got, exact, rtol=2 * BITS[dtype], atol=8 * BITS[dtype] * unit)


def test_plans_cover_every_number_once(kernels):
    for n, k, most in [(1, 262144, 32768), (8192, 131072, 32768), (7, 5000, 32768), (300, 3, 8)]:
        plan = kernels.Plan.of(n, k, most, 2)
        seen = {}
        if plan.splits == 1:
            assert plan.block >= k
            assert plan.programs == n
            continue
        measured = set()
        for number in range(plan.programs):
            row, split, second = place(number, n, plan.splits, plan.group)
            if row < n:
                seen[row, split, second] = seen.get((row, split, second), 0) + 1
                if second:  # whoever it waits for has started
                    assert {(row, other) for other in range(plan.splits)} <= measured
                else:
                    measured.add((row, split))
            if number > 20_000:
                break
        else:
            assert len(seen) == 2 * n * plan.splits
        assert set(seen.values()) == {1}


def place(number, n, splits, group):
    """The reference: groups' phases in turns."""
    groups = -(-n // group)
    order = [(0, False)]
    for g in range(1, groups):
        order += [(g, False), (g - 1, True)]
    order.append((groups - 1, True))
    which, second = order[number // (group * splits)]
    inside = number % (group * splits)
    return which * group + inside // splits, inside % splits, second


@pytest.mark.parametrize("k", [3, 5000])
def test_edge_values(kernels, k, device):
    z = torch.zeros(6, k, device=device)
    z[0, 1:] = -INF
    z[1, 0] = INF
    z[2, :] = -INF
    z[3, 2] = NAN
    z[4, : k - 1] = -INF
    z[5] += 1e30
    p = kernels.forward_rows(z, 1.0)
    assert p[0, 0] == 1
    assert p[0, 1:].eq(0).all()
    assert p[1:4].isnan().all()
    assert p[4, k - 1] == 1
    torch.testing.assert_close(p[5], torch.full_like(p[5], 1 / k))


@pytest.mark.parametrize("k", [3, 5000])
def test_the_gradient_of_a_clear_winner_does_not_vanish(kernels, k, device):
    z = torch.full((1, k), -60.0, device=device)
    z[0, 0], z[0, k - 1] = 0.0, -20.0
    v = torch.full((1, k), 3.0, device=device)
    v[0, 0] = 4.0
    grad = kernels.backward_rows(kernels.forward_rows(z, 1.0), v, 1.0)
    torch.testing.assert_close(grad[0, 0].item(), 2.0611537e-09, rtol=1e-5, atol=0)
    torch.testing.assert_close(grad[0, k - 1].item(), -2.0611537e-09, rtol=1e-5, atol=0)


def test_autograd_and_dispatch(kernels, device, monkeypatch):
    from luce.nn import functional, gpu

    x = rows(4, 30, torch.float32, device).reshape(2, 2, 30).movedim(-1, 1)
    v = rows(4, 30, torch.float32, device, seed=2).reshape(2, 30, 2)
    results = []
    for takes in (True, False):
        monkeypatch.setattr(gpu, "takes", lambda *_, takes=takes: takes)
        z = x.clone().requires_grad_()
        p = functional.softmax(z, 1, temperature=0.5)
        (slope,) = torch.autograd.grad((p * v).sum(), z, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum(), z)
        results.append((p, slope, second))
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_many_gradients_may_come_at_once(kernels, device):
    z = rows(2, 5, torch.float32, device).requires_grad_()
    p = kernels.softmax(z)
    slopes = rows(6, 5, torch.float32, device, seed=2).reshape(3, 2, 5)
    together = torch.autograd.grad(p, z, slopes, is_grads_batched=True, retain_graph=True)[0]
    for got, slope in zip(together, slopes, strict=True):
        torch.testing.assert_close(got, torch.autograd.grad(p, z, slope, retain_graph=True)[0])


def test_nothing_is_nothing(kernels, device):
    for shape in ((0, 5), (3, 0)):
        z = torch.zeros(shape, device=device)
        assert kernels.forward_rows(z, 1.0).shape == shape
        assert kernels.backward_rows(z, z, 1.0).shape == shape

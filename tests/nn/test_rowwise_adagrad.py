from copy import deepcopy

import pytest
import torch

from luce.errors import ParameterError
from luce.nn import RowwiseAdagrad

pytestmark = pytest.mark.once


def gradients(sparse):
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        rows = torch.randint(6, (4,), generator=generator)  # some twice
        values = torch.randn(4, 3, generator=generator, dtype=torch.float64)
        grad = torch.sparse_coo_tensor(rows[None], values, (6, 3), check_invariants=True)
        yield grad if sparse else grad.to_dense()


@pytest.mark.parametrize("sparse", [True, False])
def test_steps_are_the_formula(sparse):
    w = torch.nn.Parameter(torch.ones(6, 3, dtype=torch.float64))
    optimizer = RowwiseAdagrad([w], lr=0.3, eps=1e-3)
    expected, total = torch.ones(6, 3, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    for w.grad in gradients(sparse):
        optimizer.step()
        g = w.grad.to_dense()
        for i in range(6):
            total[i] += (g[i] ** 2).sum() / 3
            expected[i] -= 0.3 / (total[i] ** 0.5 + 1e-3) * g[i]
        torch.testing.assert_close(w.detach(), expected)


def test_rows_of_one_number_have_the_steps_of_adagrad():
    one, two = (torch.nn.Parameter(torch.ones(6)) for _ in range(2))
    optimizers = RowwiseAdagrad([one], lr=0.3), torch.optim.Adagrad([two], lr=0.3)
    for grad in gradients(False):
        one.grad, two.grad = grad[:, 0].float(), grad[:, 0].float()
        for optimizer in optimizers:
            optimizer.step()
        torch.testing.assert_close(one, two)


def test_rows_without_gradient_stay_and_a_sum_of_zero_is_no_fault():
    w = torch.nn.Parameter(torch.ones(6, 3))
    optimizer = RowwiseAdagrad([w])
    w.grad = torch.sparse_coo_tensor([[2]], torch.zeros(1, 3), (6, 3), check_invariants=True)
    optimizer.step()
    assert torch.equal(w.detach(), torch.ones(6, 3))


def test_state_is_kept_and_schedules_work():
    w, v = (torch.nn.Parameter(torch.ones(6, 3, dtype=torch.float64)) for _ in range(2))
    one = RowwiseAdagrad([w], lr=0.3)
    half = torch.optim.lr_scheduler.StepLR(one, 1, gamma=0.5)
    first, second, *_ = gradients(True)
    w.grad = first
    one.step()
    half.step()
    two = RowwiseAdagrad([v], lr=1.0)
    v.data.copy_(w.data)
    two.load_state_dict(deepcopy(one.state_dict()))
    assert two.param_groups[0]["lr"] == 0.15
    w.grad, v.grad = second, second
    one.step()
    two.step()
    assert torch.equal(w, v)


def test_a_closure_computes_the_loss():
    w = torch.nn.Parameter(torch.ones(2))

    def loss():
        w.grad = None
        value = (w**2).sum()
        value.backward()
        return value

    assert RowwiseAdagrad([w], lr=0.5).step(loss).item() == 2
    torch.testing.assert_close(w.detach(), torch.full((2,), 0.5))


def test_bad_options():
    with pytest.raises(ParameterError, match="lr must be above 0"):
        RowwiseAdagrad([torch.nn.Parameter(torch.ones(2))], lr=0)

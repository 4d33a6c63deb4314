"""What holds for every function and loss: derivatives of any order, transforms, compilation."""

import warnings

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from luce.nn import functional

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]

N, K = 3, 5
rng = torch.Generator().manual_seed(4)
X = torch.randn(N, K, dtype=torch.float64, generator=rng)
V = torch.randn(N, K, dtype=torch.float64, generator=rng)
Q = torch.softmax(V, -1)
Y = torch.tensor([0, 4, 2])
MASK = torch.tensor([True, False, True, True, True])
ALPHAS = torch.tensor([[1.2], [1.5], [2.4]], dtype=torch.float64)
SAME = Y[:, None] == torch.arange(K)

ROWS = {  # each row by itself: they may be mapped over
    "softmax": lambda x: functional.softmax(x, temperature=0.7),
    "softmax, masked": lambda x: functional.softmax(x, where=MASK, empty="zero"),
    "logsumexp": lambda x: functional.logsumexp(x, temperature=2.0),
    "sparsemax": lambda x: functional.sparsemax(x, temperature=0.8),
    "entmax": functional.entmax,
    "entmax 1.3": lambda x: functional.entmax(x, 1.3, where=MASK),
    "entmax 3": lambda x: functional.entmax(x, 3.0),
    "entmax of a tensor": lambda x: functional.entmax(x, ALPHAS[0, 0]),
}
LOSSES = {
    "cross_entropy": lambda x: functional.cross_entropy(x, Y, label_smoothing=0.1, z_loss=0.1),
    "cross_entropy of rows": lambda x: functional.cross_entropy(x, Y, reduction="none"),
    "linear_cross_entropy": lambda x: functional.linear_cross_entropy(x, V, Y % 3, V[:, 0]),
    "linear_cross_entropy of rows": lambda x: functional.linear_cross_entropy(
        x, V, Y % 3, reduction="none"
    ),
    "linear_cross_entropy of one matrix": lambda x: functional.linear_cross_entropy(x, x, Y % 3),
    "linear_cross_entropy of tied weights": lambda x: functional.linear_cross_entropy(
        torch.tanh(x @ V.T @ x), x, Y % 3, x[:, 0]
    ),
    "kl_divergence": lambda x: functional.kl_divergence(x, Q, temperature=1.5),
    "distillation": lambda x: functional.distillation(x, V, Y, temperature=2.0, alpha=0.3),
    "arcface": lambda x: functional.arcface(torch.tanh(x), Y, scale=8.0, ignore_index=2),
    "cosface": lambda x: functional.cosface(torch.tanh(x), Y, scale=8.0, weight=Q[0]),
    "info_nce": lambda x: functional.info_nce(x, temperature=0.5),
    "contrastive": lambda x: functional.contrastive(x.square(), SAME, margin=0.6),
    "sparsemax_loss": lambda x: functional.sparsemax_loss(x, Y, weight=Q[0]),
    "entmax_loss": lambda x: functional.entmax_loss(x, Y, label_smoothing=0.1, softcap=2.0),
    "entmax_loss 1.3": lambda x: functional.entmax_loss(x, Q, alpha=1.3, reduction="none"),
    "entmax_loss 1": lambda x: functional.entmax_loss(x, Q, alpha=1.0),
}
OTHERS = {
    "softmax of columns": lambda x: functional.softmax(x, 0),
    "entmax of columns": lambda x: functional.entmax(x, dim=0),
    "entmax of many alphas": lambda x: functional.entmax(x, ALPHAS),
    "entmax in alpha": lambda x: functional.entmax(V, 1.2 + x[:1, :1].square()),
    "entmax in alphas": lambda x: functional.entmax(V, 1.2 + x[:, :1].square()),
    "kl_divergence in its target": lambda x: functional.kl_divergence(V, torch.softmax(x, -1)),
    "distillation in its teacher": lambda x: functional.distillation(V, x, temperature=2.0),
}
ALL = {**ROWS, **LOSSES, **OTHERS}


@pytest.mark.parametrize("name", ALL)
def test_derivatives_are_those_of_differences(name):
    x = X.clone().requires_grad_()
    assert gradcheck(ALL[name], x)
    assert gradgradcheck(ALL[name], x)


def square(result):
    return (result * result).sum()


@pytest.mark.parametrize("name", ALL)
def test_gradients_that_are_to_be_differentiated_are_the_same(name):
    x = X.clone().requires_grad_()
    loss = square(ALL[name](x))
    (again,) = torch.autograd.grad(loss, x, create_graph=True)
    torch.testing.assert_close(again, torch.autograd.grad(loss, x)[0])


@pytest.mark.parametrize("name", ALL)
def test_transforms_give_what_eager_code_gives(name):
    function = ALL[name]
    x = X.clone().requires_grad_()
    (expected,) = torch.autograd.grad(square(function(x)), x)
    torch.testing.assert_close(torch.func.grad(lambda x: square(function(x)))(X), expected)
    value, change = torch.func.jvp(lambda x: square(function(x)), (X,), (V,))
    torch.testing.assert_close(value, square(function(X)))
    torch.testing.assert_close(change, (expected * V).sum())


@pytest.mark.parametrize("name", ROWS)
def test_rows_can_be_mapped_over(name):
    function = ROWS[name]
    torch.testing.assert_close(torch.func.vmap(function)(X), function(X))
    by_row = torch.func.vmap(torch.func.grad(lambda x: square(function(x))))(X)
    torch.testing.assert_close(by_row, torch.func.grad(lambda x: square(function(x)))(X))


@pytest.mark.parametrize("name", ALL)
def test_many_gradients_of_the_result_may_come_at_once(name):
    function = ALL[name]
    several = torch.autograd.functional.jacobian(function, X, vectorize=True)
    torch.testing.assert_close(several, torch.autograd.functional.jacobian(function, X))


def traced_and_not(function, given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(function, X, check_trace=False)
    return traced(given), function(given)


@pytest.mark.parametrize("name", ALL)
def test_a_trace_computes_what_the_function_does(name):
    torch.testing.assert_close(*traced_and_not(ALL[name], V))


# Bisection takes the compiler seconds each time; once is enough for all but the longer sweep.
BISECTED = ["1.3", "3", "of a tensor", "of many alphas", "in alpha"]
COMPILED = [
    pytest.param(name, marks=[pytest.mark.slow] if name[7:] in BISECTED else []) for name in ALL
]


@pytest.mark.parametrize("name", COMPILED)
def test_they_compile_without_a_break(name):
    function = ALL[name]
    x = X.clone().requires_grad_()
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    result, expected = compiled(x), function(x)
    torch.testing.assert_close(result, expected)
    grads = [torch.autograd.grad(square(one), x)[0] for one in (result, expected)]
    torch.testing.assert_close(*grads)
    torch._dynamo.reset()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ROWS)
def test_sixteen_bits_are_computed_in_float32(name, dtype):
    x = X.to(dtype)
    assert torch.equal(ROWS[name](x), ROWS[name](x.float()).to(dtype))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", [name for name in LOSSES if "linear" not in name])
def test_losses_of_sixteen_bits_are_float32(name, dtype):  # the weights of linear ones are float64
    x = (X if "face" not in name else 0.3 * X).to(dtype)
    assert LOSSES[name](x).dtype == torch.float32

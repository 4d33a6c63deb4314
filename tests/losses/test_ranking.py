import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import row_losses

import luce
from luce.errors import DataError, DtypeError, LabelError, ParameterError, ShapeError
from luce.losses import label_ranking, label_ranking_grad

RANKED = ("N(0,1) around 1e8", "introduction", "neighbours of 1", "rising", "subnormal logits",
          "confident by 40", "N(0,10) of 100", "results below the subnormal")  # fmt: skip


def ranking_problem(dtype="float64", *, n=30, k=7, spread=4.0):
    z, *_ = reference.problem(dtype, n=n, k=k, spread=spread)
    return z, np.random.default_rng(5).random((n, k)) < 0.4


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", RANKED)
def test_label_ranking_keeps_its_promise(name, dtype):
    row = reference.hard_rows(dtype)[name]
    for relevant in (row == row.max(), np.arange(len(row)) % 7 == 1):
        exact = row_losses.label_ranking(row, relevant)
        loss, grad = label_ranking_grad(row, relevant, reduction="sum")
        assert loss == label_ranking(row, relevant, reduction="sum")
        bound = reference.promised(label_ranking, dtype)
        reference.assert_within(bound, loss, [exact.loss], dtype)
        bound = reference.promised(label_ranking_grad, dtype, of="gradient")
        reference.assert_within(bound, grad, exact.grad, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_reductions_of_label_ranking_keep_the_promise(dtype):
    z, relevant = ranking_problem(dtype, spread=9)
    relevant[0], relevant[1] = False, True
    rows = [row_losses.label_ranking(r, f) for r, f in zip(z, relevant, strict=True)]
    ranked = np.count_nonzero(relevant.any(axis=1) & ~relevant.all(axis=1))
    for reduction, divisor in (("none", 1), ("sum", 1), ("mean", int(ranked))):
        loss, grad = label_ranking_grad(z, relevant, reduction=reduction)
        bound = reference.promised(label_ranking, dtype)
        exact = [one.loss / divisor for one in rows]
        if reduction != "none":
            exact, bound = [sum(exact)], 2 * bound
        reference.assert_within(bound, loss, exact, dtype)
        bound = reference.promised(label_ranking_grad, dtype, of="gradient")
        reference.assert_within(bound, grad, [g / divisor for r in rows for g in r.grad], dtype)
    assert_array_equal(grad[:2], 0)


def test_a_long_row_keeps_its_promise_and_is_taken_in_parts():
    """300 x 700 pairs of few distinct ones, so that the reference need not visit all."""
    few = np.array([0.3, -2.0, 7.1, 1.5])
    z, relevant = (
        np.repeat(few, [100, 200, 300, 400]),
        np.repeat([1, 1, 0, 0], [100, 200, 300, 400]),
    )
    exact = sum(
        n * m * row_losses.label_ranking([few[i], few[j]], [1, 0]).loss / (300 * 700)
        for i, n in ((0, 100), (1, 200))
        for j, m in ((2, 300), (3, 400))
    )
    bound = reference.promised(label_ranking, "float64")
    reference.assert_within(bound, label_ranking(z, relevant), [exact], "float64")


def test_threads_and_other_rows_do_not_show_in_long_rows():
    """More pairs than are worked on at a time, for which threads are started."""
    rng = np.random.default_rng(2)
    z, relevant = rng.normal(0, 1e3, (3, 2500)), rng.random((3, 2500)) < [[0.5], [0.01], [0.9]]
    z[2, :2] = np.inf, np.nan
    before = luce.get_num_threads()
    try:
        luce.set_num_threads(2)
        both = label_ranking_grad(z, relevant, reduction="none")
        luce.set_num_threads(1)
        for i, (row, flags) in enumerate(zip(z, relevant, strict=True)):
            alone = label_ranking_grad(row, flags, reduction="none")
            assert_array_equal(alone.loss, both.loss[i])
            assert_array_equal(alone.grad, both.grad[i])
    finally:
        luce.set_num_threads(before)


def test_one_relevant_class_of_two_is_the_binary_cross_entropy():
    z, _ = ranking_problem(k=2)
    got = label_ranking_grad(z, np.tile([True, False], (len(z), 1)), reduction="none")
    assert_allclose(got.loss, np.log1p(np.exp(z[:, 1] - z[:, 0])), rtol=1e-12)
    assert_allclose(got.grad[:, 1], 1 / (1 + np.exp(z[:, 0] - z[:, 1])), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_equals_torchs_softplus_over_all_pairs(reduction):
    torch = pytest.importorskip("torch")
    z, relevant = ranking_problem()
    relevant[:, 0], relevant[:, 1] = True, False
    theirs = torch.tensor(z, requires_grad=True)
    flags = torch.tensor(relevant)
    pairs = torch.nn.functional.softplus(theirs[:, None, :] - theirs[:, :, None], threshold=1e3)
    mask = flags[:, :, None] & ~flags[:, None, :]
    rows = (pairs * mask).sum((1, 2)) / mask.sum((1, 2))
    expected = {"none": rows, "sum": rows.sum(), "mean": rows.mean()}[reduction]
    expected.sum().backward()
    loss, grad = label_ranking_grad(z, relevant, reduction=reduction)
    assert_allclose(loss, expected.detach().numpy(), rtol=1e-13)
    assert_allclose(grad, theirs.grad.numpy(), rtol=1e-11)


@given(reference.tables(), st.data())
def test_label_ranking_knows_no_offset_and_its_gradient_sums_to_zero(table, data):
    table = table.round()
    k = table.shape[1]
    row = st.lists(st.booleans(), min_size=k, max_size=k)
    relevant = np.array([data.draw(row) for _ in table])
    still = label_ranking_grad(table, relevant, reduction="sum")
    moved = label_ranking_grad(table + 2.0**40, relevant, reduction="sum")
    assert_array_equal(still.loss, moved.loss)
    assert_array_equal(still.grad, moved.grad)
    assert_allclose(still.grad.sum(axis=1), 0, atol=1e-14)
    turned = label_ranking_grad(-table, ~relevant, reduction="sum")
    assert_allclose(turned.loss, still.loss, rtol=1e-14)
    assert_allclose(turned.grad, -still.grad, rtol=1e-13)


def test_the_gradient_of_label_ranking_is_that_of_finite_differences():
    z, relevant = ranking_problem(n=4, k=4, spread=1.5)
    grad, step = label_ranking_grad(z, relevant).grad, 1e-6
    for place in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[place] = step
        rise = label_ranking(z + nudge, relevant) - label_ranking(z - nudge, relevant)
        assert_allclose(rise / (2 * step), grad[place], atol=1e-8)


def test_a_ranked_row_has_the_same_bits_alone_in_a_batch_and_along_any_axis():
    z, relevant = ranking_problem(n=60, k=150)
    relevant[7] = np.arange(150) < 75
    batch = label_ranking_grad(z, relevant, reduction="none")
    for i in range(0, 60, 7):
        alone = label_ranking_grad(z[i], relevant[i])
        assert alone.loss == batch.loss[i]
        assert_array_equal(alone.grad, batch.grad[i])
    turned = label_ranking_grad(
        np.asfortranarray(z).T, relevant.T.astype(int), axis=0, reduction="none"
    )
    assert_array_equal(turned.loss, batch.loss)
    assert_array_equal(turned.grad.T, batch.grad)


def test_infinities_and_nan_in_a_ranking():
    def at(*row):
        return label_ranking_grad(row, [1, 0, 0])

    plain = label_ranking([1.0, 2.0], [1, 0])
    assert_allclose(at(1.0, 2.0, -np.inf).loss, plain / 2, rtol=1e-15)
    assert at(1.0, 2.0, -np.inf).grad[2] == 0
    assert at(-np.inf, 2.0, -np.inf).loss == np.inf
    assert_array_equal(at(-np.inf, 2.0, -np.inf).grad, [-0.5, 0.5, 0])
    assert at(-np.inf, -np.inf, -np.inf).loss == 0
    assert at(np.inf, 2.0, 3.0).loss == 0
    assert at(0.0, np.inf, 3.0).loss == np.inf
    assert np.isnan(at(np.inf, np.inf, 3.0).loss)
    assert np.isnan(at(np.nan, 0.0, 3.0).loss)
    assert np.isnan(at(0.0, np.nan, 3.0).loss)
    assert label_ranking([np.nan, 1], [1, 1], reduction="sum") == 0


def test_rows_without_a_pair():
    z = np.array([[1.0, 2.0], [np.nan, np.inf], [0.0, 0.0]])
    relevant = [[1, 0], [1, 1], [0, 0]]
    loss, grad = label_ranking_grad(z, relevant)
    assert loss == label_ranking(z[:1], relevant[:1])
    assert_array_equal(grad[1:], 0)
    for empty, expected in (("nan", np.nan), ("zero", 0)):
        got = label_ranking_grad(z[1:], relevant[1:], empty=empty)
        assert_array_equal(got.loss, expected)
        assert_array_equal(got.grad, 0)
    with pytest.raises(DataError, match="a mean needs at least one row"):
        label_ranking(z[1:], relevant[1:], empty="raise")
    assert label_ranking_grad(np.empty((0, 3)), np.empty((0, 3), bool)).grad.shape == (0, 3)
    assert label_ranking(z, relevant, normalizer=10) == label_ranking(z[:1], relevant[:1]) / 10


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_types_of_a_ranking(dtype):
    loss, grad = label_ranking_grad(np.array([[-100, 100]], dtype), [[1, 0]])
    assert loss == 200
    assert grad.dtype == (np.float64 if dtype == np.int8 else dtype)
    assert_array_equal(grad, [[-1, 1]])


# Bad arguments.

ONE = [[1.0, 2.0]]
BAD = [
    (ONE, [[1, 2]], {}, LabelError, "got 2.0 at row (0, 1) (entries at fault: 1)"),
    (ONE, [[1, np.nan]], {}, LabelError, "relevant must hold booleans, or 0 and 1"),
    (ONE, [1, 0], {}, ShapeError, "relevant must have one flag for each number"),
    (ONE, [["a", "b"]], {}, DtypeError, "relevant must be float32"),
    (ONE, [[1, 0]], {"reduction": "all"}, ParameterError, "reduction must be"),
    (1.0, True, {}, ShapeError, "logits must have an axis"),
]


@pytest.mark.parametrize(("x", "flags", "options", "error", "message"), BAD)
def test_bad_arguments(x, flags, options, error, message):
    for one in (label_ranking, label_ranking_grad):
        with pytest.raises(error) as raised:
            one(x, flags, **options)
        assert message in str(raised.value)

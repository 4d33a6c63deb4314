import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import row_losses

from luce.errors import DataError, LabelError, ParameterError, ShapeError
from luce.losses import multiclass_hinge, multiclass_hinge_grad

pytestmark = pytest.mark.once

KINDS = ("crammer-singer", "weston-watkins")
POWERS = (1, 2)
NAMES = sorted(
    name for name in reference.hard_rows("float64") if "4097" not in name and "range" not in name
)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", POWERS)
def test_loss_and_gradient_keep_their_promise(kind, power, dtype):
    for name in NAMES[:: 2 - power % 2]:
        row = reference.hard_rows(dtype)[name]
        row = row[np.isfinite(row)]
        with np.errstate(over="ignore"):
            if not np.isfinite((4 * row.astype(dtype)) ** power * len(row)).all():
                continue
        for y in {int(row.argmax()), len(row) // 2}:
            options = {"margin": 0.3, "kind": kind, "power": power}
            exact = row_losses.hinge(row, y, **options)
            loss, grad = multiclass_hinge_grad(row, y, **options)
            bound = reference.promised(multiclass_hinge, dtype)
            reference.assert_within(bound, loss, [exact.loss], dtype)
            bound = reference.promised(multiclass_hinge_grad, dtype, of="gradient")
            reference.assert_within(bound, grad, exact.grad, dtype)


def test_a_small_violation_keeps_its_digits():
    z = [1e16, 1e16 - 2.0, 1.0 + 2**-52]
    assert multiclass_hinge(z, 0, margin=3.0) == 1.0
    assert multiclass_hinge([1.0, 2**-60], 0) == 2**-60


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", POWERS)
def test_weights_and_reductions_keep_the_promise(kind, power, dtype):
    z, y, _, w = reference.problem(dtype, n=40, k=6)
    y[::7] = -5
    rows = [row_losses.hinge(r, c, kind=kind, power=power) for r, c in zip(z, y, strict=True)]
    kept = y >= 0
    factors = [reference.functions.mpf(float(w[c])) if c >= 0 else 0 for c in y]
    total = sum(factors)
    options = {"kind": kind, "power": power, "weight": w, "ignore_index": -5}
    for reduction, divisor in (("none", 1), ("sum", 1), ("mean", total)):
        loss, grad = multiclass_hinge_grad(z, y, **options, reduction=reduction)
        assert_array_equal(loss, multiclass_hinge(z, y, **options, reduction=reduction))
        bound = reference.promised(multiclass_hinge, dtype)
        exact = [f * one.loss / divisor for f, one in zip(factors, rows, strict=True)]
        if reduction != "none":
            exact, bound = [sum(exact)], 2 * bound
        reference.assert_within(bound, loss, exact, dtype)
        bound = reference.promised(multiclass_hinge_grad, dtype, of="gradient")
        exact = [f * g / divisor for f, one in zip(factors, rows, strict=True) for g in one.grad]
        reference.assert_within(bound, grad, exact, dtype)
    assert_array_equal(grad[~kept], 0)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("weighted", [False, True])
def test_weston_watkins_is_torchs_loss_times_the_classes(weighted, power, reduction):
    torch = pytest.importorskip("torch")
    z, y, _, w = reference.problem(n=30, k=6)
    theirs = torch.tensor(z, requires_grad=True)
    expected = torch.nn.functional.multi_margin_loss(
        theirs,
        torch.tensor(y),
        p=power,
        margin=0.7,
        weight=torch.tensor(w) if weighted else None,
        reduction=reduction,
    )
    expected.sum().backward()
    loss, grad = multiclass_hinge_grad(
        z,
        y,
        margin=0.7,
        kind="weston-watkins",
        power=power,
        weight=w if weighted else None,
        reduction=reduction,
        normalizer=len(y) if reduction == "mean" else None,
    )
    assert_allclose(loss / 6, expected.detach().numpy(), rtol=1e-13)
    assert_allclose(grad / 6, theirs.grad.numpy(), rtol=1e-13)


def test_equals_scikit_learns_hinge_loss():
    from sklearn.metrics import hinge_loss

    z, y, _, _ = reference.problem(n=30, k=6)
    assert_allclose(multiclass_hinge(z, y), hinge_loss(y, z, labels=range(6)), rtol=1e-14)


# Laws.


@given(reference.tables(), st.sampled_from(KINDS), st.sampled_from(POWERS), st.data())
def test_the_gradient_sums_to_zero_and_a_constant_changes_nothing(table, kind, power, data):
    table = table.round()
    y = np.array([data.draw(st.integers(0, table.shape[1] - 1)) for _ in table])
    still = multiclass_hinge_grad(table, y, kind=kind, power=power)
    moved = multiclass_hinge_grad(table + 2.0**40, y, kind=kind, power=power)
    assert_array_equal(still.loss, moved.loss)
    assert_array_equal(still.grad, moved.grad)
    assert_allclose(still.grad.sum(axis=1), 0, atol=1e-12)


@given(reference.tables(), st.sampled_from(POWERS), st.data())
def test_the_strongest_rival_costs_no_more_than_all(table, power, data):
    y = np.array([data.draw(st.integers(0, table.shape[1] - 1)) for _ in table])
    one, all_of_them = (
        multiclass_hinge(table, y, kind=kind, power=power, reduction="none") for kind in KINDS
    )
    assert (one <= all_of_them * (1 + 1e-15)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", POWERS)
def test_the_gradient_is_that_of_finite_differences(kind, power):
    z, y, _, w = reference.problem(n=4, k=3, spread=1.5)
    options = {"kind": kind, "power": power, "weight": w}
    grad, step = multiclass_hinge_grad(z, y, **options).grad, 1e-6
    for place in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[place] = step
        rise = multiclass_hinge(z + nudge, y, **options) - multiclass_hinge(z - nudge, y, **options)
        assert_allclose(rise / (2 * step), grad[place], atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_same_bits_alone_in_a_batch_and_along_any_axis(kind):
    z, y, _, _ = reference.problem(n=200, k=700)
    batch = multiclass_hinge_grad(z, y, kind=kind, reduction="none")
    for i in range(0, 200, 29):
        alone = multiclass_hinge_grad(z[i], y[i], kind=kind)
        assert alone.loss == batch.loss[i]
        assert_array_equal(alone.grad, batch.grad[i])
    turned = multiclass_hinge_grad(np.asfortranarray(z).T, y, kind=kind, axis=0, reduction="none")
    assert_array_equal(turned.loss, batch.loss)
    assert_array_equal(turned.grad.T, batch.grad)


def test_ties_push_the_first_and_a_class_at_the_margin_is_left_alone():
    grad = multiclass_hinge_grad([0.0, 1.0, 1.0], 0).grad
    assert_array_equal(grad, [-1, 1, 0])
    for kind in KINDS:
        for power in POWERS:
            loss, grad = multiclass_hinge_grad([2.0, 1.0, 0.0], 0, kind=kind, power=power)
            assert loss == 0
            assert_array_equal(grad, 0)


# Edge values.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", POWERS)
def test_infinities_and_nan(kind, power):
    def at(*row):
        return multiclass_hinge_grad(row, 0, kind=kind, power=power)

    assert at(2.0, 1.5, -np.inf).loss == 0.5**power
    assert_array_equal(at(2.0, 0.0, -np.inf).grad, 0)
    impossible = at(-np.inf, 0.0, -np.inf)
    assert impossible.loss == np.inf
    assert_array_equal(impossible.grad, [-1, 1, 0] if power == 1 else [-np.inf, np.inf, 0])
    for row in ([np.nan, 0], [0, np.nan, 1], [np.inf, 0], [0, np.inf], [-np.inf, -np.inf]):
        got = at(*row)
        assert np.isnan(got.loss)
        assert_array_equal(got.grad, np.nan)
    assert at(3.0).loss == 0
    assert_array_equal(at(3.0).grad, 0)


def test_ignored_rows_and_rows_of_weight_zero_may_hold_anything():
    for bad in (np.nan, np.inf, -np.inf):
        z = [[1.0, 2.0], [bad, bad]]
        for options in ({"ignore_index": 1}, {"weight": [1, 0]}):
            loss, grad = multiclass_hinge_grad(z, [0, 1], **options)
            assert loss == 2.0
            assert_array_equal(grad[1], 0)


def test_nothing_to_average():
    z, y = np.zeros((2, 3)), [-1, -1]
    assert np.isnan(multiclass_hinge(z, y, ignore_index=-1))
    assert multiclass_hinge(z, y, ignore_index=-1, empty="zero") == 0
    assert multiclass_hinge(z, y, ignore_index=-1, reduction="sum") == 0
    assert_array_equal(multiclass_hinge_grad(z, y, ignore_index=-1).grad, 0)
    with pytest.raises(DataError, match="a mean needs at least one row"):
        multiclass_hinge(z, y, ignore_index=-1, empty="raise")
    assert multiclass_hinge(np.empty((0, 3)), np.empty(0, int), reduction="none").shape == (0,)
    assert multiclass_hinge_grad(np.empty((0, 3)), np.empty(0, int)).grad.shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, ">f4"])
def test_types(dtype):
    z = np.array([[-128, 127], [3, 1]]).astype(dtype)
    loss, grad = multiclass_hinge_grad(z, [0, 0], reduction="none")
    assert_array_equal(loss, [256, 0])
    assert loss.dtype == np.float64
    assert grad.dtype == (np.float64 if dtype == np.int8 else np.dtype(dtype).newbyteorder("="))


BAD = [
    ({"margin": -1}, ParameterError, "margin must be finite and at least 0, got -1"),
    ({"margin": np.inf}, ParameterError, "margin must be finite and at least 0, got inf"),
    ({"kind": "weston"}, ParameterError, "kind must be one of 'crammer-singer'"),
    ({"power": 3}, ParameterError, "power must be 1 or 2, got 3"),
    ({"power": True}, ParameterError, "power must be 1 or 2, got True"),
    ({"power": "2"}, ParameterError, "power must be 1 or 2, got '2'"),
    ({"weight": [1.0]}, ShapeError, "weight must hold one number for each of the 2 classes"),
    ({"ignore_index": 1.5}, ParameterError, "ignore_index must be an integer or None"),
    ({"reduction": "men"}, ParameterError, "Did you mean 'mean'?"),
    ({"axis": (0, 1)}, ParameterError, "axis must be"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
@pytest.mark.parametrize("function", [multiclass_hinge, multiclass_hinge_grad])
def test_bad_arguments(function, options, error, message):
    with pytest.raises(error) as raised:
        function([[1.0, 2.0]], [0], **options)
    assert message in str(raised.value)
    with pytest.raises(LabelError, match="got 2 at row 0"):
        function([[1.0, 2.0]], [2])

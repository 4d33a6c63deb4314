"""What a loss makes of infinities, NaN, empty batches and arguments that cannot be used."""

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal

from luce.errors import DtypeError, LabelError, ParameterError, ShapeError
from luce.losses import cross_entropy, cross_entropy_grad


@pytest.mark.parametrize("soft", [False, True])
def test_nothing_to_average(soft):
    z, y = np.empty((0, 3)), np.empty((0, 3)) if soft else np.empty(0, int)
    assert np.isnan(cross_entropy(z, y))
    assert cross_entropy(z, y, reduction="sum") == 0
    assert cross_entropy(z, y, reduction="none").shape == (0,)
    assert cross_entropy_grad(z, y).grad.shape == (0, 3)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"weight": [1, 2]}])
def test_all_rows_ignored(options):
    z, y = [[1.0, 2.0], [np.nan, np.inf]], [-1, -1]
    loss, grad = cross_entropy_grad(z, y, ignore_index=-1, **options)
    assert np.isnan(loss)
    assert_array_equal(grad, 0)
    assert cross_entropy(z, y, ignore_index=-1, reduction="sum", **options) == 0


def test_only_labels_of_weight_zero():
    for smoothing in (0, 0.1):
        options = {"weight": [0, 1], "label_smoothing": smoothing}
        loss, grad = cross_entropy_grad([[1.0, 2.0]], [0], **options)
        assert np.isnan(loss)
        assert_array_equal(grad, 0)


def test_ignored_rows_may_hold_anything():
    for bad in (np.nan, np.inf, -np.inf):
        z = [[1.0, 2.0], [bad, bad]]
        for reduction in ("sum", "mean"):
            loss, grad = cross_entropy_grad(z, [0, 9], ignore_index=9, reduction=reduction)
            assert loss == cross_entropy(z[0], 0)
            assert_array_equal(grad[1], 0)


@pytest.mark.parametrize("k", [4, 40, 400])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_reaches_the_gradient_of_classes_without_probability(k, dtype):
    z = np.full((1, k), -745.0, dtype)
    z[0, :2] = 2, np.nan
    for target in ([0], np.full((1, k), 1 / k)):
        assert np.isnan(cross_entropy_grad(z, target).grad).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_row(bad, smoothing):
    z = np.array([[1.0, 2.0, 3.0], [1.0, bad, 3.0]])
    for target in ([0, 0], [[1, 0, 0], [1, 0, 0]]):
        loss, grad = cross_entropy_grad(z, target, reduction="none", label_smoothing=smoothing)
        assert_array_equal(np.isnan(loss), [False, True])
        assert_array_equal(np.isnan(grad), [[False] * 3, [True] * 3])
        assert np.isnan(cross_entropy(z, target))


def test_no_possible_class():
    for target in (0, [1, 0]):
        loss, grad = cross_entropy_grad([-np.inf, -np.inf], target)
        assert np.isnan(loss)
        assert_array_equal(grad, np.nan)


def test_probability_zero_of_an_impossible_class_costs_nothing():
    z, q = [0.0, -np.inf, 0.0], [0.5, 0.0, 0.5]
    loss, grad = cross_entropy_grad(z, q)
    assert loss == pytest.approx(np.log(2))
    assert_array_equal(grad, 0)
    assert cross_entropy(z, 0) == pytest.approx(np.log(2))


def test_an_impossible_class_that_is_asked_for_costs_infinitely_much():
    for target in (1, [0, 1, 0], [0.5, 0.5, 0]):
        loss, grad = cross_entropy_grad([0.0, -np.inf, 0.0], target)
        assert loss == np.inf
        assert np.isfinite(grad).all()
        assert abs(grad.sum()) < 1e-15


def test_smoothing_over_an_impossible_class():
    z = [0.0, -np.inf, 0.0]
    assert cross_entropy(z, 0, label_smoothing=0.1) == np.inf
    with_weight_zero = cross_entropy(z, 0, label_smoothing=0.1, weight=[1, 0, 1])
    assert with_weight_zero == pytest.approx((0.9 + 2 * 0.1 / 3) * np.log(2))
    as_rows = cross_entropy(z, [1, 0, 0], label_smoothing=0.1, weight=[1, 0, 1])
    assert as_rows == pytest.approx(with_weight_zero)


@pytest.mark.parametrize("k", [1, 2, 70_000])
def test_one_class_and_many_classes(k):
    loss, grad = cross_entropy_grad(np.zeros((1, k), np.float32), [0])
    assert loss == pytest.approx(np.log(k))
    assert grad[0, 0] == pytest.approx(1 / k - 1, rel=1e-6, abs=0)


@pytest.mark.parametrize("offset", [1e8, -1e8, 1e300])
def test_a_large_common_offset_does_not_swallow_the_loss(offset):
    assert_allclose(cross_entropy([offset, offset], 0), np.log(2), rtol=1e-15)


def test_many_rows_of_distributions_are_taken_tile_by_tile():
    z, _, q, w = reference.problem(n=3000, k=200)
    whole = cross_entropy_grad(z, q, weight=w, reduction="none")
    part = cross_entropy_grad(z[2500:], q[2500:], weight=w, reduction="none")
    assert_array_equal(whole.loss[2500:], part.loss)
    assert_array_equal(whole.grad[2500:], part.grad)


# Bad arguments: one error that names the argument, the place and the cure.

TWO = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
BAD = [
    (TWO, [0, -100], {}, LabelError, "labels must lie in 0..2 (logits have 3 classes), got -100 at"
     " row 1 (rows at fault: 1). Drop rows that have no label, or pass ignore_index=-100."),
    (TWO, [3, 1], {}, LabelError, "got 3 at row 0 (rows at fault: 1). Classes are counted from 0"),
    (TWO, [7, 9], {}, LabelError, "got 7 at row 0 (rows at fault: 2). Renumber the classes"),
    (TWO, [7, -1], {"ignore_index": -1}, LabelError, "got 7 at row 0 (rows at fault: 1)"),
    ([TWO], [[0, 5]], {}, LabelError, "got 5 at row (0, 1)"),
    (TWO[0], 5, {}, LabelError, "got 5 at the only row"),
    (TWO, np.array([0, 2**63], np.uint64), {}, LabelError, "got 9223372036854775808 at row 1"),
    (TWO, [0, 0.5], {}, LabelError, "labels must be whole numbers, got 0.5 at row 1"),
    (TWO, [0, np.nan], {}, LabelError, "labels must be whole numbers, got nan at row 1"),
    (TWO, [np.inf, 1e300], {}, LabelError, "labels must be whole numbers, got inf at row 0"),
    (TWO, ["a", "b"], {}, DtypeError, "labels must be integers, got dtype <U1"),
    (TWO, [1j, 0], {}, DtypeError, "labels must be integers, got dtype complex128"),
    (TWO, np.array([0, 1], object), {}, DtypeError, "labels must be integers, got dtype object"),
    (TWO, np.ma.array([0, 1], mask=[0, 1]), {}, DtypeError, "target must be a plain array"),
    (TWO, [[0], [1]], {}, ShapeError, "got shape (2, 1). Pass target.reshape((2,))."),
    (TWO, [0, 1, 2], {}, ShapeError, "target must hold a label for each row, shape (2,), or"),
    (TWO, 0, {}, ShapeError, "got shape ()"),
    (TWO, [[1, 0], [1, 0]], {}, ShapeError, "or a distribution for each row, shape (2, 3); got"),
    (TWO, [[0], [0, 1]], {}, ShapeError, "target must have rows of equal length"),
    (TWO, [[1, 0, 0], [0.5, -0.5, 1]], {}, LabelError, "got -0.5 at row 1, class 1"),
    (TWO, [[1, 0, 0], [np.nan, 0, 1]], {}, LabelError, "got nan at row 1, class 0"),
    (TWO, [[1, 0, 0], [0.5, 0.5, 0.5]], {}, LabelError, "got a sum of 1.5 at row 1 (rows at fault"),
    (TWO, [[1, 0, 0], [0, 0, 0]], {}, LabelError, "got a sum of 0 at row 1"),
    (TWO, [[np.inf, 0, 0], [1, 0, 0]], {}, LabelError, "got a sum of inf at row 0"),
    (TWO[0], [0.5, 0.25, 0.2], {}, LabelError, "got a sum of 0.95 at the only row"),
    (TWO, [[1, 0, 0], [1, 0, 0]], {"ignore_index": 0}, ParameterError, "ignore_index must be None"),
    (TWO, [0, 1], {"ignore_index": 0.5}, ParameterError, "ignore_index must be an integer or None"),
    (TWO, [0, 1], {"weight": [1, 2]}, ShapeError, "weight must hold one number for each of the 3"),
    (TWO, [0, 1], {"weight": 1.0}, ShapeError, "got shape ()"),
    (TWO, [0, 1], {"weight": [1, -2, -3]}, ParameterError, "got -2.0 for class 1 (classes at"),
    (TWO, [0, 1], {"weight": [1, 2, np.nan]}, ParameterError, "got nan for class 2"),
    (TWO, [0, 1], {"weight": [1, np.inf, 1]}, ParameterError, "got inf for class 1"),
    (TWO, [0, 1], {"weight": [0, 0, 0]}, ParameterError, "weight must hold a number above 0"),
    (TWO, [0, 1], {"weight": ["a", "b", "c"]}, DtypeError, "weight must be float32"),
    (TWO, [0, 1], {"label_smoothing": 1.0}, ParameterError, "label_smoothing must lie in [0, 1)"),
    (TWO, [0, 1], {"label_smoothing": -0.1}, ParameterError, "label_smoothing must lie in [0, 1)"),
    (TWO, [0, 1], {"label_smoothing": np.nan}, ParameterError, "got nan"),
    (TWO, [0, 1], {"label_smoothing": "0.1"}, ParameterError, "label_smoothing must be a number"),
    (TWO, [0, 1], {"reduction": "avg"}, ParameterError, "'none', 'sum', 'mean', got 'avg'"),
    (TWO, [0, 1], {"reduction": "men"}, ParameterError, "Did you mean 'mean'?"),
    (TWO, [0, 1], {"reduction": None}, ParameterError, "reduction must be one of"),
    (1.0, 0, {}, ShapeError, "logits must have an axis that holds the classes"),
    (np.empty((2, 0)), [0, 1], {}, ShapeError, "logits must have at least one class"),
    ([["a"]], [0], {}, DtypeError, "logits must be float32, float64, float16, bfloat16 or"),
    ([[1j]], [0], {}, DtypeError, "got dtype complex128 (shape (1, 1)). Pass logits.real"),
    (np.ones((1, 2), object), [0], {}, DtypeError, "got dtype object"),
    ([[True, False]], [0], {}, DtypeError, "got dtype bool"),
    ([[1.0], [1.0, 2.0]], [0, 0], {}, ShapeError, "logits must have rows of equal length"),
]  # fmt: skip


@pytest.mark.parametrize(("logits", "target", "options", "error", "message"), BAD)
@pytest.mark.parametrize("function", [cross_entropy, cross_entropy_grad])
def test_bad_arguments(function, logits, target, options, error, message):
    with pytest.raises(error) as raised:
        function(logits, target, **options)
    assert message in str(raised.value)
    assert str(raised.value).endswith((".", "?"))


def test_sums_within_the_tolerance_are_used_as_they_are():
    assert_allclose(cross_entropy([0.0, 0.0], [0.5, 0.4995]), 0.9995 * np.log(2), rtol=1e-15)


@pytest.mark.parametrize("classes", [3, 40, 5000])
def test_a_tiny_temperature_does_not_show_what_exp_has_clamped(classes):
    z = np.linspace(-1, 1, classes, dtype=np.float32)
    loss, grad = cross_entropy_grad(z, classes - 1, temperature=1e-277)
    assert loss == 0
    assert not grad.any()


def test_the_square_of_a_z_loss_overflows_only_where_the_loss_does():
    loss = cross_entropy([1e-3, 0.0], 0, temperature=1e-158, z_loss=1e-10)
    assert_allclose(loss, 1e-10 * 1e-3 / 1e-158 * 1e-3 / 1e-158)


def test_a_flat_softcap_stops_an_infinite_slope():
    options = {"softcap": 1e-3, "temperature": 1e-181, "z_loss": 1.0}
    loss, grad = cross_entropy_grad([3.0, 0.0, -1.0], 2, **options)
    assert loss == np.inf
    assert_array_equal(grad[[0, 2]], 0)

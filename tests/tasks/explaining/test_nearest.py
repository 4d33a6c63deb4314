"""The nearest image on the other side, compared with a solver of quadratic programs by SciPy."""

import numpy as np
import pytest
from reference.explained_models import calibrated, digits_model, network_model
from scipy.optimize import minimize

from luce.errors import ParameterError
from luce.tasks.explaining.nearest import nearest_change, to_half_space

pytestmark = pytest.mark.once


def reference(x, w, needed, low, high):
    """The shortest step within the box, by a general-purpose method."""
    found = minimize(
        lambda d: 0.5 * d @ d,
        np.zeros_like(x),
        jac=lambda d: d,
        bounds=list(zip(low - x, high - x, strict=True)),
        constraints=[{"type": "ineq", "fun": lambda d: w @ d - needed, "jac": lambda d: w}],
        method="SLSQP",
        options={"maxiter": 300, "ftol": 1e-14},
    )
    return found.x if found.success else None


@pytest.mark.parametrize("seed", range(8))
def test_the_projection_is_the_shortest_step_within_the_bounds(seed):
    rng = np.random.default_rng(seed)
    x, w = rng.random(9), rng.normal(size=9)
    w[rng.integers(9)] = 0.0
    most = float(np.where(w > 0, w * (1 - x), -w * x).sum())
    for share in (0.1, 0.5, 0.95):
        found = to_half_space(x, w, share * most, 0.0, 1.0)
        step = reference(x, w, share * most, np.zeros(9), np.ones(9))
        assert found is not None
        assert w @ (found - x) >= share * most * (1 - 1e-9)
        assert ((found >= 0) & (found <= 1)).all()
        assert np.linalg.norm(found - x) <= np.linalg.norm(step) * (1 + 1e-5)
    assert to_half_space(x, w, 1.01 * most, 0.0, 1.0) is None


def test_nothing_is_needed_where_the_row_is_there_already():
    x = np.array([0.2, 0.4])
    np.testing.assert_array_equal(to_half_space(x, np.array([1.0, 1.0]), -0.1, 0.0, 1.0), x)


@pytest.fixture(scope="module")
def digits():
    return digits_model()


@pytest.mark.parametrize("row", [0, 17, 300])
def test_the_answer_changes_and_no_shorter_change_would_do(digits, row):
    model, images, X, _ = digits
    near = nearest_change(model, images[row : row + 1])
    assert near is not None
    assert near.exact
    x = X[row].astype(float)
    p = model.probabilities(near.features[None].astype(X.dtype))[0]
    mine = int(model.probabilities(X[row : row + 1])[0].argmax())
    assert int(p.argmax()) == near.answer != mine
    np.testing.assert_allclose(near.features, x + near.change, atol=1e-12)
    assert near.distance == pytest.approx(np.linalg.norm(near.change))
    z = X[row : row + 1].astype(float) @ model.linear.coef_.T + model.linear.intercept_
    shortest = np.inf
    for other in set(range(10)) - {mine}:
        w = model.linear.coef_[other].astype(float) - model.linear.coef_[mine]
        step = reference(x, w, float(z[0, mine] - z[0, other]), np.zeros(64), np.ones(64))
        if step is not None:
            shortest = min(shortest, float(np.linalg.norm(step)))
    assert near.distance <= shortest * (1 + 1e-4)
    back = x + 0.999 * near.change
    assert int(model.probabilities(back[None].astype(X.dtype))[0].argmax()) == mine


@pytest.mark.parametrize("kind", ["network", "vector"])
def test_a_search_finds_a_change_and_says_that_it_searched(digits, kind):
    model, images, X, y = digits
    if kind == "network":
        model = network_model(model.encoding, X, y)
    else:
        model = calibrated(model, X, y, kind)
    near = nearest_change(model, images[:1])
    assert near is not None
    assert not near.exact
    mine = int(model.probabilities(X[:1])[0].argmax())
    p = model.probabilities(near.features[None].astype(X.dtype))[0]
    assert int(p.argmax()) == near.answer != mine
    assert ((near.features >= -1e-6) & (near.features <= 1 + 1e-6)).all()
    assert near.distance < 0.5 * np.sqrt(64)


def test_a_row_beyond_the_bounds_is_refused(digits):
    model, images, _, _ = digits
    with pytest.raises(ParameterError, match=r"must lie in 0\.\.0\.5"):
        nearest_change(model, images[:1], high=0.5)

import numpy as np
import pytest

from luce.errors import ParameterError
from luce.nn import CostModel, cost_model

pytestmark = pytest.mark.once


@pytest.fixture
def _forget():
    cost_model._fitted.cache_clear()
    yield
    cost_model._fitted.cache_clear()


@pytest.mark.usefixtures("_forget")
def test_a_machine_that_keeps_to_the_model_is_recognised(monkeypatch):
    truth = CostModel(call=3e-5, product=2e-11, logit=1e-9, row=4e-9, weight=5e-10)
    monkeypatch.setattr(cost_model, "_step", lambda n, d, k, *_: (n, d, k))
    monkeypatch.setattr(cost_model, "_seconds", lambda size, _: float(truth.seconds(*size)))
    found = CostModel.measured(200, 700)
    np.testing.assert_allclose(found, truth, rtol=1e-6)
    assert CostModel.measured(200, 700) is found  # remembered


@pytest.mark.usefixtures("_forget")
def test_what_is_measured_here_is_a_time(monkeypatch):
    monkeypatch.setattr(cost_model, "_sizes", lambda d, n: [(n, d, 64), (n, d, 256), (2 * n, d, 9)])
    found = CostModel.measured(8, 16)
    assert all(term >= 0 for term in found)
    assert 0 < found.seconds(16, 8, 64) < 10


def test_the_grid_has_every_kind_of_size():
    sizes = np.array(cost_model._sizes(200, 700))
    assert (sizes.min(axis=0) < sizes.max(axis=0) / 10).all()
    assert (sizes[:, 0] * sizes[:, 2]).max() <= cost_model._ELEMENTS


def test_the_cost_is_linear_in_the_rows():
    model = CostModel(1e-4, 1e-11, 1e-9, 1e-9, 1e-9)
    some = model.seconds(np.array([0.0, 10.0, 20.0]), 8, 100)
    assert some[2] - some[1] == pytest.approx(some[1] - some[0])


def test_impossible_sizes_are_refused():
    with pytest.raises(ParameterError, match="at least 1"):
        CostModel.measured(0, 5)

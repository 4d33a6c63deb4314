"""scikit-learn's callbacks follow a fit: its tasks in order, its end always told."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris

from luce import SoftmaxRegression

pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)


class Recorder:
    """Writes down every call."""

    def __init__(self, stop_after=None, fail=False):
        self.calls, self.entries, self.fitted = [], [], []
        self.stop_after, self.fail = stop_after, fail

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, metadata=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "fit":
            self.fitted.append(fitted_estimator)
            return None
        self.entries.append(metadata)
        if self.fail:
            raise RuntimeError("mine")
        return len(self.entries) == self.stop_after


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "newton-cg", "adam"])
def test_each_iteration_is_a_task(solver):
    heard = Recorder()
    model = SoftmaxRegression(solver=solver, epochs=3).set_callbacks(heard).fit(X, Y)
    steps = ["begin iteration", "end iteration"] * len(model.history_)
    assert heard.calls == ["setup", "begin fit", *steps, "end fit", "teardown"]
    assert heard.entries == model.history_
    np.testing.assert_array_equal(heard.fitted[0].predict(X), model.predict(X))
    plain = SoftmaxRegression(solver=solver, epochs=3, random_state=0).fit(X, Y)
    assert plain.n_iter_ == model.n_iter_


def test_a_callback_may_ask_for_the_end():
    heard = Recorder(stop_after=2)
    model = SoftmaxRegression().set_callbacks(heard).fit(X, Y)
    assert model.n_iter_ == [2]
    assert model.interrupted_
    assert heard.calls[-2:] == ["end fit", "teardown"]


def test_what_was_set_up_is_torn_down_after_an_error():
    heard = Recorder(fail=True)
    model = SoftmaxRegression().set_callbacks(heard)
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(X, Y)
    assert heard.calls[-1] == "teardown"
    assert model.set_callbacks().fit(X, Y).converged_
    assert clone(model).fit(X, Y).converged_

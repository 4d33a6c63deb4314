"""scikit-learn's callbacks (``set_callbacks``, from 1.9): each iteration is a task of the fit."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as torn_down
except ImportError:  # scikit-learn before 1.9 has none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """There is nothing to support."""

    def torn_down(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method itself."""
        return method


class Stopped(KeyboardInterrupt):
    """A callback has asked for the end: the best model so far is kept, as after Ctrl-C."""


class CallbackSupport(CallbackSupportMixin):  # type: ignore[misc]  # an untyped base
    """A fit whose iterations scikit-learn's callbacks follow, if any are set."""

    _task: Any = None  # scikit-learn's context of the fit that is going on

    def _followed(self, learn: Callable[..., Any], most: int) -> Callable[..., Any]:
        """Return `learn`, which fits, with its begin, its end and at most `most` iterations told.

        That is `learn` itself where nobody listens.
        """
        if not (hasattr(self, "_skl_callbacks") or hasattr(self, "_parent_callback_ctx")):
            return learn

        def told(model: Self, X: Any, y: Any, sample_weight: Any) -> Any:
            data = {"X": X, "y": y}
            if sample_weight is not None:
                data["metadata"] = {"sample_weight": sample_weight}
            task = model._init_callback_context(max_subtasks=most)
            task.call_on_fit_task_begin(estimator=model, **data)
            model._task = task
            try:
                fitted = learn(X, y, sample_weight)
            finally:
                del model._task
            task.call_on_fit_task_end(estimator=model, reconstruction_attributes={}, **data)
            return fitted

        return partial(torn_down(told), self)

    def _iterated(self, entry: Mapping[str, Any]) -> None:
        """Tell the callbacks of an iteration; raise `Stopped` if one of them wants no more."""
        if self._task is None:
            return
        step = self._task.subcontext(task_name="iteration")
        step.call_on_fit_task_begin(estimator=self)
        if step.call_on_fit_task_end(estimator=self, metadata=dict(entry)):
            raise Stopped

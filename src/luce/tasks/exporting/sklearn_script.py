"""A Python module that builds scikit-learn's ``LogisticRegression``; no pickle, nothing hidden."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce import __version__
from luce.tasks.exporting.layer import inverse_temperature
from luce.tasks.models import Model

_SCRIPT = '''"""A fitted scikit-learn LogisticRegression: `model`. Written by luce {version}.

It predicts what the luce model predicts from the same features. Import it from here, or keep it
as you keep other estimators: `joblib.dump(model, "model.joblib")`.
"""

import base64

import numpy as np
from sklearn.linear_model import LogisticRegression


def _weights(text, dtype, shape):
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape).copy()


model = LogisticRegression({options})
model.classes_ = np.array({classes!r}{kind})
model.n_features_in_ = {width}
model.n_iter_ = np.array({n_iter!r}, dtype=np.int32)
model.intercept_ = _weights(
    "{intercept}", "{dtype}", {rows}
)
model.coef_ = _weights(
    "{coef}", "{dtype}", {shape}
)
'''


def to_bytes(model: Model, dtype: str) -> bytes:
    """Return the module as UTF-8, with the weights in base64, so that no digit is lost."""
    assert model.linear is not None, "its layer was made before"
    twin = model.linear.to_sklearn()
    factor = inverse_temperature(model)
    coef, intercept = ((factor * part).astype(dtype) for part in (twin.coef_, twin.intercept_))
    options = ", ".join(f"{name}={_spelled(value)}" for name, value in _set_options(twin).items())
    script = _SCRIPT.format(
        version=__version__,
        options=options,
        classes=twin.classes_.tolist(),
        kind=", dtype=object" if twin.classes_.dtype == object else "",
        width=coef.shape[1],
        n_iter=twin.n_iter_.tolist(),
        dtype=coef.dtype.newbyteorder("<").str,
        intercept=_text(intercept),
        coef=_text(coef),
        rows=intercept.shape,
        shape=coef.shape,
    )
    return script.encode()


def _set_options(twin: Any) -> dict[str, Any]:
    """The options that differ from scikit-learn's defaults: others may go, or change."""
    default = type(twin)().get_params()
    return {
        name: value
        for name, value in twin.get_params().items()
        if value is not default[name] and value != default[name]
    }


def _spelled(value: Any) -> str:
    return "np.inf" if value == np.inf else repr(value)


def _text(weights: NDArray[Any]) -> str:
    little = weights.astype(weights.dtype.newbyteorder("<"))
    return base64.b64encode(np.ascontiguousarray(little).tobytes()).decode()

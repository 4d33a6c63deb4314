import numpy as np
import pytest
from sklearn.datasets import load_iris

from luce import Calibrated, storage
from luce.errors import ModelFileError, ParameterError
from luce.tasks import load_estimator, load_model, save_estimator

nn = pytest.importorskip("luce.nn")
pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
WORDS = np.array(["ant", "bee", "cat"])[Y]


def network(**options):
    return nn.SoftmaxMLP(**{"epochs": 2, "random_state": 0, **options})


@pytest.mark.parametrize(
    "model",
    [
        network(hidden=(8, 4), class_weight={"ant": 2.0}, callbacks=[lambda entry: None]),
        network(hidden=5, dropout=0.5, solver="sgd"),
        network(hidden=(), class_weight="balanced", correct_prior=True),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network_comes_back_with_its_options_and_can_be_trained_further(model, dtype, tmp_path):
    rows = X.astype(dtype)
    fitted = model.fit(rows, WORDS)
    save_estimator(fitted, tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    assert loaded.predict_proba(rows).tobytes() == fitted.predict_proba(rows).tobytes()
    assert loaded.predict(rows).tolist() == fitted.predict(rows).tolist()
    given = {**fitted.get_params(), "callbacks": None}
    assert loaded.get_params() == given
    assert (loaded.n_iter_, loaded.n_features_in_) == (2, 4)
    assert loaded.set_params(warm_start=True).fit(rows, WORDS).coefs_[0].dtype == dtype


def test_within_a_calibration(tmp_path):
    fitted = Calibrated(network(hidden=(8,)), cv=2).fit(X, WORDS)
    save_estimator(fitted, tmp_path / "m")
    loaded = load_estimator(tmp_path / "m")
    assert loaded.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert str(loaded) == str(fitted)


def test_what_cannot_be_kept_is_told(tmp_path):
    with pytest.raises(ParameterError, match="must be fitted"):
        save_estimator(network(), tmp_path / "m")
    own = network(loss=lambda z, y: z.sum()).fit(X, Y)
    with pytest.raises(ParameterError, match="loss must be a number, text, or a list"):
        save_estimator(own, tmp_path / "m")


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    save_estimator(network().fit(X, Y), tmp_path / "m")
    tensors, metadata = storage.load_model(tmp_path / "m")
    storage.save_model(tmp_path / "n", tensors, {**metadata, "options": {"no_such": 1}})
    with pytest.raises(ModelFileError, match="options must be those of SoftmaxMLP, got 'no_such'"):
        load_estimator(tmp_path / "n")
    with pytest.raises(ModelFileError, match="kind"):
        load_model(tmp_path / "m")

import json

import numpy as np
import pytest

from luce import storage
from luce.errors import LabelError, ModelFileError
from luce.functions.perceptron import Perceptron
from luce.tasks.model_kinds import NetworkClassifier
from luce.tasks.models import Model, load_model
from luce.tasks.options import TrainOptions
from luce.tasks.training import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on iris, without its report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luce.tasks.training.write_report", lambda run: None)
        return train(TrainOptions(data="iris"), out=tmp_path_factory.mktemp("runs") / "iris")


def test_a_loaded_model_predicts_the_same_bits(trained):
    loaded = load_model(trained.run)
    rows = np.random.default_rng(0).normal(5, 2, (20, 4))
    expected = trained.model.classifier.predict_proba(rows)
    assert loaded.classifier.predict_proba(rows).tobytes() == expected.tobytes()
    np.testing.assert_array_equal(
        loaded.classifier.predict(rows), trained.model.classifier.predict(rows)
    )


def test_the_metadata_come_back_whole(trained):
    loaded = load_model(trained.run)
    assert loaded.names == ("setosa", "versicolor", "virginica")
    assert loaded.values == [0, 1, 2]
    assert loaded.metadata["metrics"]["accuracy"] == trained.figures["accuracy"]
    assert loaded.metadata["data"]["rows"] == 120
    assert json.dumps(loaded.metadata)


def test_labels_are_found_by_value_by_text_and_by_name(trained):
    model = trained.model
    for target in ([2, 0], ["2", "0"], [2.0, 0.0], ["virginica", "setosa"]):
        labels = np.array(target, dtype=object if isinstance(target[0], str) else None)
        assert model.codes(labels).tolist() == [2, 0]


def test_an_unknown_label_is_named_with_its_row(trained):
    with pytest.raises(LabelError, match=r"'7' at row 2"):
        trained.model.codes(np.array([1, 7, 7]))


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"options": {"no_such_option": 1}}, "no_such_option"),
        ({"encoding": {"kind": "no such kind"}}, "encoding"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(trained, tmp_path, change, hint):
    tensors = {"coef": trained.model.classifier.coef_, "intercept": np.zeros(3)}
    path = tmp_path / "model.safetensors"
    storage.save_model(path, tensors, {**trained.model.metadata, **change})
    with pytest.raises(ModelFileError, match=hint):
        load_model(path)


def test_an_encoding_of_another_width_is_refused(trained, tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = {"coef": np.zeros((3, 5)), "intercept": np.zeros(3)}
    storage.save_model(path, tensors, trained.model.metadata)
    with pytest.raises(ModelFileError, match="one feature a column"):
        load_model(path)


def test_a_model_in_another_folder_is_the_same(trained, tmp_path):
    Model(trained.model.classifier, trained.model.encoding, trained.model.metadata).save(
        tmp_path / "copy.safetensors"
    )
    first, copy = (
        storage.load_model(p)
        for p in (trained.run / "model.safetensors", tmp_path / "copy.safetensors")
    )
    assert copy.tensors["coef"].tobytes() == first.tensors["coef"].tobytes()


@pytest.mark.parametrize("calibrate", ["none", "vector", "isotonic"])
@pytest.mark.parametrize("classes", [2, 3])
def test_rows_whose_logits_overflow_have_no_probabilities(
    tmp_path, monkeypatch, calibrate, classes
):
    monkeypatch.setattr("luce.tasks.training.write_report", lambda run: None)
    rows = [f"{i % 9},{i % 7 + i % classes},{'abc'[i % classes]}" for i in range(120)]
    (tmp_path / "t.csv").write_text("size,weight,label\n" + "\n".join(rows) + "\n")
    options = TrainOptions(data=str(tmp_path / "t.csv"), C=1e3, calibrate=calibrate)
    model = train(options, out=tmp_path / "run").model
    good = np.array([[1.0, 2.0], [3.0, 1.0], [-2e300, 1e300]])
    largest = np.abs(model.linear.coef_).max(axis=0).argmax()
    steep = np.zeros((1, 2))
    steep[0, largest] = 1.7e308
    model.linear.coef_ *= 50  # logits beyond the largest number
    p = model.probabilities(np.vstack([good[:2], steep, -steep]))
    assert np.isnan(p).all(axis=1).tolist() == [False, False, True, True]
    np.testing.assert_array_equal(p[:2], model.probabilities(good[:2]))
    assert np.isfinite(model.probabilities(good)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_nor_have_those_of_a_network(classes):
    weights = np.zeros((2, classes), np.float32)
    weights[0, 0] = 3e38
    network = Perceptron(np.zeros(2), np.ones(2), [weights], [np.zeros(classes, np.float32)])
    model = Model(NetworkClassifier(network, np.arange(classes), {}), None, {})
    p = model.probabilities(np.array([[1e-38, 1.0], [10.0, 1.0], [-10.0, 1.0], [1e300, 1.0]]))
    assert np.isnan(p).all(axis=1).tolist() == [False, True, True, True]
    np.testing.assert_allclose(p[0], network_softmax(3.0, classes), rtol=1e-6)


def network_softmax(first, classes):
    powers = np.exp([first, *[0.0] * (classes - 1)])
    return powers / powers.sum()

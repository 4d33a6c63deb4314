"""``luce export``: the file is there, and what is told is so."""

import numpy as np
import pytest

pytestmark = pytest.mark.once


@pytest.fixture
def run(luce):
    assert luce("train", "iris", "--out", "run").code == 0
    return "run"


def test_writes_the_file_and_says_what_is_in_it(luce, run, tmp_path):
    answer = luce("export", run, "m.npz")
    assert answer.code == 0
    assert answer.out == "m.npz\n"
    assert "Wrote npz in float64: 4 features, 3 classes." in answer.err
    assert "features that luce computes from the columns" in answer.err
    with np.load(tmp_path / "m.npz") as file:
        assert file["coef"].shape == (3, 4)


def test_json_tells_the_same(luce, run):
    found = luce("export", run, "weights.bin", "--to", "npz", "--dtype", "float32", "--json").json
    assert found["path"] == "weights.bin"
    assert (found["form"], found["dtype"]) == ("npz", "float32")
    assert (found["features"], found["classes"]) == (4, 3)


def test_an_unknown_form_is_wrong_usage(luce, run):
    answer = luce("export", run, "m.h5")
    assert answer.code == 2
    assert "--to onnx|sklearn|torch|npz" in answer.err

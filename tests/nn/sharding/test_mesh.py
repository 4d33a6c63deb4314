"""Four processes in a mesh: rows split along one dimension, classes along the other."""

import numpy as np
import pytest
import torch
from nn.sharding import cases
from nn.sharding.launch import results_of
from torch.nn import functional as F

pytestmark = [pytest.mark.once, pytest.mark.slow]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return results_of("mesh_work.py", 4, tmp_path_factory.mktemp("mesh"))


def test_rows_and_classes_are_split_at_once(found):
    body = torch.eye(cases.WIDTH, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor(cases.WEIGHT, requires_grad=True)
    logits = torch.tensor(cases.HIDDEN) @ body.T @ weight.T + torch.as_tensor(cases.BIAS)
    F.cross_entropy(logits, torch.as_tensor(cases.IGNORING), label_smoothing=0.1).backward()
    ranks = found["rows_and_classes"]
    for one in ranks:
        np.testing.assert_allclose(one["body"], body.grad, atol=1e-12)
        own = weight.grad[one["classes"].start : one["classes"].stop]
        np.testing.assert_allclose(one["weight"], own, atol=1e-12)
    assert sorted(one["classes"].start for one in ranks) == [0, 0, 6, 6]


def test_a_tensor_of_the_mesh_holds_the_parts(found):
    h, weight = cases.hidden(), torch.tensor(cases.WEIGHT, requires_grad=True)
    F.cross_entropy(h @ weight.T, torch.as_tensor(cases.LABELS)).backward()
    for one in found["tensors_of_a_mesh"]:
        np.testing.assert_allclose(one["weight"], weight.grad, atol=1e-12)
        np.testing.assert_allclose(one["hidden"], h.grad, atol=1e-12)

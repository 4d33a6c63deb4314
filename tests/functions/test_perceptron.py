import itertools

import numpy as np
import pytest
from scipy import sparse

from luce.functions.perceptron import Perceptron

pytestmark = pytest.mark.once


@pytest.fixture
def network():
    random = np.random.default_rng(0)
    sizes = [5, 4, 3]
    weights = [random.normal(size=shape) for shape in itertools.pairwise(sizes)]
    biases = [random.normal(size=outputs) for outputs in sizes[1:]]
    return Perceptron(random.normal(size=5), random.uniform(0.5, 2, 5), weights, biases)


def one_by_one(network, row):
    hidden = [(x - c) / s for x, c, s in zip(row, network.centre, network.scale, strict=True)]
    layers = list(zip(network.weights, network.biases, strict=True))
    for number, (weight, bias) in enumerate(layers):
        inputs = hidden
        hidden = [
            b + sum(h * weight[i, j] for i, h in enumerate(inputs)) for j, b in enumerate(bias)
        ]
        if number < len(layers) - 1:
            hidden = [max(0.0, h) for h in hidden]
    return hidden


def test_is_its_formula_for_arrays_and_sparse_rows(network):
    X = np.random.default_rng(1).normal(size=(7, 5)) * (np.arange(5) % 2)
    expected = [one_by_one(network, row) for row in X]
    np.testing.assert_allclose(network.logits(X), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        network.logits(sparse.csr_matrix(X)), expected, rtol=1e-12, atol=1e-13
    )


def test_many_rows_go_block_by_block(network, monkeypatch):
    X = np.random.default_rng(1).normal(size=(10, 5))
    whole = network.logits(X)
    monkeypatch.setattr("luce.functions.perceptron._BLOCK", 3)
    np.testing.assert_allclose(network.logits(X), whole, rtol=1e-14)


def test_a_far_centre_costs_float32_no_digits(network):
    narrow = network._replace(
        centre=np.full(5, 1e7),
        scale=np.full(5, 1e-1),
        weights=[weight.astype(np.float32) for weight in network.weights],
        biases=[bias.astype(np.float32) for bias in network.biases],
    )
    X = 1e7 + np.random.default_rng(2).normal(size=(4, 5))
    expected = network._replace(centre=np.full(5, 1e7), scale=np.full(5, 1e-1)).logits(X)
    assert narrow.logits(X).dtype == np.float32
    np.testing.assert_allclose(narrow.logits(X), expected, rtol=1e-4, atol=1e-4)


def test_bytes_are_standardised_in_the_dtype_of_the_weights(network):
    pixels = np.arange(10, dtype=np.uint8).reshape(2, 5) * 25
    exact = (pixels - network.centre) / network.scale
    np.testing.assert_allclose(network.standardised(pixels), exact, rtol=1e-15, atol=1e-13)

"""Blocks of the Hessian from a sample of rows are those of all rows, in the mean."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta

from luce.solvers.sampled_grams import capped, sampled_grams


def blocks_of_hessian(f, p):
    k, d = f.shape
    cells = f.hessian(p).reshape(k, d, k, d)
    return np.stack([cells[j, :, j] - np.diag(f.penalty) for j in range(k)])


def test_sampled_curvature_is_exact_where_every_row_is_drawn():
    f = softmax_problem(7, n=60)
    p = f.probabilities(f.logits(some_theta(f, 8, 1.0)))
    np.testing.assert_allclose(
        sampled_grams(f, p, draws=60, seed=0), blocks_of_hessian(f, p), rtol=1e-9, atol=1e-15
    )


def test_a_sample_takes_neither_targets_nor_an_offset(monkeypatch):
    f = softmax_problem(7, n=60)
    p = f.probabilities(f.logits(some_theta(f, 8, 1.0)))
    monkeypatch.delattr(type(f.targets), "take")  # copies (rows x classes), for each class
    assert len(sampled_grams(f, p, draws=60, seed=0)) == f.classes


@pytest.mark.once
@pytest.mark.parametrize("draws", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_sampled_curvature_has_no_bias(draws):
    f = softmax_problem(9, n=60, d=3, tails=True)
    p = f.probabilities(f.logits(some_theta(f, 10, 1.0)))
    samples = np.array([sampled_grams(f, p, draws, seed) for seed in range(1500)])
    error = samples.mean(axis=0) - blocks_of_hessian(f, p)
    doubt = samples.std(axis=0) / np.sqrt(len(samples))
    assert samples.std(axis=0).max() > 0
    np.testing.assert_array_less(np.abs(error), 4.5 * doubt + 1e-14)


def test_shares_of_the_smallest_numbers_are_drawn_without_overflow():
    chance = capped(np.array([1e-310, 2e-310, 4e-310, 0.0]), 1.0)
    np.testing.assert_allclose(chance, [1 / 7, 2 / 7, 4 / 7, 0], rtol=1e-6)

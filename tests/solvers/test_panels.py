"""Fused passes over panels find what the separate products find."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.softmax_problems import softmax_problem, softmax_problems, some_theta, with_rows

from luce.solvers import Distributions
from luce.solvers.panels import panels_of

SEEDS = st.integers(0, 2**32 - 1)


@given(softmax_problems(), SEEDS, st.sampled_from([0.0, 0.3, 3.0]), st.integers(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_fused_pass_finds_the_same(f, seed, size, left_out):
    fused, theta = f.by_panels(), some_theta(f, seed, size)
    assert fused.fused == (f.targets.smoothing == 0)
    found, expected = fused.scan(theta), f.scan(theta)
    scale = 1 + np.square(f.design.rows).max()
    assert found.value == pytest.approx(expected.value, rel=1e-13, abs=1e-13)
    assert found.accuracy == pytest.approx(expected.accuracy, abs=1e-13)
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-11, atol=1e-13 * scale)
    np.testing.assert_allclose(
        fused.reduced_hessian_at(theta, left_out),
        f.reduced_hessian_at(theta, left_out),
        rtol=1e-10,
        atol=1e-14 * scale,
    )


@pytest.mark.parametrize(("n", "d"), [(1, 1), (33, 7), (511, 3), (513, 3), (3000, 40), (700, 256)])
def test_panels_hold_all_rows(n, d):
    rows = np.random.default_rng(0).normal(size=(n, d))
    panels = panels_of(rows)
    assert panels.ctypes.data % 64 == 0
    assert panels.shape[2] % 32 == 0
    found = panels.transpose(0, 2, 1).reshape(-1, d)
    np.testing.assert_array_equal(found[:n], rows)
    assert not found[n:].any()
    assert len(found) <= n + 32 * len(panels)


def test_what_has_no_panels_is_left_as_it_is():
    f = softmax_problem(0, n=50, d=4)
    assert panels_of(np.zeros((5, 300))) is None
    assert panels_of(np.zeros((0, 3))) is None
    single = with_rows(f, f.design.rows.astype(np.float32)).by_panels()
    assert not single.fused
    assert not replace(f, offset=np.zeros((50, 3))).by_panels().fused
    soft = Distributions(np.full((50, 3), 1 / 3))
    assert replace(f, targets=soft).by_panels().design.panels is None
    held = f.by_panels()
    assert held.by_panels().design.panels is held.design.panels
    assert held.in_double().fused
    assert held.with_penalty(1.0).fused
    assert not held.only(np.arange(10)).fused


def test_totals_of_targets_are_those_of_their_classes():
    f = softmax_problem(1, n=50, d=4)
    hard = f.targets.totals(f.weights)
    soft = Distributions(np.eye(3)[f.targets.labels], 0.2).totals(f.weights)
    np.testing.assert_allclose(hard, soft)
    assert hard[1] == pytest.approx(f.weights[f.targets.labels == 1].sum())

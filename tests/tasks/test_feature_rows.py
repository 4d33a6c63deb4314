import numpy as np
import pytest
from scipy.sparse import csr_matrix

from luce.tasks.reporting.feature_rows import mean_of, row_of, spread_of

pytestmark = pytest.mark.once


def test_sparse_and_dense_features_are_described_alike():
    dense = np.random.default_rng(0).poisson(0.5, (20, 5)).astype(float)
    for function in (mean_of, spread_of, lambda X: row_of(X, 3)):
        np.testing.assert_allclose(function(csr_matrix(dense)), function(dense), atol=1e-14)

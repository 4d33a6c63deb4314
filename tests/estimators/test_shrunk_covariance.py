import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf, shrunk_covariance

from luce.estimators.shrunk_covariance import ledoit_wolf_share, shrunk

pytestmark = pytest.mark.once


def centred(n, d):
    rows = np.random.default_rng(n).normal(size=(n, d)) @ np.diag(np.linspace(0.5, 2, d))
    return rows - rows.mean(axis=0)


@pytest.mark.parametrize(("n", "d"), [(2, 5), (10, 30), (500, 4), (50, 1)])
def test_the_share_is_that_of_scikit_learn(n, d):
    rows = centred(n, d)
    share = ledoit_wolf_share(rows, np.ones(n), rows.T @ rows / n)
    np.testing.assert_allclose(share, ledoit_wolf(rows)[1], atol=1e-12)


def test_what_is_shrunk_is_that_of_scikit_learn():
    covariance = np.cov(centred(10, 4).T)
    np.testing.assert_allclose(shrunk(covariance, 0.3), shrunk_covariance(covariance, 0.3))

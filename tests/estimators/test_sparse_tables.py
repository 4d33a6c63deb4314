"""Sparse tables that point outside of themselves are refused, not followed."""

import numpy as np
import pytest
from scipy import sparse

from luce import OneVsRest, SoftmaxRegression, SoftmaxRegressionCV
from luce.errors import DataError

pytestmark = pytest.mark.once


def table():
    return sparse.random(40, 6, 0.5, format="csr", random_state=0)


def columns_beyond(X):
    X.indices[5] = 10**8


def columns_before(X):
    X.indices[5] = -(10**8)


def starts_beyond(X):
    X.indptr[3] = 10**7


def starts_that_fall(X):
    X.indptr[3], X.indptr[4] = X.indptr[4], X.indptr[3] - 1


def an_end_beyond(X):
    X.indptr[-1] = 10**7


FAULTS = [
    (columns_beyond, r"X.indices must lie in 0..5 \(X has 6 columns\), got 100000000 at 5"),
    (columns_before, r"X.indices must lie in 0..5 \(X has 6 columns\), got -100000000 at 5"),
    (starts_beyond, "X.indptr must not fall, got 10000000 and then .* at row 3"),
    (starts_that_fall, "X.indptr must not fall, got .* at row 3"),
    (an_end_beyond, "X.indptr must go from 0 to at most 120, in 41 numbers, got 0..10000000"),
]


@pytest.mark.parametrize(("spoil", "said"), FAULTS)
@pytest.mark.parametrize("model", [SoftmaxRegression, SoftmaxRegressionCV, OneVsRest])
def test_places_outside_the_table_are_an_error(model, spoil, said):
    X, y = table(), np.arange(40) % 3
    fitted = model().fit(X, y)
    spoil(X)
    for call in (lambda: fitted.fit(X, y), lambda: fitted.predict(X)):
        with pytest.raises(DataError, match=said):
            call()

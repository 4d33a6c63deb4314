"""Fitting on Dask collections gives what fitting in memory gives; a worker may die meanwhile."""

import os
import signal

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from luce import SoftmaxRegression
from luce.errors import DataError, LabelError, ParameterError, ShapeError
from luce.estimators.partitions import Block, _block, merged, moments
from luce.estimators.standardised import units, units_of_moments

pytestmark = pytest.mark.once

X, Y = load_wine(return_X_y=True)


# One partition, and their moments: no Dask needed


def blocks(rows, y, weights, at):
    pieces = np.split(np.arange(len(y)), at)
    return [_block(rows[piece], y[piece], weights[piece]) for piece in pieces]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("at", [[], [50, 50, 120]])
def test_units_of_partitions_are_those_of_all_rows(intercept, at):
    weights = np.random.default_rng(0).uniform(0.1, 2, len(Y))
    rows = np.column_stack([X, np.full(len(Y), 7.0), np.zeros(len(Y)), X[:, 0] * 1e200])
    found = merged([moments(block) for block in blocks(rows, Y, weights, at)])
    assert found.mass == pytest.approx(weights.sum())
    np.testing.assert_allclose(found.counts, np.bincount(Y, weights))
    merged_units = units_of_moments(
        found.mean,
        found.square / found.mass,
        found.low,
        np.maximum(np.abs(found.low), np.abs(found.high)),
        intercept=intercept,
        strength=0.01,
    )
    expected = units(rows, weights / weights.sum(), intercept=intercept, strength=0.01)
    own = slice(0, 13)  # the others are constant, or leave float64 when squared
    np.testing.assert_allclose(merged_units.centre[own], expected.centre[own], rtol=1e-12)
    np.testing.assert_allclose(merged_units.scale[own], expected.scale[own], rtol=1e-10)
    np.testing.assert_allclose(merged_units.penalty[own], expected.penalty[own], rtol=1e-10)
    assert (merged_units.scale > 0).all()
    assert np.isfinite(merged_units.scale).all()
    if intercept:
        assert (merged_units.rows(rows, float)[:, 13:15] == 0).all()


@pytest.mark.parametrize(
    ("table", "labels", "weights", "error", "message"),
    [
        (X, Y[:9], None, ShapeError, "one label a row"),
        (X[:, 0], Y, None, ShapeError, "must be a matrix"),
        (np.where(X > 1000, np.nan, X), Y, None, DataError, "finite, got NaN"),
        (X, Y, -np.ones(len(Y)), ParameterError, "the smallest -1"),
        (X, Y, np.ones(3), ParameterError, "got 3 for 178"),
    ],
)
def test_what_no_partition_may_hold_is_told(table, labels, weights, error, message):
    with pytest.raises(error, match=message):
        _block(table, labels, weights)


def test_partitions_must_fit_together():
    two = [moments(_block(X[:100], Y[:100])), moments(_block(X[100:, :5], Y[100:]))]
    with pytest.raises(ShapeError, match=r"\[5, 13\]"):
        merged(two)
    with pytest.raises(LabelError, match="at least two classes"):
        merged([moments(_block(X[:20], Y[:20]))] * 2)


def test_a_partition_keeps_the_classes_of_rows_without_weight():
    found = _block(X, Y[:, None], (Y != 0).astype(float))
    assert isinstance(found, Block)
    assert found.labels.tolist() == [0, 1, 2]
    assert len(found.X) == np.count_nonzero(Y)
    assert moments(found).counts.tolist() == [0, 71, 48]


# Dask, in this process


@pytest.fixture
def dask():
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="synchronous"):
        yield dask


def both(X, y, chunks, weights=None, **options):
    array = pytest.importorskip("dask.array")
    here = SoftmaxRegression(**{"tol": 1e-10, **options}).fit(X, y, weights)
    rows = array.from_array(X, chunks=chunks)
    there = SoftmaxRegression(**{"tol": 1e-7, **options})
    return here, there.fit(rows, array.from_array(y, chunks=chunks[0]), weights)


WEIGHTS = np.random.default_rng(0).uniform(0, 2, len(Y)) * (Y > 0)


@pytest.mark.parametrize(
    ("chunks", "weights", "options"),
    [
        ((50, 5), None, {}),
        ((40, 13), None, {"C": 1e4, "class_weight": "balanced"}),
        ((50, 13), None, {"C": 0.1, "fit_intercept": False}),
        ((50, 13), WEIGHTS, {}),
        ((178, 13), None, {"label_smoothing": 0.1}),
        ((50, 13), None, {"class_weight": {"bee": 3.0}, "correct_prior": True}),
    ],
)
@pytest.mark.parametrize("k", [2, 3])
def test_arrays_are_fitted_as_in_memory(dask, chunks, weights, options, k):
    y = np.array(["ant", "bee", "cow"])[Y.clip(max=k - 1)]
    here, there = both(X, y, chunks, weights, **options)
    assert there.converged_
    assert there.gap_ <= 1e-7
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-6)
    assert there.objective_ >= here.lower_bound_ * (1 - 1e-12)
    np.testing.assert_array_equal(there.classes_, here.classes_)
    np.testing.assert_allclose(there.predict_proba(X), here.predict_proba(X), atol=1e-3)
    assert there.history_[-1]["gap"] == there.gap_


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_larger_models_take_a_whitened_path(dask, dtype):
    rows, y = (part[:500] for part in load_digits(return_X_y=True))
    here, there = both(rows.astype(dtype), y, (250, 64), C=0.01)
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-6)
    assert there.coef_.dtype == (np.float32 if dtype == "float32" else np.float64)


def test_dataframes_give_their_names(dask):
    frames = pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(kind=Y)
    spread = frames.from_pandas(frame, npartitions=4)
    there = SoftmaxRegression(tol=1e-7).fit(spread[["a", "b", "c"]], spread["kind"])
    here = SoftmaxRegression(tol=1e-7).fit(frame[["a", "b", "c"]], frame["kind"])
    assert there.feature_names_in_.tolist() == ["a", "b", "c"]
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-6)
    np.testing.assert_array_equal(
        there.predict(frame[["a", "b", "c"]]), here.predict(frame[["a", "b", "c"]])
    )


def test_labels_may_lie_in_memory_or_in_other_chunks(dask):
    array = pytest.importorskip("dask.array")
    rows = array.from_array(X, chunks=(50, 13))
    first = SoftmaxRegression().fit(rows, Y)
    second = SoftmaxRegression().fit(rows, array.from_array(Y, chunks=70))
    np.testing.assert_array_equal(first.coef_, second.coef_)
    with pytest.raises(DataError, match="must be a Dask array or series with the partitions of X"):
        SoftmaxRegression().fit(rows, Y[:9])


@pytest.mark.parametrize("options", [{"solver": "sgd"}, {"warm_start": True}])
def test_options_that_need_memory_are_refused(dask, options):
    array = pytest.importorskip("dask.array")
    with pytest.raises(ParameterError, match="where X is a Dask collection"):
        SoftmaxRegression(**options).fit(array.from_array(X, chunks=(50, 13)), Y)


# Two worker processes, one of them killed


@pytest.mark.slow  # three processes start, and one again
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_fit_survives_the_death_of_a_worker():
    distributed = pytest.importorskip("distributed")
    array = pytest.importorskip("dask.array")
    killed = []
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill(entry):
            if entry["iteration"] == 2:
                workers = client.run(os.getpid)
                assert len(workers) == 2
                killed.append(next(iter(workers.values())))
                os.kill(killed[0], signal.SIGKILL)

        rows, labels = (array.from_array(part, chunks=(40, *part.shape[1:])) for part in (X, Y))
        there = SoftmaxRegression(tol=1e-8, callbacks=[kill]).fit(rows, labels)
        assert killed[0] not in client.run(os.getpid).values()
    assert len(there.history_) > 3
    here = SoftmaxRegression(tol=1e-10).fit(X, Y)
    assert there.gap_ <= 1e-8
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-6)
    np.testing.assert_allclose(there.predict_proba(X), here.predict_proba(X), atol=1e-4)

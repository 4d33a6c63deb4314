"""Inference against 40-digit arithmetic, against statsmodels, and against its own definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.multinomial import maximum_likelihood
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import chi2
from sklearn.datasets import load_iris, load_wine

import luce
from luce import SoftmaxRegression, inference
from luce.errors import DataError, LabelError, ParameterError

pytestmark = pytest.mark.once

WINE = load_wine(return_X_y=True)
X, Y = WINE[0][:, [0, 10]], WINE[1]  # alcohol, hue: the classes overlap


def made(seed, n=40, d=2, k=3):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, d)) * 10.0 ** random.uniform(-3, 3, d) + random.normal(size=d)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    z = scaled @ random.normal(size=(d, k)) + random.gumbel(size=(n, k))
    y = z.argmax(axis=1)
    y[: 2 * k] = np.tile(np.arange(k), 2)
    return rows, y


def unpenalised(rows, y, **options):
    return SoftmaxRegression(C=np.inf, **options).fit(rows, y)


# Against 40 digits


@pytest.mark.parametrize(("seed", "k"), [(0, 3), (1, 2)])
@pytest.mark.parametrize("intercept", [True, False])
def test_equals_forty_digits(seed, k, intercept):
    rows, y = made(seed, n=24, k=k)
    model = unpenalised(rows, y, fit_intercept=intercept)
    columns = np.column_stack([np.ones(len(rows)), rows]) if intercept else rows
    exact = maximum_likelihood(columns, y)
    for cov_type, covariance in [("nonrobust", exact.covariance), ("HC0", exact.sandwich)]:
        result = inference(model, rows, y, cov_type=cov_type)
        np.testing.assert_allclose(result.params.ravel(order="F"), exact.beta, rtol=1e-9)
        bse = np.sqrt(covariance.diagonal())
        np.testing.assert_allclose(result.bse.ravel(order="F"), bse, rtol=1e-9)
        scale = np.outer(bse, bse)
        np.testing.assert_allclose(result.cov_params() / scale, covariance / scale, atol=1e-9)
        assert result.llf == pytest.approx(exact.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("k", [2, 3])
def test_a_penalised_fit_has_the_inverse_of_its_own_hessian(k):
    rows, y = made(5, n=24, k=k)
    model = SoftmaxRegression(C=0.01).fit(rows, y)
    columns = np.column_stack([np.ones(len(rows)), rows])
    exact = maximum_likelihood(columns, y, l2=(2 if k == 2 else 1) / 0.01, free=(0,))
    result = inference(model, rows, y)
    np.testing.assert_allclose(result.params.ravel(order="F"), exact.beta, rtol=1e-8)
    bse = np.sqrt(exact.covariance.diagonal())
    np.testing.assert_allclose(result.bse.ravel(order="F"), bse, rtol=1e-9)
    sandwich = inference(model, rows, y, cov_type="HC0")
    bse = np.sqrt(exact.sandwich.diagonal())
    np.testing.assert_allclose(sandwich.bse.ravel(order="F"), bse, rtol=1e-8)
    assert result.llf == pytest.approx(exact.log_likelihood, rel=1e-12)
    assert 0 < result.df_model < rows.shape[1] * (k - 1)
    assert np.isnan(result.llr_pvalue)
    assert "posterior" in str(result)
    assert "bias" in str(sandwich)


# statsmodels, from its own numbers (0.15.0) and beside it where it is installed

STATSMODELS = {  # MNLogit on WINE[:, [0, 10]], newton
    "params": [
        [65.3592040695, 34.0481868152],
        [-5.1088221918, -1.2869093967],
        [1.3997096142, -19.541669606],
    ],
    "bse": [
        [11.0395970422, 10.4266005716],
        [0.8542814729, 0.7827239851],
        [2.5627350972, 3.9758798584],
    ],
}


def test_equals_the_stored_numbers_of_statsmodels():
    result = inference(unpenalised(X, Y), X, Y)
    np.testing.assert_allclose(result.params, STATSMODELS["params"], rtol=1e-8)
    np.testing.assert_allclose(result.bse, STATSMODELS["bse"], rtol=1e-8)


def beside(rows, y, **options):
    api = pytest.importorskip("statsmodels.api")
    columns = api.add_constant(rows)
    kind = api.Logit if len(np.unique(y)) == 2 else api.MNLogit
    return kind(y, columns).fit(disp=0, maxiter=100, **options)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("cov_type", ["nonrobust", "HC0", "cluster"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_equals_statsmodels(k, cov_type):
    y = Y.clip(max=k - 1)
    groups = np.arange(len(y)) // 5 if cov_type == "cluster" else None
    more = {} if groups is None else {"cov_kwds": {"groups": groups}}
    theirs = beside(X, y, cov_type=cov_type, **more)
    ours = inference(unpenalised(X, y), X, y, cov_type=cov_type, groups=groups)
    shape = ours.params.shape
    for name in ("params", "bse", "tvalues"):
        expected = np.asarray(getattr(theirs, name)).reshape(shape)
        np.testing.assert_allclose(getattr(ours, name), expected, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(ours.pvalues, np.asarray(theirs.pvalues).reshape(shape), atol=1e-9)
    for name in ("llf", "llnull", "prsquared", "llr", "aic", "bic", "df_model", "df_resid"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-8), name
    assert ours.llr_pvalue == pytest.approx(theirs.llr_pvalue, rel=1e-5)
    np.testing.assert_allclose(ours.cov_params(), theirs.cov_params(), rtol=1e-6)
    expected = np.asarray(theirs.conf_int()).reshape(k - 1, -1, 2)
    np.testing.assert_allclose(ours.conf_int(), expected, rtol=1e-6)
    margins, expected = ours.marginal_effects(), theirs.get_margeff()
    part = slice(1, 2) if k == 2 else slice(None)
    for own, other in [(margins.effects, expected.margeff), (margins.std_err, expected.margeff_se)]:
        np.testing.assert_allclose(own[:, part], np.reshape(other, (2, -1)), rtol=1e-6)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("level", [0.95, 0.9])
def test_prints_what_statsmodels_prints(k, level):
    y = Y.clip(max=k - 1)
    theirs = beside(X, y).summary(alpha=round(1 - level, 9)).as_text().splitlines()
    ours = inference(unpenalised(X, y), X, y).summary(level).as_text().splitlines()
    assert len(ours) == len(theirs)
    for line, expected in zip(ours, theirs, strict=True):
        if "Date:" in expected or "Time:" in expected:  # ours tells penalty and reference there
            assert line[37:] == expected[37:]
        else:
            assert line == expected


# The definitions


def test_any_reference_gives_the_same_model():
    model = unpenalised(X, Y)
    first, last = inference(model, X, Y), inference(model, X, Y, reference=2)
    assert last.reference == 2
    np.testing.assert_allclose(last.params[:, 0], -first.params[:, 1], rtol=1e-9)
    np.testing.assert_allclose(last.bse[:, 0], first.bse[:, 1], rtol=1e-9)
    difference = first.params[:, 0] - first.params[:, 1]
    np.testing.assert_allclose(last.params[:, 1], difference, rtol=1e-9)
    assert last.llf == pytest.approx(first.llf, rel=1e-14)
    np.testing.assert_allclose(
        first.marginal_effects().std_err, last.marginal_effects().std_err, rtol=1e-8
    )
    assert "y=0" in str(last)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_only_change_units(scale):
    plain = inference(unpenalised(X, Y), X, Y)
    there = inference(unpenalised(X * scale, Y), X * scale, Y)
    np.testing.assert_allclose(there.tvalues, plain.tvalues, rtol=1e-8)
    np.testing.assert_allclose(there.params[1:] * scale, plain.params[1:], rtol=1e-8)
    assert there.llf == pytest.approx(plain.llf, rel=1e-12)


def test_a_weight_of_two_is_a_row_twice():
    weights = np.ones(len(X))
    weights[::3] = 2
    twice = np.repeat(np.arange(len(X)), weights.astype(int))
    model = SoftmaxRegression(C=np.inf).fit(X, Y, weights)
    weighted = inference(model, X, Y, sample_weight=weights)
    repeated = inference(unpenalised(X[twice], Y[twice]), X[twice], Y[twice])
    np.testing.assert_allclose(weighted.bse, repeated.bse, rtol=1e-9)
    assert weighted.nobs == repeated.nobs
    assert weighted.bic == pytest.approx(repeated.bic, rel=1e-12)


def test_a_cluster_of_equal_rows_counts_once():
    twice = np.repeat(np.arange(len(X)), 2)
    model = unpenalised(X[twice], Y[twice])
    plain = inference(unpenalised(X, Y), X, Y, cov_type="HC0")
    grouped = inference(model, X[twice], Y[twice], cov_type="cluster", groups=twice)
    n, m = len(twice), plain.params.size
    correction = len(X) / (len(X) - 1) * (n - 1) / (n - m)
    np.testing.assert_allclose(grouped.bse, plain.bse * np.sqrt(correction), rtol=1e-8)


def test_blocks_of_rows_change_nothing(monkeypatch):
    from luce.estimators import inference_rows

    model = unpenalised(X, Y)
    groups = np.arange(len(X)) % 20
    whole = inference(model, X, Y, cov_type="cluster", groups=groups)
    effects = whole.marginal_effects().std_err
    monkeypatch.setattr(inference_rows, "_LEAST_ROWS", 7)
    monkeypatch.setattr(inference_rows, "_BLOCK_BYTES", 1)
    parts = inference(model, X, Y, cov_type="cluster", groups=groups)
    assert len(list(parts._fitted.likelihood.parts())) == 26
    np.testing.assert_allclose(parts.bse, whole.bse, rtol=1e-12)
    np.testing.assert_allclose(parts.marginal_effects().std_err, effects, rtol=1e-10)


def deviance_when_held(columns, y, k, result, column, j, value):
    """Return twice the likelihood lost where one coefficient is held, by SciPy's BFGS."""
    best = result.params.T

    def loss(flat):
        beta = flat.reshape(best.shape).copy()
        beta[j, column] = value
        z = np.column_stack([np.zeros(len(columns)), columns @ beta.T])
        p = np.exp(z - logsumexp(z, axis=1)[:, None])
        gradient = (p - np.eye(k)[y])[:, 1:].T @ columns
        gradient[j, column] = 0
        own = z[np.arange(len(y)), y]
        return float((logsumexp(z, axis=1) - own).sum()), gradient.ravel()

    found = minimize(loss, best.ravel(), jac=True, method="BFGS", options={"gtol": 1e-9})
    return 2 * (found.fun + result.llf)


@pytest.mark.parametrize(("seed", "level"), [(0, 0.9), (1, 0.95), (2, 0.9999)])
def test_the_ends_of_profile_intervals_lose_what_the_level_allows(seed, level):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(60, 2))
    y = (rows @ random.normal(size=(2, 3)) + random.gumbel(size=(60, 3))).argmax(axis=1)
    result = inference(unpenalised(rows, y), rows, y)
    columns = np.column_stack([np.ones(60), rows])
    ends = result.profile_conf_int(level)
    assert (ends[..., 0] < result.params.T).all()
    assert (ends[..., 1] > result.params.T).all()
    for j, column, end in [(0, 0, 0), (0, 2, 1), (1, 1, 0), (1, 1, 1)]:
        lost = deviance_when_held(columns, y, 3, result, column, j, ends[j, column, end])
        assert lost == pytest.approx(chi2.ppf(level, 1), rel=1e-6)
    np.testing.assert_array_equal(result.profile_conf_int(level, ["x2"])[:, 0], ends[:, 2])


def test_marginal_effects_are_derivatives_and_their_errors_the_delta_method():
    result = inference(unpenalised(X, Y), X, Y)
    columns = np.column_stack([np.ones(len(X)), X])

    def effects(flat):
        theta = np.vstack([np.zeros(3), flat.reshape(2, 3)])
        moved = []
        for c in (1, 2):
            h = np.zeros(3)
            h[c] = 1e-4
            ends = [np.exp(z - logsumexp(z, axis=1)[:, None]).mean(axis=0)
                    for z in ((columns + h) @ theta.T, (columns - h) @ theta.T)]  # fmt: skip
            moved.append((ends[0] - ends[1]) / 2e-4)
        return np.array(moved)

    flat = result.params.ravel(order="F")
    margins = result.marginal_effects()
    np.testing.assert_allclose(margins.effects, effects(flat), rtol=1e-6)
    np.testing.assert_allclose(margins.effects.sum(axis=1), 0, atol=1e-15)
    steps = 1e-3 * result.bse.ravel(order="F")
    slopes = [(effects(flat + s) - effects(flat - s)) / (2 * s.sum()) for s in np.diag(steps)]
    jacobian = np.stack(slopes, axis=-1)  # (2, 3, m)
    variance = np.einsum("cjm,mn,cjn->cj", jacobian, result.cov_params(), jacobian)
    np.testing.assert_allclose(margins.std_err, np.sqrt(variance), rtol=1e-4)


def test_likelihood_ratio_and_wald_tests_of_a_column():
    full = inference(unpenalised(X, Y), X, Y)
    small = inference(unpenalised(X[:, :1], Y), X[:, :1], Y)
    found = full.lr_test(small)
    assert found.statistic == pytest.approx(2 * (full.llf - small.llf))
    assert found.df == 2
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 2))
    wald = full.wald_test(["x2"])
    at = [2, 5]
    beta = full.params.ravel(order="F")[at]
    spread = np.linalg.inv(full.cov_params()[np.ix_(at, at)])
    assert wald.statistic == pytest.approx(beta @ spread @ beta)
    assert wald.df == 2
    with pytest.raises(ParameterError, match="smaller of two nested models"):
        small.lr_test(full)


def test_finds_the_optimum_that_a_loose_fit_has_missed():
    loose = SoftmaxRegression(C=np.inf, tol=0.3).fit(X, Y)
    result = inference(loose, X, Y)
    assert result.moved > 1e-5
    tight = inference(unpenalised(X, Y, tol=1e-9), X, Y)
    assert tight.moved < 1e-2
    np.testing.assert_allclose(result.params, tight.params, rtol=1e-10)


def test_a_model_that_does_not_know_its_objective_is_taken_at_its_word():
    plain = inference(unpenalised(X, Y), X, Y)
    model = unpenalised(X, Y)
    del model.objective_
    np.testing.assert_array_equal(inference(model, X, Y).bse, plain.bse)


def test_float32_rows_are_read_in_double():
    rows = X.astype(np.float32)
    result = inference(unpenalised(rows, Y), rows, Y)
    exact = inference(unpenalised(rows.astype(float), Y), rows.astype(float), Y)
    np.testing.assert_allclose(result.bse, exact.bse, rtol=1e-12)


def test_sparse_rows_and_bytes_are_read_as_they_are():
    rows = np.random.default_rng(0).poisson(0.7, (200, 3)).astype(np.uint8)
    y = ((rows @ [[0, 1, 0], [1, 0, 0], [0, 0, 1]]) + np.arange(600).reshape(200, 3) % 5).argmax(1)
    plain = inference(unpenalised(rows.astype(float), y), rows.astype(float), y)
    for table in (sparse.csr_array(rows.astype(float)), rows):
        other = inference(unpenalised(table, y), table, y)
        np.testing.assert_allclose(other.bse, plain.bse, rtol=1e-9)
        np.testing.assert_allclose(other.params, plain.params, rtol=1e-9)


def test_works_where_the_exponential_of_a_logit_overflows():
    amount, y = invoices()
    result = inference(unpenalised(amount, y), amount, y)
    logits = amount * result.params[1].max()
    assert logits.max() > 710  # exp of it is inf in float64
    assert np.isfinite(result.bse).all()
    near = inference(unpenalised(amount / 1e3, y), amount / 1e3, y)
    np.testing.assert_allclose(near.tvalues, result.tvalues, rtol=1e-9)


def invoices():
    random = np.random.default_rng(0)
    amount = np.exp(random.normal(7, 2.5, 1000)).round(2)
    z = np.outer(amount / np.exp(7), [0, 0.8, 1.5]) - [0, 0, 1]
    return amount[:, None], (z + random.gumbel(size=z.shape)).argmax(axis=1)


# What cannot be inferred


def test_separated_classes_have_no_standard_errors():
    rows, y = load_iris(return_X_y=True)
    with pytest.warns(UserWarning, match="separated"):
        model = unpenalised(rows, y)
    with pytest.raises(DataError, match=r"some classes can be separated.*finite C"):
        inference(model, rows, y)
    assert np.isfinite(inference(SoftmaxRegression().fit(rows, y), rows, y).bse).all()


def test_a_dependent_column_is_named():
    rows = np.column_stack([X, X @ [1, 2]])
    frame = pytest.importorskip("pandas").DataFrame(rows, columns=["alcohol", "hue", "sum"])
    model = unpenalised(frame, Y)
    with pytest.raises(DataError, match=r"independent, but column sum is a combination"):
        inference(model, frame, Y)
    constant = np.column_stack([X[:, 0], np.full(len(X), 3.0)])
    model = unpenalised(constant, Y)
    with pytest.raises(DataError, match=r"column x2 is a combination"):
        inference(model, constant, Y)


def test_names_of_a_frame_and_its_target_are_shown():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["alcohol", "hue"])
    y = pandas.Series(np.array(["ant", "bee", "cow"])[Y], name="animal")
    result = inference(unpenalised(frame, y), frame, y)
    assert result.names == ("const", "alcohol", "hue")
    text = str(result)
    assert "animal=bee" in text
    assert "animal=ant" not in text
    html = result._repr_html_()
    assert html.count("<table") == html.count("</table>") == 2
    assert "<th>alcohol</th>" in html
    assert "<th>animal=ant</th>" in result.marginal_effects()._repr_html_()


def test_other_rows_than_those_of_the_fit_are_refused():
    model = unpenalised(X, Y)
    with pytest.raises(DataError, match="those that the model was fitted to"):
        inference(model, X[::2], Y[::2])
    with pytest.raises(DataError, match="those that the model was fitted to"):
        inference(model, X, Y, sample_weight=np.arange(len(X)))
    with pytest.raises(LabelError, match=r"classes of the model, got 1 on one side.*at fault: 2"):
        inference(model, X, np.where(Y == 1, 7, Y))
    with pytest.raises(LabelError, match=r"shape \(178, 3\)"):
        inference(model, X, np.eye(3)[Y])


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({"label_smoothing": 0.1}, {}, "label_smoothing must be 0"),
        ({"class_weight": "balanced"}, {}, "class_weight"),
        (
            {"class_weight": "balanced", "correct_prior": True},
            {"cov_type": "HC0"},
            "correct_prior must be False",
        ),
        ({"l1_ratio": 0.5}, {}, "l1_ratio must be 0"),
        ({}, {"cov_type": "HC9"}, "nonrobust, HC0, cluster, got 'HC9'"),
        ({}, {"cov_type": "cluster"}, "groups must be given"),
        ({}, {"groups": Y}, "groups must be given"),
        ({}, {"cov_type": "cluster", "groups": Y[:9]}, "one value a row"),
        ({}, {"cov_type": "cluster", "groups": 0 * Y}, "two groups at least"),
        ({}, {"reference": "ant"}, "reference must be a class of the model, got 'ant'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, arguments, message):
    model = SoftmaxRegression(**options).fit(X, Y)
    with pytest.raises((ParameterError, DataError), match=message):
        inference(model, X, Y, **arguments)


def test_questions_that_cannot_be_answered_are_refused():
    result = inference(unpenalised(X, Y), X, Y)
    with pytest.raises(ParameterError, match="level must lie between 0 and 1, got 95"):
        result.conf_int(95)
    with pytest.raises(ParameterError, match="const, x1, x2, got 'hue'"):
        result.wald_test(["hue"])
    with pytest.raises(ParameterError, match="without a penalty"):
        result.lr_test(inference(SoftmaxRegression().fit(X[:, :1], Y), X[:, :1], Y))


def test_class_weights_need_robust_errors_and_say_so():
    model = SoftmaxRegression(C=np.inf, class_weight="balanced").fit(X, Y)
    result = inference(model, X, Y, cov_type="HC0")
    assert "weighted by class" in str(result)


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 3))
@settings(max_examples=20)
def test_intervals_and_p_values_agree(seed, k, d):
    rows, y = made(seed, n=120, d=d, k=k)
    try:
        result = inference(SoftmaxRegression(C=1e3).fit(rows, y), rows, y)
    except DataError:
        return
    outside = (result.conf_int(0.9) > 0).all(axis=-1) | (result.conf_int(0.9) < 0).all(axis=-1)
    np.testing.assert_array_equal(outside, result.pvalues.T < 0.1)
    assert result.llf <= 0
    covariance = result.cov_params()
    np.testing.assert_array_equal(covariance, covariance.T)


def test_is_at_the_top():
    assert luce.inference is inference

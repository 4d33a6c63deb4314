"""Softmax regression that chooses its C by cross-validation."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from luce.errors import ParameterError
from luce.estimators import options
from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.fold_scores import ROW_SCORES, Scoring, choose
from luce.estimators.linear_classifier import DTYPES, LinearClassifier
from luce.estimators.penalty_path import PenaltyPath, path_data
from luce.estimators.softmax_regression import SoftmaxRegression
from luce.solvers import Split

Doubles = NDArray[np.float64]
Entry = dict[str, Any]

_RULES = ("best", "one_standard_error")
_SOLVERS = ("auto", "newton", "lbfgs")
_ALO = "alo"


class SoftmaxRegressionCV(LinearClassifier):
    r"""`SoftmaxRegression` with the best C of a path, by cross-validation at a few fits' cost.

    The whole path and all folds share their work: each C starts from the one before, each fold
    from all rows at the same C, and their curvature is measured once. With ``cv="alo"`` no
    fold is fitted at all: approximate leave-one-out. The model itself is fitted on all rows, with
    a proven gap.

    Parameters
    ----------
    Cs : int or list of floats, default=10
        Values of C, or how many from 1e-4 to 1e4, evenly in the logarithm.
    cv : int, splitter, iterable or "alo", optional
        As in scikit-learn; without it, 5 stratified folds. "alo": approximate leave-one-out.
    scoring : str, callable or None, default="neg_log_loss"
        What is compared: a scorer's name, or ``scorer(model, X, y)``; None: the accuracy. The
        default is a proper score: it rewards honest probabilities, and tells more than accuracy.
    rule : {"best", "one_standard_error"}, default="best"
        The C with the best mean score, or the smallest one that is not worse by more than the
        standard error of the best.
    refit : bool, default=True
        Whether the best C is fitted on all rows; else the coefficients of the folds, each at
        its own best C, are averaged.
    fit_intercept : bool, default=True
        Whether to learn an intercept, which is not penalised.
    class_weight : dict or "balanced", optional
        As in `SoftmaxRegression`; scores do not count it.
    correct_prior : bool, default=False
        As in `SoftmaxRegression`; scores are those of the corrected probabilities.
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        Of the last fit.
    tol : float, default=1e-4
        Proven gap of the last fit.
    max_iter : int, default=1000
        Most iterations of each fit.
    verbose : int, default=0
        1 prints a line for each C.
    label_smoothing : float, default=0.0
        As in `SoftmaxRegression`; scores do not count it.
    callbacks : list of callables, optional
        Each is called with an entry (a dict) for each C, then for each iteration of the last fit.

    Attributes
    ----------
    C_ : float
        The C that was chosen (without `refit`: the mean of the folds' choices).
    Cs_ : array of shape (n_cs,)
        The values of C, in the order given.
    scores_ : array of shape (n_folds, 1, n_cs)
        Of each fold (of each row, for "alo"); the axis of 1 is that of scikit-learn's l1_ratios.
    standard_error_ : float
        Of the best mean score.
    coefs_paths_ : array of shape (n_folds, 1, n_cs, n_classes, n_features + 1)
        Coefficients of each fold, then the intercept if there is one ("alo": of all rows, as one
        fold). Two classes have one row, as in `coef_`.
    n_iter_ : array of shape (n_folds, 1, n_cs)
        Passes over the rows that each fold took.
    coef_, intercept_, classes_, n_features_in_, feature_names_in_
        As in `SoftmaxRegression`.
    gap_, objective_, lower_bound_, converged_
        Of the last fit; without one the gap is infinite, and the others are NaN and False.
    interrupted_ : bool
        Whether Ctrl-C ended the path or the last fit; the best model so far is kept.
    history_ : list of dict
        An entry for each C in rising order: C, score, standard_error, passes, seconds; then
        those of the last fit.

    Notes
    -----
    Folds are left as soon as the mean loss of their held-out rows is known to about 0.3 %;
    ``docs/choosing_C.md`` derives the rule, approximate leave-one-out, and their costs. Memory: two
    more copies of X. With metadata routing, `fit` passes parameters on to the splitter.

    The names and shapes of the attributes are those of scikit-learn's ``LogisticRegressionCV``
    with ``use_legacy_attributes=False``, its only form from version 1.12 on.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce import SoftmaxRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=[0.01, 1, 100], cv="alo").fit(X, y)
    >>> model.C_, model.scores_.shape, bool(model.gap_ <= 1e-4)
    (1.0, (178, 1, 3), True)
    """

    def __init__(
        self,
        *,
        Cs: int | Iterable[float] = 10,
        cv: Any = None,
        scoring: Scoring = "neg_log_loss",
        rule: str = "best",
        refit: bool = True,
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
        correct_prior: bool = False,
        solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int = 1000,
        verbose: int = 0,
        label_smoothing: float = 0.0,
        callbacks: Collection[Callable[[Entry], object]] | None = None,
    ) -> None:
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.rule = rule
        self.refit = refit
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.correct_prior = correct_prior
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose
        self.label_smoothing = label_smoothing
        self.callbacks = callbacks

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Follow the path, choose C, and fit all rows with it.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_rows, n_features)
            As in `SoftmaxRegression`.
        y : array_like of shape (n_rows,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row in fits and scores.
        **params : dict
            For the splitter, with metadata routing: ``groups``, say.

        Returns
        -------
        SoftmaxRegressionCV
            The estimator itself, also after Ctrl-C (see `interrupted_`).

        Raises
        ------
        ParameterError
            If an option has an impossible value, or a fold has no rows to learn from.
        LabelError
            If y holds fewer than two classes.
        ValueError
            If X is not a finite matrix, or a weight is negative.
        """
        values = self._checked()
        table, target = validate_data(self, X, y, accept_sparse="csr", dtype=list(DTYPES))
        weights = _check_sample_weight(
            sample_weight, table, dtype=np.float64, ensure_non_negative=True
        )
        data = path_data(self, table, target, weights)
        splits = self._splits(table, target, data.objective.weights, self._for_splitter(params))
        scored = None if sample_weight is None else weights
        path = PenaltyPath(self, table, data, splits, scored, weights, values)
        with one_blas_thread():  # the solvers share out the rows
            path.follow()
        self.classes_, self.Cs_, self.scores_ = data.classes, values, path.scores[:, None, :]
        self.coefs_paths_, self.n_iter_ = path.coefs[:, None], path.passes[:, None, :]
        self._choose(path, weights)
        self._finish(path, X, y, sample_weight)
        return self

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the score that `scoring` names: with the default, minus the mean loss."""
        check_is_fitted(self)
        weighted = {} if sample_weight is None else {"sample_weight": sample_weight}
        scorer = get_scorer("accuracy" if self.scoring is None else self.scoring)
        return float(scorer(self, X, y, **weighted))

    def get_metadata_routing(self) -> Any:
        """Return who gets which metadata: weights are used here, the rest is the splitter's."""
        router = MetadataRouter(owner=self).add_self_request(self)
        if not isinstance(self.cv, str):
            to_splitter = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=self.cv, method_mapping=to_splitter)
        return router

    def _for_splitter(self, params: dict[str, Any]) -> dict[str, Any]:
        _raise_for_params(params, self, "fit")
        if not (params and _routing_enabled()):
            return {}
        return dict(process_routing(self, "fit", **params).splitter.split)

    def _checked(self) -> Doubles:
        """Check the options, and return the values of C."""
        options.check_choice("rule", self.rule, _RULES)
        options.check_choice("solver", self.solver, _SOLVERS)
        for name in ("refit", "fit_intercept", "correct_prior"):
            options.check_flag(name, getattr(self, name))
        options.check_number("tol", self.tol, "positive", lambda t: 0 < t < np.inf)
        options.check_count("max_iter", self.max_iter)
        options.check_number(
            "label_smoothing", self.label_smoothing, "in [0, 1)", lambda e: 0 <= e < 1
        )
        options.check_class_weight(self.class_weight)
        options.check_callbacks(self.callbacks)
        if isinstance(self.cv, str) and self.cv == _ALO:
            if self.scoring is not None and self.scoring not in ROW_SCORES:
                raise ParameterError(
                    f"cv='alo' scores single rows: scoring must be one of"
                    f" {', '.join(ROW_SCORES)}, got {self.scoring!r}. Pass cv=5 for other scores."
                )
        elif isinstance(self.cv, str):
            raise ParameterError(
                f"cv must be a number of folds, a splitter, an iterable of splits, or 'alo', got"
                f" {self.cv!r}. For approximate leave-one-out pass cv='alo'."
            )
        return _values(self.Cs)

    def _splits(
        self, table: Any, target: NDArray[Any], weights: Doubles, params: dict[str, Any]
    ) -> list[Split]:
        if isinstance(self.cv, str):
            return []
        folds = check_cv(self.cv, target, classifier=True).split(table, target, **params)
        rows = np.arange(len(target))
        splits = [Split(rows[train], rows[test]) for train, test in folds]
        for number, split in enumerate(splits):
            if not (len(split.test) and weights[split.train].sum() > 0):
                raise ParameterError(
                    f"each fold must hold rows with weight to learn from and rows to score, got"
                    f" {len(split.train)} and {len(split.test)} rows, with the weight"
                    f" {weights[split.train].sum():g}, in fold {number}. Pass fewer folds."
                )
        return splits

    def _choose(self, path: PenaltyPath, weights: Doubles) -> None:
        """Choose C by the scores, whatever the order in which its values were given."""
        if path.done == 0:
            self.C_, self.standard_error_ = float(path.ordered[0]), np.nan
            return
        order = path.order[: path.done]
        of_rows = weights if isinstance(self.cv, str) else None
        found = choose(path.scores[:, order], of_rows, self.rule)
        self.standard_error_ = found.standard_error
        self.C_ = float(path.ordered[found.place])

    def _finish(
        self, path: PenaltyPath, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> None:
        self.history_, self.interrupted_ = path.history, path.interrupted
        self.gap_, self.objective_, self.lower_bound_ = np.inf, np.nan, -np.inf
        self.converged_ = False
        coef, intercept = path.coefficients_at(self.C_)
        self.coef_, self.intercept_ = coef, intercept
        if path.interrupted:
            return
        if self.refit:
            self._fit_all(X, y, sample_weight, path.shift)
        elif path.splits:
            self._average()

    def _fit_all(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        shift: Doubles | float,
    ) -> None:
        """Go on from the path to a proof."""
        last = SoftmaxRegression(
            C=self.C_,
            fit_intercept=self.fit_intercept,
            class_weight=self.class_weight,
            correct_prior=self.correct_prior,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            label_smoothing=self.label_smoothing,
            verbose=self.verbose,
            callbacks=self.callbacks,
            warm_start=True,
        )
        last.classes_, last.coef_, last.intercept_ = self.classes_, self.coef_, self.intercept_
        last._shift = shift
        last.fit(X, y, sample_weight)
        # In float64, also for float32 tables: a large C makes rows more certain than float32 knows.
        self.coef_ = last.coef_.astype(np.float64)
        self.intercept_ = last.intercept_.astype(np.float64)
        self.gap_, self.objective_, self.lower_bound_ = (
            last.gap_,
            last.objective_,
            last.lower_bound_,
        )
        self.converged_, self.interrupted_ = last.converged_, last.interrupted_
        self.history_ = [*self.history_, *last.history_]

    def _average(self) -> None:
        """Average the folds' coefficients, each at its own best C: scikit-learn's `refit=False`."""
        best = np.nanargmax(self.scores_[:, 0], axis=1)
        mean = self.coefs_paths_[np.arange(len(best)), 0, best].mean(axis=0)
        d = self.n_features_in_
        self.coef_ = mean[:, :d]
        self.intercept_ = mean[:, d] if self.fit_intercept else np.zeros(len(mean))
        self.C_ = float(self.Cs_[best].mean())


def _values(given: int | Iterable[float]) -> Doubles:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool) and given >= 1:
        return np.logspace(-4, 4, int(given))
    try:
        values = np.asarray(list(given), dtype=np.float64)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        values = np.empty(0)
    if not (values.ndim == 1 and len(values) and (values > 0).all()):
        raise ParameterError(
            f"Cs must be a whole number from 1 or a list of positive numbers, got {given!r}. Pass"
            " Cs=10 for ten values from 1e-4 to 1e4."
        )
    return values

"""One logistic regression a class, "this one or another?", and what they say together."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from luce import functions
from luce.estimators.binary_problems import BinaryProblems
from luce.estimators.linear_classifier import DTYPES, linear_logits
from luce.estimators.one_vs_rest_coupling import COUPLINGS
from luce.estimators.options import check_choice

Floats = NDArray[np.floating[Any]]


class OneVsRest(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    r"""One-vs-rest logistic regression, each problem solved with a proof.

    For each class the binary problem "this class, or another?" is minimised as scikit-learn's
    ``LogisticRegression`` does, :math:`C \sum_i s_i \log(1 + e^{-t_i z_i}) + \tfrac12 |w|^2`.
    Equal to ``OneVsRestClassifier(LogisticRegression())``, which converges where that does not.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the L2 penalty of each problem; ``np.inf`` for none.
    coupling : {"normalised", "likelihood", "softmax"}, default="normalised"
        How k estimates become probabilities that sum to 1. "normalised": divided by their sum,
        as scikit-learn does; "likelihood": the distribution with the smallest sum of
        divergences from the k estimates (Huang, Weng and Lin); "softmax": that of the logits,
        the right answer if classes fired independently and exactly one did.
    fit_intercept : bool, default=True
        Whether to learn intercepts, which are not penalised.
    class_weight : dict or "balanced", optional
        Weight of each class, in all problems; "balanced": inverse to its frequency.
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        As in `SoftmaxRegression`.
    tol : float, default=1e-4
        Proven bound on (f - f*) / f* at which each problem ends.
    max_iter : int, default=1000
        At most this many iterations for each problem.

    Attributes
    ----------
    coef_ : array of shape (n_classes, n_features), or (1, n_features) for two classes
        Coefficients of the log-odds of each class.
    intercept_ : array of shape (n_classes,) or (1,)
        Their intercepts.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    gap_, gaps_ : float, array of shape (n_classes,) or (1,)
        Proven upper bound on (f - f*) / f* of the worst problem, and of each.
    converged_ : bool
        Whether ``gap_ <= tol``.
    n_iter_ : array of shape (n_classes,) or (1,)
        Iterations of each problem.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The columns are standardised once for all problems. All couplings put the classes in the
    order of their logits, so `predict` does not depend on them. ``docs/classifiers.md`` measures
    what they are worth.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce import OneVsRest
    >>> X, y = load_wine(return_X_y=True)
    >>> model = OneVsRest().fit(X, y)
    >>> bool(model.gap_ <= 1e-4), round(model.score(X, y), 4)
    (True, 0.9831)
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        coupling: str = "normalised",
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
        solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int = 1000,
    ) -> None:
        self.C = C
        self.coupling = coupling
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the coefficients.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_rows, n_features)
            Finite features, in any units. Sparse matrices stay sparse.
        y : array_like of shape (n_rows,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, not negative.

        Returns
        -------
        OneVsRest
            The estimator itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If y holds fewer than two classes.
        ValueError
            If X is not a finite matrix, or a weight is negative.
        """
        check_choice("coupling", self.coupling, COUPLINGS)
        problems = BinaryProblems.of(self, X, y, sample_weight)
        rows = problems.rows
        k = len(rows.classes)
        asked = [1] if k == 2 else range(k)  # of two classes one question answers both
        solved = problems.solve(self, [partial(problems.against_rest, j) for j in asked])
        self.classes_ = rows.classes
        solved.describe(self)
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the log-odds of each class against the rest, shape (n_rows, n_classes).

        For two classes those of the second, shape (n_rows,).
        """
        check_is_fitted(self)
        table = validate_data(self, X, accept_sparse="csr", dtype=list(DTYPES), reset=False)
        logits = linear_logits(table, self.coef_, self.intercept_)
        return logits[:, 0] if len(self.coef_) == 1 else logits

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row."""
        logits = self.decision_function(X)
        winner = (logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winner]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, shape (n_rows, n_classes); each row sums to 1."""
        return functions.softmax(self._coupled(X))

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the logarithm of `predict_proba`, accurate also where a class wins clearly."""
        return functions.log_softmax(self._coupled(X))

    def _coupled(self, X: ArrayLike) -> Floats:
        """Return logits (n, k) of the coupled probabilities."""
        z = self.decision_function(X)
        if z.ndim == 1:
            return np.column_stack([np.zeros_like(z), z])
        return COUPLINGS[self.coupling](z.astype(np.float64))

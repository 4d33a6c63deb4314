"""One logistic regression a pair of classes, and what they say together."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from luce.estimators.binary_problems import BinaryProblems
from luce.estimators.linear_classifier import DTYPES, linear_logits
from luce.estimators.logit_classifier import LogitClassifier
from luce.estimators.options import check_choice
from luce.estimators.pairwise_coupling import COUPLINGS, coupled, pairs_of

Floats = NDArray[np.floating[Any]]


class OneVsOne(LogitClassifier):
    r"""One-vs-one logistic regression: k (k - 1) / 2 binary problems, each solved with a proof.

    Each pair of classes gets a logistic regression on the rows of these two, as scikit-learn's
    ``OneVsOneClassifier(LogisticRegression())``, which has no probabilities. Here they are
    coupled, and `predict` gives the most probable class.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the L2 penalty of each problem; ``np.inf`` for none.
    coupling : {"wu-lin-weng", "hastie-tibshirani"}, default="wu-lin-weng"
        How the estimates of the pairs become probabilities: by least squares, with a small
        linear system for each row (Wu, Lin and Weng 2004, their second method, as in LIBSVM),
        or by the model of Bradley and Terry (Hastie and Tibshirani 1998), iteratively.
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
    coef_ : array of shape (n_pairs, n_features)
        Coefficients of the log-odds of the second class of each pair.
    intercept_ : array of shape (n_pairs,)
        Their intercepts.
    pairs_ : array of shape (n_pairs, 2)
        Which of `classes_` each pair holds, counted from 0.
    pair_weight_ : array of shape (n_pairs,)
        The weight of the rows of each pair.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    gap_, gaps_ : float, array of shape (n_pairs,)
        Proven upper bound on (f - f*) / f* of the worst problem, and of each.
    converged_ : bool
        Whether ``gap_ <= tol``.
    n_iter_ : array of shape (n_pairs,)
        Iterations of each problem.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The columns are standardised once for all problems, and small problems are solved side by
    side on all threads. A row of k classes needs k^2 numbers while it is coupled; rows are taken
    in blocks. See `luce.estimators.pairwise_coupling` for the methods.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce import OneVsOne
    >>> X, y = load_wine(return_X_y=True)
    >>> model = OneVsOne().fit(X, y)
    >>> bool(model.gap_ <= 1e-4), model.coef_.shape
    (True, (3, 13))
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        coupling: str = "wu-lin-weng",
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
        OneVsOne
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
        self.pairs_ = pairs_of(len(rows.classes))
        solved = problems.solve(
            self, [partial(problems.of_pair, i, j) for i, j in self.pairs_.tolist()]
        )
        of_class = np.bincount(rows.labels, rows.weights, len(rows.classes))
        self.pair_weight_ = of_class[self.pairs_].sum(axis=1)
        self.classes_ = rows.classes
        solved.describe(self)
        return self

    def pair_decision_function(self, X: ArrayLike) -> Floats:
        """Return the log-odds of the second class of each of `pairs_`, (n_rows, n_pairs)."""
        check_is_fitted(self)
        table = validate_data(self, X, accept_sparse="csr", dtype=list(DTYPES), reset=False)
        return linear_logits(table, self.coef_, self.intercept_)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the coupled log-probabilities, (n_rows, n_classes); two classes: the log-odds.

        Up to a constant for each row; for two classes the shape is (n_rows,).
        """
        return self._logits(X)

    def _logits(self, X: ArrayLike) -> Floats:
        log_odds = self.pair_decision_function(X)
        if len(self.classes_) == 2:
            return log_odds[:, 0]
        wide = log_odds.astype(np.float64)
        return coupled(wide, len(self.classes_), self.pair_weight_, self.coupling)

"""Softmax regression: multinomial logistic regression that always reaches its optimum."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import check_is_fitted, validate_data

from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.checked_input import is_checked, row_weights
from luce.estimators.class_separation import separation_message
from luce.estimators.distributed import fit_partitions
from luce.estimators.kinked_penalty import kinked_penalty
from luce.estimators.labelled_rows import labelled_rows
from luce.estimators.linear_classifier import DTYPES
from luce.estimators.logistic_regression import logistic_regression
from luce.estimators.minibatch import train_in_batches
from luce.estimators.options import MINIBATCH, check_options
from luce.estimators.partial_fit import Batches, check_streamable, learn_batch
from luce.estimators.partitions import is_partitioned
from luce.estimators.problem import (
    CERTAIN,
    check_total,
    parameters,
    penalty_share,
    square_penalty,
    standardised_problem,
)
from luce.estimators.row_targets import holds_distributions, log_class_weights, row_targets
from luce.estimators.solved_classifier import SolvedClassifier
from luce.estimators.streamed import check_stream_options, fit_stream
from luce.solvers import Journal, Result, RowStream, Targets, minimise

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
Entry = dict[str, Any]


class SoftmaxRegression(SolvedClassifier):
    r"""Softmax (multinomial logistic) regression with a proven distance from the optimum.

    Minimises the same function as scikit-learn's ``LogisticRegression``,

    .. math:: C \sum_i s_i \, CE(t_i, \mathrm{softmax}(W x_i + b))
              + \tfrac{1 - r}{2} |W|^2 + r N(W),

    with the share r = `l1_ratio` of the L1 norm, or of the group norm that `penalty_groups` names
    (for two classes with one row of coefficients, the log-odds of the second class) on features
    in whatever units they come: scaling them is not needed, nor raising ``max_iter``.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty; ``np.inf`` for none. Without a penalty, classes that can
        be separated have no optimum: a `SeparationWarning` then says which, by which features.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, in ``[0, 1]``: 0 is the ridge, 1 the lasso, in between stands the
        elastic net. Coefficients that the L1 penalty makes zero are exactly zero.
    penalty_groups : {"feature"}, optional
        "feature" puts the 2-norm of each feature's coefficients in the place of their absolute
        values: all classes of a feature are zero together, or none is.
    fit_intercept : bool, default=True
        Whether to learn ``b``, which is not penalised.
    class_weight : dict or "balanced", optional
        Weight of each class; "balanced": inverse to its frequency.
    correct_prior : bool, default=False
        Whether probabilities are brought back to the shares that the classes have without
        `class_weight`: the logarithm of its weight is taken off the intercept of each class.
    solver : {"auto", "newton", "newton-cg", "lbfgs", "sgd", "adam"}, default="auto"
        "auto" chooses between Newton's method and whitened L-BFGS by the size of the problem,
        and takes proximal Newton's method for ``l1_ratio > 0``; all stop on a proof. "sgd" and
        "adam" train in minibatches, the classical way.
    tol : float, default=1e-4
        Proven bound on (f - f*) / f* at which all solvers but "sgd" and "adam" stop.
    max_iter : int, default=1000
        At most this many iterations; most problems need 10 to 100.
    warm_start : bool, default=False
        Whether `fit` starts from the coefficients of the previous `fit`.
    verbose : int, default=0
        1 prints a line an iteration or epoch.
    random_state : int, optional
        Seed of the minibatches and of the held-out rows.
    label_smoothing : float, default=0.0
        Share of each target that is spread evenly over all classes, in ``[0, 1)``.
    callbacks : list of callables, optional
        Each is called with the newest entry of the history (a dict).
    epochs, batch_size : int, default=20, 128
        Passes over the rows and rows a step, for "sgd" and "adam".
    learning_rate : float, optional
        Default for "sgd": the inverse of the largest curvature; for "adam": 0.01.
    schedule : {"cosine", "linear", "constant"}, default="cosine"
        Factor of the learning rate from the first step to the last.
    clip_norm : float, optional
        Longer gradients are shortened to this norm.
    momentum : float, default=0.9
        Of "sgd".
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping of "sgd" and "adam"; 0 holds out none.
    patience : int, optional, default=5
        Epochs without a lower held-out loss after which training stops; None: never.

    Attributes
    ----------
    coef_ : array of shape (n_classes, n_features), or (1, n_features) for two classes
        W, in the units of the features.
    intercept_ : array of shape (n_classes,) or (1,)
        b.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    gap_ : float
        Proven upper bound on (f - f*) / f*; inf where nothing is proven. Once f is below
        1e-14 it is f itself, for f* may be 0: where classes can be separated without a penalty.
    objective_ : float
        f, divided by ``C * sum(s)``: the weighted mean loss plus its share of the penalty.
    lower_bound_ : float
        Proven lower bound on the optimum, in the units of `objective_`; -inf where there is none.
    converged_ : bool
        Whether ``gap_ <= tol`` ("sgd" and "adam": always True).
    interrupted_ : bool
        Whether Ctrl-C ended the training; the best model so far is kept.
    n_iter_ : array of shape (1,)
        Iterations, or epochs.
    history_ : list of dict
        An entry an iteration: iteration, objective, gap, gradient_norm, train_accuracy,
        seconds; or an epoch: epoch, train_loss, train_accuracy, valid_loss, valid_accuracy,
        learning_rate, seconds.
    n_passes_ : int
        How often a stream was read; only there after a `fit` on one.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The proofs are derived in ``docs/certificates.md``. Memory: one more copy of X.

    Source: D. Böhning (1992), Multinomial logistic regression algorithm, AISM 44 (the bound
    that whitens); see `luce.solvers` for the methods.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce import SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True)  # raw units: proline in hundreds, hue near 1
    >>> model = SoftmaxRegression().fit(X, y)
    >>> bool(model.gap_ <= 1e-4), model.score(X, y)
    (True, 0.9943820224719101)
    """

    _shift: Doubles | float = 0.0  # that class weights give the logits, and that is taken off
    _batches: Batches | None = None
    _seen = 0.0  # total weight of the rows of `fit`

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        penalty_groups: str | None = None,
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
        correct_prior: bool = False,
        solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int = 1000,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | None = None,
        label_smoothing: float = 0.0,
        callbacks: Collection[Callable[[Entry], object]] | None = None,
        epochs: int = 20,
        batch_size: int = 128,
        learning_rate: float | None = None,
        schedule: str = "cosine",
        clip_norm: float | None = None,
        momentum: float = 0.9,
        validation_fraction: float = 0.1,
        patience: int | None = 5,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.penalty_groups = penalty_groups
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.correct_prior = correct_prior
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.label_smoothing = label_smoothing
        self.callbacks = callbacks
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.momentum = momentum
        self.validation_fraction = validation_fraction
        self.patience = patience

    def fit(
        self,
        X: ArrayLike | RowStream,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the coefficients.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_rows, n_features)
            Finite features, in any units. Sparse matrices stay sparse, float32 stays float32,
            bytes (uint8) become floating point block by block, and a file mapped into memory is
            never read as a whole; everything else is float64. Or a stream of rows with labels
            (``luce.data.stream``), which is read again in every pass, in constant memory. Dask
            arrays and dataframes are learned where their partitions lie (``docs/dask.md``).
        y : array_like of shape (n_rows,) or (n_rows, n_classes)
            Labels of at least two classes, or rows of probabilities over the classes 0, 1, ...;
            None where X is a stream.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, not negative.

        Returns
        -------
        SoftmaxRegression
            The estimator itself, also after Ctrl-C (see `interrupted_`).

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If y holds fewer than two classes, or rows that are no probabilities.
        ValueError
            If X is not a finite matrix, or a weight is negative.
        ConvergenceError
            If the loss of "sgd" or "adam" becomes infinite or NaN.
        """
        check_options(self)
        learn: Callable[..., Self] = self._fit_rows
        if isinstance(X, RowStream):
            learn = self._fit_stream
        elif is_partitioned(X):
            learn = self._fit_partitions
        most = max(self.max_iter, self.epochs)
        fitted: Self = self._followed(learn, most)(X, y, sample_weight)
        return fitted

    def _fit_rows(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> Self:
        """Learn from rows in memory, or mapped into it."""
        if is_checked(X, y):
            table, target = X, y
            self.n_features_in_ = X.shape[1]
            self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        else:
            several = holds_distributions(y)
            options = {"accept_sparse": "csr", "dtype": list(DTYPES), "multi_output": several}
            table, target = validate_data(self, X, y, **options)
        weights = row_weights(table, sample_weight)
        shift = self._log_weights(target, weights)
        classes, targets, weights = row_targets(
            target, weights, self.class_weight, self.label_smoothing
        )
        check_total(weights)
        if not weights.all():  # a row without weight must not even set a unit, or a batch
            used = np.flatnonzero(weights)
            table, targets, weights = table[used], targets.take(used), weights[used]
        previous = self._as_weighted() if self._can_continue(table, classes) else None
        self._shift, self._batches, self._seen = shift, None, float(weights.sum())
        with one_blas_thread():  # the solvers share out the rows
            result = self._solve(table, targets, weights, previous)
        self.classes_ = classes
        self._describe(result)
        self._warn(result, separation_message(self, table, targets, result))
        return self

    def _fit_stream(self, stream: RowStream, *beside: ArrayLike | None) -> Self:
        """Learn from rows that are read again in every pass."""
        check_stream_options(self, *beside)
        journal = Journal(self._tell, negligible=CERTAIN)
        with one_blas_thread():
            fitted = fit_stream(self, stream, journal)
        self.n_features_in_ = len(fitted.measured.centre)
        self._shift, self._batches, self._seen = 0.0, None, float(fitted.rows)
        self._set_coefficients(fitted.measured, fitted.result.theta, fitted.dtype)
        self.classes_, self.n_passes_ = fitted.classes, fitted.passes
        self._describe(fitted.result)
        self._warn(fitted.result, None)
        return self

    def _fit_partitions(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """Learn from the partitions of Dask collections, where they lie."""
        journal = Journal(self._tell, negligible=CERTAIN)
        fitted = fit_partitions(self, X, y, sample_weight, self._strength, journal)
        self._shift = fitted.log_weights if self.correct_prior else 0.0
        self._batches, self._seen = None, fitted.mass
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        self.n_features_in_ = len(fitted.measured.centre)
        if fitted.names is not None:
            self.feature_names_in_ = fitted.names
        self._set_coefficients(fitted.measured, fitted.result.theta, fitted.dtype)
        self.classes_ = fitted.classes
        self._describe(fitted.result)
        self._warn(fitted.result, None)
        return self

    def to_sklearn(self) -> LogisticRegression:
        """Return scikit-learn's ``LogisticRegression`` with these coefficients, as if fitted.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            It predicts the same; whoever uses it does not need luce.
        """
        check_is_fitted(self)
        return logistic_regression(self)

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from rows that come batch by batch and are not kept.

        Each batch is learned exactly, held near what the earlier ones have taught by their
        curvature (`luce.solvers.Stream`). The first call gives what `fit` gives, but for a penalty
        of 0.001 on the intercepts; after many, rows of one distribution bring the coefficients
        near those of `fit` on all rows, by less than the data leave open. No learning rate, nothing
        drawn at random. After `fit` the stream goes on from there. Nothing is proven.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_rows, n_features)
            Features of the batch.
        y : array_like of shape (n_rows,)
            Labels.
        classes : array_like of shape (n_classes,), optional
            All labels that will ever come; needed in the first call.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, not negative.

        Returns
        -------
        SoftmaxRegression
            The estimator itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value; "balanced" weights need all rows at once.
        LabelError
            If y holds a label that `classes` does not.
        ValueError
            If the first call names no classes, or a later one names others.

        Notes
        -----
        Cost of a call: two Hessians of the batch and (kd)^3 / 3 operations; (kd)^2 numbers of
        memory. Above 2000 parameters only diagonals are kept, and more rows are needed. `history_`
        tells the mean loss of each batch before it was learned: an honest running test.
        """
        check_options(self)
        check_streamable(self)
        first = _check_partial_fit_first_call(self, classes)
        rows = labelled_rows(
            self,
            X,
            y,
            sample_weight,
            class_weight=self.class_weight,
            classes=self.classes_,
            reset=first,
            accept_sparse="csr",
            dtype=list(DTYPES),
        )
        with one_blas_thread():
            learn_batch(self, rows, first)
        return self

    def _log_weights(self, y: NDArray[Any], weights: Doubles) -> Doubles | float:
        """Return by how much class weights raise the logits, if that is to be corrected."""
        if not self.correct_prior or self.class_weight is None:
            return 0.0
        return log_class_weights(y, weights, self.class_weight)

    def _strength(self, total: float, classes: int) -> float:
        """Return the strength of the squares in the penalty of the mean over rows."""
        return (1 - self.l1_ratio) * square_penalty(self.C, total, classes)

    def _can_continue(self, X: Floats, classes: NDArray[Any]) -> bool:
        rows = 1 if len(classes) == 2 else len(classes)
        return (
            self.warm_start
            and hasattr(self, "classes_")
            and np.array_equal(self.classes_, classes)
            and self.coef_.shape == (rows, X.shape[1])
        )

    def _solve(
        self,
        X: Any,
        targets: Targets,
        weights: Doubles,
        previous: tuple[Floats, Floats] | None,
    ) -> Result:
        """Minimise in standardised columns, and set the coefficients in the user's units."""
        total = float(weights.sum())
        objective, measured = standardised_problem(
            X,
            targets,
            weights,
            intercept=self.fit_intercept,
            strength=self._strength(total, targets.classes),
        )
        start = np.zeros(objective.shape) if previous is None else parameters(measured, *previous)
        journal = Journal(self._tell, negligible=CERTAIN)
        if self.solver in MINIBATCH:
            result = train_in_batches(self, objective, start, journal)
        else:
            result = minimise(
                objective,
                start,
                tol=self.tol,
                max_iter=self.max_iter,
                solver=self.solver,
                penalty=kinked_penalty(self, measured, penalty_share(self.C, total)),
                journal=journal,
            )
        self._set_coefficients(measured, result.theta, X.dtype)
        return result

"""The classical network: hidden layers with relu and dropout, and a softmax; for scikit-learn."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data
from torch import Tensor

from luce._checks import as_choice, as_finite, as_whole
from luce.errors import LabelError, ParameterError
from luce.functions.perceptron import Perceptron
from luce.nn.perceptron import (
    layers_of,
    perceptron,
    set_weights,
    usual_dropout,
    usual_epochs,
    weights_of,
)
from luce.nn.perceptron_classifier import DTYPES, PerceptronClassifier
from luce.nn.standardised_rows import (
    StandardisedRows,
    Table,
    check_some_weight,
    column_units,
    dtype_of,
    flat,
    known_codes,
    shared_units,
)
from luce.nn.torch_threads import threads_of_luce
from luce.nn.training.loop import advance, fit
from luce.nn.training.plan import Plan
from luce.nn.training.randomness import seeded
from luce.nn.weighted_loss import WeightedLoss

Doubles = NDArray[np.float64]
Entry = dict[str, Any]

_STANDARDIZE = ("auto", "columns", "shared")


class SoftmaxMLP(PerceptronClassifier):
    r"""A multilayer perceptron with a softmax: 784-128-10 with relu and dropout is the classic.

    Trained by `luce.nn.fit` in PyTorch; what is learnt are NumPy arrays, and predicting needs
    NumPy alone. Features may come in any units: they are standardised.

    Parameters
    ----------
    hidden : sequence of int, or int, default=(128,)
        Units of each hidden layer; an int is one layer, ``()`` leaves a softmax regression.
    dropout : float, optional
        Share of the hidden units that each step leaves out; None: 0.2 from 1,000 rows on, and
        none for fewer.
    solver : {"adam", "sgd"}, default="adam"
        Adam with decoupled weight decay, or SGD with momentum.
    epochs : int, optional
        Passes over the rows; None: 20, or as many as make 400 steps.
    batch_size : int, default=128
        Rows a step.
    learning_rate : float, optional
        Largest rate of the schedule; None: 1e-3 for "adam", 0.1 for "sgd".
    schedule : {"cosine", "constant", "linear", "step", "one-cycle"}, default="cosine"
        How the rate changes over the training.
    weight_decay : float, default=0.0
        Of the weights, not of the biases.
    momentum : float, default=0.9
        Of "sgd".
    clip_norm : float, optional
        Longer gradients are shortened to this norm.
    label_smoothing : float, default=0.0
        Share of each target that is spread evenly over all classes, in ``[0, 1)``.
    class_weight : dict or "balanced", optional
        Weight of each class; "balanced": inverse to its frequency.
    correct_prior : bool, default=False
        Whether probabilities are brought back to the shares of the training rows, which
        `class_weight` has changed: the logarithm of its weight is taken off the last bias of each
        class.
    loss : callable, optional
        A loss of one's own in place of the cross-entropy: ``loss(logits, labels)`` of tensors,
        labels from 0; it returns the loss of each row, or the mean.
    standardize : {"auto", "columns", "shared"}, default="auto"
        Whether each column has its own mean and deviation, or all share one as the pixels of
        images do; "auto" shares them for bytes (uint8).
    early_stopping : bool, default=False
        Whether to hold out rows, to keep the epoch with the lowest loss on them, and to stop when
        it does not fall any more.
    validation_fraction : float, default=0.1
        Share of the rows held out for it.
    patience : int, optional, default=5
        Epochs without a lower held-out loss after which training stops; None: never.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous `fit`.
    random_state : int, optional
        Seed of the first weights, the order of the rows, dropout and the held-out rows.
    callbacks : list of callables, optional
        Each is called with the newest entry of the history (a dict).
    verbose : int, default=0
        1 prints a line an epoch.

    Attributes
    ----------
    coefs_ : list of arrays of shape (inputs, outputs)
        The weights of each layer, as those of scikit-learn's ``MLPClassifier``.
    intercepts_ : list of arrays of shape (outputs,)
        The biases.
    centre_, scale_ : arrays of shape (n_features,)
        What is taken off each feature, and what it is divided by.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    history_ : list of dict
        An entry an epoch: epoch, train_loss, train_accuracy, valid_loss, valid_accuracy,
        learning_rate, seconds.
    n_iter_ : int
        Epochs.
    best_epoch_ : int
        The epoch whose weights these are.
    interrupted_ : bool
        Whether Ctrl-C ended the training; the best model so far is kept.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    float64 features are learnt in float64, float32 and bytes in float32, at half the cost. Images
    of shape (n, height, width) are taken as rows of pixels; sparse rows become dense batch by
    batch. The same `random_state` gives the same bits on the same machine and number of threads.

    Source: Srivastava et al. (2014), Dropout, JMLR 15.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce.nn import SoftmaxMLP
    >>> X, y = load_wine(return_X_y=True)  # raw units: proline in hundreds, hue near 1
    >>> model = SoftmaxMLP(hidden=(32,), random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.98, [weights.shape for weights in model.coefs_]
    (True, [(13, 32), (32, 3)])
    """

    _moments: dict[str, Tensor] | None = None  # what partial_fit's optimizer keeps
    _shift: Doubles | float = 0.0  # taken from the last biases after training, for `correct_prior`

    def __init__(
        self,
        *,
        hidden: Sequence[int] | int = (128,),
        dropout: float | None = None,
        solver: str = "adam",
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float | None = None,
        schedule: str = "cosine",
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        clip_norm: float | None = None,
        label_smoothing: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        correct_prior: bool = False,
        loss: Callable[[Tensor, Tensor], Tensor] | None = None,
        standardize: str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int | None = 5,
        warm_start: bool = False,
        random_state: int | None = None,
        callbacks: Collection[Callable[[Entry], object]] | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.solver = solver
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.correct_prior = correct_prior
        self.loss = loss
        self.standardize = standardize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the weights.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_rows, n_features)
            Finite features in any units; bytes (uint8) as they are; images (n, height, width).
        y : array_like of shape (n_rows,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, not negative.

        Returns
        -------
        SoftmaxMLP
            The estimator itself, also after Ctrl-C (see `interrupted_`).

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If y holds fewer than two classes.
        ConvergenceError
            If the loss becomes infinite or NaN.
        """
        self._check()
        table = self._table(X, y, sample_weight, reset=True)
        classes, codes = np.unique(table.target, return_inverse=True)
        if len(classes) < 2:
            raise LabelError(
                f"y must hold at least two classes, got one class, {classes.tolist()[0]!r}, in all"
                f" {len(codes)} rows. Check that y is the right column."
            )
        continued = self._can_continue(table.X, classes)
        self.classes_ = classes
        if not continued:
            self._begin(table)
        rows = self._rows(table, codes)
        check_some_weight(rows.weights)
        seed = self._seed()
        kept, held_out = (
            rows.split(self.validation_fraction, seed) if self.early_stopping else (rows, None)
        )
        epochs = self.epochs or usual_epochs(len(kept), self.batch_size)
        plan = self._plan(epochs, self.schedule, seed)
        network = self._network(table, seed, len(kept))
        loss = WeightedLoss(self.loss, self.label_smoothing)
        with threads_of_luce():
            done = fit(network, loss, kept, valid=held_out, plan=plan, callbacks=[self._tell])
        self._keep(network)
        self._moments = None
        self.history_, self.n_iter_ = done.history, len(done.history)
        self.best_epoch_, self.interrupted_ = done.best_epoch, done.interrupted
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Make one pass over rows that come batch by batch and are not kept.

        The first call measures the units of the features; the learning rate is constant. After
        `fit`, training goes on from its weights.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`, but a class may be missing.
        classes : array_like of shape (n_classes,)
            All classes that will come; needed in the first call.

        Returns
        -------
        SoftmaxMLP
            The estimator itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value, or `class_weight` is "balanced".
        LabelError
            If y holds an unknown class.
        ConvergenceError
            If the loss becomes infinite or NaN.
        """
        self._check()
        if isinstance(self.class_weight, str):
            raise ParameterError(
                f"class_weight must be a dict or None in partial_fit, got {self.class_weight!r}:"
                " the frequencies are known only at the end. Pass a weight for each class."
            )
        known = None if classes is None else np.unique(np.asarray(classes))
        first = _check_partial_fit_first_call(self, known) and not hasattr(self, "coefs_")
        table = self._table(X, y, sample_weight, reset=first)
        if first:
            self._begin(table)
            self.history_, self.n_iter_, self.best_epoch_, self.interrupted_ = [], 0, 0, False
        rows = self._rows(table, known_codes(table.target, self.classes_))
        seed = self._seed() + self.n_iter_
        network = self._network(table, seed, len(rows))
        plan = self._plan(1, "constant", seed)
        loss = WeightedLoss(self.loss, self.label_smoothing)
        with threads_of_luce():
            done, self._moments = advance(network, loss, rows, plan, self._moments)
        self._keep(network)
        self.n_iter_ += 1
        self.best_epoch_ = self.n_iter_
        entry = {**done.history[0], "epoch": self.n_iter_}
        self.history_.append(entry)
        self._tell(entry)
        return self

    def _check(self) -> None:
        """Check what the plan does not check."""
        layers_of(self.hidden)
        as_choice(self.solver, ("adam", "sgd"), "solver")
        as_choice(self.standardize, _STANDARDIZE, "standardize")
        if self.epochs is not None:
            as_whole(self.epochs, "epochs", least=1)
        for name in ("dropout", "label_smoothing", "validation_fraction"):
            value = getattr(self, name)
            if value is not None and not 0 <= as_finite(value, name) < 1:
                raise ParameterError(f"{name} must be in [0, 1), got {value!r}. Pass one there.")
        if self.loss is not None and self.label_smoothing:
            raise ParameterError(
                f"label_smoothing must be 0 with a loss of your own, got {self.label_smoothing!r}."
                " Smooth the labels in the loss, or leave the loss out."
            )
        self._plan(1, self.schedule, 0)

    def _plan(self, epochs: int, schedule: str, seed: int) -> Plan:
        return Plan(
            epochs=epochs,
            batch_size=self.batch_size,
            optimizer="adamw" if self.solver == "adam" else "sgd",
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            schedule=schedule,
            clip_norm=self.clip_norm,
            patience=self.patience,
            seed=seed,
        )

    def _table(self, X: Any, y: Any, weight: Any, *, reset: bool) -> Table:
        """Check what `fit` was given, and leave out rows without weight."""
        checked = {"accept_sparse": "csr", "dtype": list(DTYPES), "reset": reset}
        table, target = validate_data(self, flat(X), y, **checked)
        check_classification_targets(target)
        weights = _check_sample_weight(weight, table, dtype=np.float64, ensure_non_negative=True)
        check_some_weight(weights)
        used = np.flatnonzero(weights)
        if len(used) < len(weights):
            return Table(table[used], target[used], weights[used])
        return Table(table, target, weights)

    def _begin(self, table: Table) -> None:
        """Forget the weights of an earlier fit, and measure the units of the features."""
        for name in ("coefs_", "intercepts_"):
            self.__dict__.pop(name, None)
        shared = self.standardize == "shared" or (
            self.standardize == "auto" and table.X.dtype == np.uint8
        )
        measure = shared_units if shared else column_units
        self.centre_, self.scale_ = measure(table.X, table.weights)
        self._moments = None

    def _can_continue(self, X: Any, classes: NDArray[Any]) -> bool:
        """Whether a warm start is wanted, and the weights fit layers, features and classes."""
        if not (self.warm_start and hasattr(self, "coefs_")):
            return False
        here = [weights.shape for weights in self.coefs_]
        sizes = self._sizes(X.shape[1], len(classes))
        wanted = list(itertools.pairwise(sizes))
        return here == wanted and np.array_equal(classes, self.classes_)

    def _sizes(self, inputs: int, outputs: int) -> list[int]:
        return [inputs, *layers_of(self.hidden), outputs]

    def _rows(self, table: Table, codes: NDArray[np.int64]) -> StandardisedRows:
        """Return the rows that count for something, with the weights of their classes, too.

        Where none does, all are returned: a batch of `partial_fit` from which nothing is learnt.
        """
        weights = table.weights
        if self.class_weight is not None:
            self._class_weights = compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_[codes]
            )
            weights = weights * self._class_weights[codes]
        placeholder = [np.empty(0, dtype_of(table.X))]
        units = Perceptron(self.centre_, self.scale_, placeholder, placeholder)
        rows = StandardisedRows(table.X, units, codes, weights)
        used = np.flatnonzero(weights)
        return rows if len(used) in (0, len(rows)) else rows.only(used)

    def _network(self, table: Table, seed: int, rows: int) -> torch.nn.Sequential:
        """Return the network with fresh weights, or those of before."""
        dropout = usual_dropout(rows) if self.dropout is None else self.dropout
        sizes = self._sizes(table.X.shape[1], len(self.classes_))
        dtype = torch.float64 if dtype_of(table.X) == np.float64 else torch.float32
        with seeded(seed, torch.device("cpu")):
            network = perceptron(sizes, dropout, dtype)
        if hasattr(self, "coefs_"):
            *biases, last = self.intercepts_
            set_weights(network, self.coefs_, [*biases, (last + self._shift).astype(last.dtype)])
        return network

    def planned_epochs(self, rows: int) -> int:
        """Return how many passes `fit` makes at most over so many rows, held-out ones included."""
        kept = rows - round(self.validation_fraction * rows * self.early_stopping)
        return self.epochs or usual_epochs(kept, self.batch_size)

    def _keep(self, network: torch.nn.Sequential) -> None:
        """Take over what was learnt, with the last biases as the true shares ask for them."""
        self.coefs_, self.intercepts_ = weights_of(network)
        self._shift = 0.0
        if self.correct_prior and self.class_weight is not None:
            weights = self._class_weights
            self._shift = np.log(np.where(weights > 0, weights, 1.0))
            self.intercepts_[-1] -= self._shift.astype(self.intercepts_[-1].dtype)

    def _seed(self) -> int:
        given: Any = self.random_state  # a RandomState, too, is allowed in scikit-learn
        if isinstance(given, Integral):
            return int(given)
        return int(check_random_state(given).randint(2**31))

    def _tell(self, entry: Entry) -> None:
        for callback in self.callbacks or ():
            callback(entry)
        if self.verbose:
            print(" ".join(f"{name}={_short(value)}" for name, value in entry.items()))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

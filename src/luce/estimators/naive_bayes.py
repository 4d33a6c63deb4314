"""What the naive Bayes classifiers share: sums over the rows of each class, to which more add."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import _check_partial_fit_first_call

from luce.estimators.labelled_rows import LabelledRows, labelled_rows
from luce.estimators.logit_classifier import LogitClassifier


class NaiveBayes(LogitClassifier, ABC):
    """Base of the classifiers that are told all they need by sums over the rows of each class."""

    _SPARSE: ClassVar[str | bool]  # whether tables may be sparse, and in which form

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Measure the classes.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
            Finite features; counts or other amounts that are not negative, and perhaps a sparse
            matrix, for `MultinomialNaiveBayes`.
        y : array_like of shape (n_rows,)
            Labels of at least two classes.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, not negative.

        Returns
        -------
        Self
            The estimator itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value, or a variance is 0.
        LabelError
            If y holds fewer than two classes.
        ValueError
            If X is not a finite matrix or holds what the model does not take, or a weight is
            negative.
        """
        self._check_options()
        rows = labelled_rows(
            self, X, y, sample_weight, dtype=np.float64, accept_sparse=self._SPARSE
        )
        self.classes_ = rows.classes
        self._learn(rows, first=True)
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Measure more rows, beside those of earlier calls.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; y need not hold every class.
        classes : array_like of shape (n_classes,), optional
            All classes there will be; needed in the first call.

        Returns
        -------
        Self
            The estimator itself.

        Raises
        ------
        ParameterError, LabelError, ValueError
            As `fit`; also if a label is none of the classes.
        """
        self._check_options()
        first = _check_partial_fit_first_call(self, classes)
        rows = labelled_rows(
            self,
            X,
            y,
            sample_weight,
            classes=self.classes_,
            reset=first,
            dtype=np.float64,
            accept_sparse=self._SPARSE,
        )
        self._learn(rows, first=first)
        return self

    @abstractmethod
    def _check_options(self) -> None:
        """Raise a ParameterError for an impossible option."""

    @abstractmethod
    def _learn(self, rows: LabelledRows, *, first: bool) -> None:
        """Set the fitted attributes from these rows, beside earlier ones unless they are first."""

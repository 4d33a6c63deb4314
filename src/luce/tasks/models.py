"""A model in memory: the classifier, the encoding of its input, and the names of its classes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from luce import storage
from luce.data import Encoding, encoding_from_json
from luce.errors import LabelError, ModelFileError
from luce.estimators import SoftmaxRegression
from luce.estimators.logit_classifier import probabilities_of
from luce.functions.row_products import row_products
from luce.tasks.calibration import Calibration, read_calibration
from luce.tasks.model_kinds import Classifier, NetworkClassifier, kind_of
from luce.tasks.runs import model_path

Floats = NDArray[np.floating[Any]]

_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "U": "str", "O": "str"}


@dataclass(frozen=True)
class Model:
    """What is needed to predict, and where it came from.

    Attributes
    ----------
    classifier : the fitted `luce.SoftmaxRegression`, or the network
    encoding : turns raw columns or images into the features of the classifier
    metadata : the whole metadata of the model file
    calibration : what makes its probabilities honest, or None
    """

    classifier: Classifier
    encoding: Encoding
    metadata: Mapping[str, Any]
    calibration: Calibration | None = None

    def probabilities(self, X: Any) -> Floats:
        """Return the probabilities (n, k) of encoded rows, calibrated if the model is.

        A row gets the same bits in every batch: a file, a request and a crowd of requests agree.
        A row with a logit that has overflowed holds NaN: in a sum that is small in the end a part
        may have overflowed, so that infinity does not tell which class wins.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            z = self._logits(X)
            total = z.sum()
        if np.isfinite(total):
            return self._of_logits(z)
        lost = ~np.isfinite(z.reshape(len(z), -1)).all(axis=1)
        z[lost] = 0
        p = self._of_logits(z)
        p[lost] = np.nan
        return p

    def _of_logits(self, z: Floats) -> Floats:
        if self.calibration is not None:
            return self.calibration.probabilities(z)
        return probabilities_of(z)

    def _logits(self, X: Any) -> Floats:
        """The classifier's `decision_function`, without its checks: the encoding has made X."""
        linear = self.linear
        if linear is None or issparse(X):
            return self.classifier.decision_function(X)
        z = row_products(X, linear.coef_, linear.intercept_)
        return z[:, 0] if len(linear.coef_) == 1 else z

    @property
    def linear(self) -> SoftmaxRegression | None:
        """The classifier, if it is linear."""
        return self.classifier if isinstance(self.classifier, SoftmaxRegression) else None

    @property
    def network(self) -> NetworkClassifier | None:
        """The classifier, if it is a network."""
        return self.classifier if isinstance(self.classifier, NetworkClassifier) else None

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Display names, or None where the classes name themselves."""
        names = self.metadata["class_names"]
        return None if names is None else tuple(names)

    @property
    def names(self) -> tuple[str, ...]:
        """One name a class, in the order of the probabilities."""
        return self.class_names or tuple(str(value) for value in self.values)

    @property
    def values(self) -> list[Any]:
        """The classes as the data spell them: numbers, truth values or text."""
        values: list[Any] = self.classifier.classes_.tolist()
        return values

    def codes(self, target: NDArray[Any]) -> NDArray[np.intp]:
        """Return for each label the number of its class.

        A label may be spelled by its name too, and numbers may come as text: a column that holds
        only digits in one file may hold words as well in another.

        Raises
        ------
        LabelError
            A label is none of the model's classes.
        """
        lookup: dict[Any, int] = {name: code for code, name in enumerate(self.names)}
        for code, value in enumerate(self.values):
            lookup |= {str(value): code, value: code}
        labels, inverse = np.unique(target, return_inverse=True)
        codes = [lookup.get(label, lookup.get(str(label), -1)) for label in labels.tolist()]
        if -1 in codes:
            unknown = str(labels[codes.index(-1)])
            row = int(np.flatnonzero(inverse == codes.index(-1))[0]) + 1
            raise LabelError(
                f"every label must be a class of the model ({_listed(self.names)}), got "
                f"{unknown!r} at row {row}. Drop such rows, or train with rows of that class."
            )
        return np.asarray(codes, dtype=np.intp)[inverse]

    def with_metrics(self, figures: Mapping[str, Any]) -> "Model":
        """Return the model with its figures of merit in the metadata."""
        return replace(self, metadata={**self.metadata, "metrics": dict(figures)})

    def save(self, path: Path) -> None:
        """Write the model to one file, atomically."""
        tensors = kind_of(path, self.metadata).tensors(self.classifier) | self.encoding.tensors
        if self.calibration is not None:
            tensors |= self.calibration.tensors()
        storage.save_model(path, tensors, self.metadata)


def load_model(model: str | Path) -> Model:
    """Read a model from its file or its run folder.

    Raises
    ------
    ModelFileError
        The file is missing, damaged, foreign or too new.
    """
    path = model_path(model)
    tensors, metadata = storage.load_model(path)
    encoding = encoding_from_json(metadata["encoding"], tensors)
    kind = kind_of(path, metadata)
    width = kind.width(tensors)
    if encoding.width != width:
        raise ModelFileError(
            f"{str(path)!r}: the encoding must give one feature a column of the weights "
            f"({width}), but it gives {encoding.width}. "
            "The file is damaged: copy it again or train the model again."
        )
    calibration = read_calibration(str(path), tensors, metadata)
    return Model(kind.read(path, tensors, metadata), encoding, metadata, calibration)


def classes_to_json(classes: NDArray[Any]) -> dict[str, Any]:
    """Return the classes as the model file stores them."""
    return {"kind": _KINDS[classes.dtype.kind], "values": classes.tolist()}


def _listed(names: tuple[str, ...], most: int = 10) -> str:
    rest = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest

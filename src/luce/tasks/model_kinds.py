"""The kinds of models that ``luce train`` makes: how each is trained, kept and read again."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from luce import functions
from luce.errors import ModelFileError, ParameterError
from luce.estimators import SoftmaxRegression
from luce.estimators.options import MINIBATCH
from luce.functions.perceptron import Perceptron
from luce.tasks.preparation import Prepared

Floats = NDArray[np.floating[Any]]
Tensors = Mapping[str, NDArray[Any]]


@final
class NetworkClassifier:
    """A `luce.nn.SoftmaxMLP` as its file holds it; it predicts with NumPy alone.

    Attributes
    ----------
    network : units of the features, weights and biases
    classes_ : the labels
    options : the arguments of the estimator
    """

    def __init__(
        self, network: Perceptron, classes: NDArray[Any], options: Mapping[str, Any]
    ) -> None:
        self.network, self.classes_, self.options = network, classes, dict(options)

    def decision_function(self, X: Any) -> Floats:
        """Return the logits (n, k); for two classes the log-odds of the second, (n,)."""
        z = self.network.logits(X)
        difference: Floats = z[:, 1] - z[:, 0]
        return difference if len(self.classes_) == 2 else z

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, (n, k)."""
        return functions.softmax(self.network.logits(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row."""
        labels: NDArray[Any] = self.classes_[self.network.logits(X).argmax(axis=1)]
        return labels

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of features, of units in each hidden layer, and of classes."""
        return (len(self.network.centre), *(len(bias) for bias in self.network.biases))


Classifier = SoftmaxRegression | NetworkClassifier


class ModelKind(ABC):
    """One of the models that ``--model`` names."""

    estimator: str  # as the model file calls it

    @abstractmethod
    def unfitted(self, prepared: Prepared, callbacks: Collection[Any]) -> Any:
        """Return the estimator that the options ask for."""

    @abstractmethod
    def continued(
        self, prepared: Prepared, callbacks: Collection[Any], stopped: Any, done: int
    ) -> Any:
        """Return an estimator that goes on from a classifier after so many iterations or epochs.

        Raises
        ------
        ParameterError
            Nothing is left to be done.
        """

    @abstractmethod
    def kept(self, fitted: Any) -> Classifier:
        """Return what the model file holds of a fitted estimator."""

    @abstractmethod
    def tensors(self, classifier: Any) -> dict[str, NDArray[Any]]:
        """Return the weights of a classifier as the tensors of a file."""

    @abstractmethod
    def read(self, path: Path, tensors: Tensors, metadata: Mapping[str, Any]) -> Classifier:
        """Return the classifier of a file."""

    @abstractmethod
    def width(self, tensors: Tensors) -> int:
        """Return the number of features."""


@final
class _Linear(ModelKind):
    estimator = "SoftmaxRegression"

    def unfitted(self, prepared: Prepared, callbacks: Collection[Any]) -> Any:
        arguments = prepared.options.estimator_arguments()
        return SoftmaxRegression(**arguments, callbacks=callbacks)

    def continued(
        self, prepared: Prepared, callbacks: Collection[Any], stopped: Any, done: int
    ) -> Any:
        classifier: SoftmaxRegression = self.unfitted(prepared, callbacks)
        limit = "epochs" if classifier.solver in MINIBATCH else "max_iter"
        left = _left(getattr(classifier, limit), done, limit)
        classifier.set_params(warm_start=True, **{limit: left})
        classifier.classes_ = stopped.classes_
        classifier.coef_, classifier.intercept_ = stopped.coef_, stopped.intercept_
        classifier.n_features_in_ = stopped.coef_.shape[1]
        return classifier

    def kept(self, fitted: Any) -> Classifier:
        classifier: SoftmaxRegression = fitted
        return classifier

    def tensors(self, classifier: Any) -> dict[str, NDArray[Any]]:
        return {"coef": classifier.coef_, "intercept": classifier.intercept_}

    def read(self, path: Path, tensors: Tensors, metadata: Mapping[str, Any]) -> Classifier:
        """Set up the estimator as if it had just been fitted."""
        options = metadata["options"]
        unknown = options.keys() - SoftmaxRegression().get_params().keys()
        if unknown:
            raise ModelFileError(
                f"{str(path)!r}: metadata.options must be options of SoftmaxRegression, got "
                f"{min(unknown)!r}. The file is damaged: copy it again or train the model again."
            )
        classifier = SoftmaxRegression(**options)
        classifier.classes_ = _classes(metadata)
        classifier.coef_ = tensors["coef"]
        classifier.intercept_ = tensors["intercept"]
        classifier.n_features_in_ = tensors["coef"].shape[1]
        return classifier

    def width(self, tensors: Tensors) -> int:
        return int(tensors["coef"].shape[1])


@final
class _Network(ModelKind):
    estimator = "SoftmaxMLP"

    def unfitted(self, prepared: Prepared, callbacks: Collection[Any]) -> Any:
        from luce.nn.softmax_mlp import SoftmaxMLP  # the one place here that needs torch

        # Pixels share one unit, and so do the shares of words; columns of a table do not.
        shared = prepared.encoding.image_shape is not None or issparse(prepared.features)
        return SoftmaxMLP(
            **prepared.options.estimator_arguments(),
            standardize="shared" if shared else "columns",
            callbacks=callbacks,
        )

    def continued(
        self, prepared: Prepared, callbacks: Collection[Any], stopped: Any, done: int
    ) -> Any:
        classifier = self.unfitted(prepared, callbacks)
        left = _left(classifier.planned_epochs(prepared.rows), done, "epochs")
        classifier.set_params(warm_start=True, epochs=left)
        network = stopped.network
        classifier.classes_, classifier.n_features_in_ = stopped.classes_, len(network.centre)
        classifier.centre_, classifier.scale_ = network.centre, network.scale
        classifier.coefs_ = [np.array(weight) for weight in network.weights]
        classifier.intercepts_ = [np.array(bias) for bias in network.biases]
        return classifier

    def kept(self, fitted: Any) -> Classifier:
        network = Perceptron(fitted.centre_, fitted.scale_, fitted.coefs_, fitted.intercepts_)
        options = {**fitted.get_params(), "callbacks": None, "loss": None}
        return NetworkClassifier(network, fitted.classes_, options)

    def tensors(self, classifier: Any) -> dict[str, NDArray[Any]]:
        centre, scale, weights, biases = classifier.network
        hidden = range(len(weights) - 1)
        return {
            "coef": weights[-1].T,
            "intercept": biases[-1],
            "mlp.centre": centre,
            "mlp.scale": scale,
            **{f"mlp.weight.{i}": weights[i].T for i in hidden},
            **{f"mlp.bias.{i}": biases[i] for i in hidden},
        }

    def read(self, path: Path, tensors: Tensors, metadata: Mapping[str, Any]) -> Classifier:
        hidden = range(sum(name.startswith("mlp.weight.") for name in tensors))
        weights = [*(tensors[f"mlp.weight.{i}"] for i in hidden), tensors["coef"]]
        network = Perceptron(
            tensors["mlp.centre"],
            tensors["mlp.scale"],
            [weight.T for weight in weights],  # as the products like them best
            [*(tensors[f"mlp.bias.{i}"] for i in hidden), tensors["intercept"]],
        )
        return NetworkClassifier(network, _classes(metadata), metadata["options"])

    def width(self, tensors: Tensors) -> int:
        return len(tensors["mlp.centre"])


KINDS: Mapping[str, ModelKind] = {"linear": _Linear(), "mlp": _Network()}
_BY_ESTIMATOR = {kind.estimator: kind for kind in KINDS.values()}


def kind_of(path: Path, metadata: Mapping[str, Any]) -> ModelKind:
    """Return the kind of a model by its metadata.

    Raises
    ------
    ModelFileError
        The file holds an estimator that was fitted on arrays.
    """
    kind = _BY_ESTIMATOR.get(metadata["estimator"])
    if kind is None:
        raise ModelFileError(
            f"{str(path)!r}: metadata.estimator must be one of {', '.join(_BY_ESTIMATOR)}, got"
            f" {metadata['estimator']!r}. Read it with luce.tasks.load_estimator."
        )
    return kind


def _left(limit: int, done: int, name: str) -> int:
    """How many iterations or epochs are left."""
    if done >= limit:
        raise ParameterError(
            f"--resume needs a training that has something left to do, but this one has made"
            f" {done} of {limit} {'epochs' if name == 'epochs' else 'iterations'}. To go on, give"
            f" a larger number with --{name.replace('_', '-')}."
        )
    return limit - done


def _classes(metadata: Mapping[str, Any]) -> NDArray[Any]:
    classes = metadata["classes"]
    return np.asarray(classes["values"], dtype=object if classes["kind"] == "str" else None)

"""A fitted `luce.nn.SoftmaxMLP` as the tensors of a model file, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.tasks.model_kinds import KINDS, NetworkClassifier

NETWORK = KINDS["mlp"].estimator


def is_network(estimator: Any) -> bool:
    """Whether it is one; told by its name, so that PyTorch is loaded only for those."""
    kind = type(estimator)
    return (kind.__module__, kind.__qualname__) == ("luce.nn.softmax_mlp", NETWORK)


def network_tensors(estimator: Any) -> dict[str, NDArray[Any]]:
    """Return the weights of a fitted network as the tensors of a file."""
    if not hasattr(estimator, "coefs_"):
        raise ParameterError(
            f"a model to be kept must be fitted, got a {NETWORK} that is not. Call fit before."
        )
    return KINDS["mlp"].tensors(KINDS["mlp"].kept(estimator))


def restored_network(
    path: Path,
    tensors: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Any:
    """Return the network of a file, fitted; its history is not kept.

    Raises
    ------
    ParameterError
        An option is none of the estimator.
    MissingExtraError
        PyTorch is not installed: the estimator can be trained further.
    """
    from luce.nn import SoftmaxMLP

    if unknown := sorted(options.keys() - SoftmaxMLP().get_params().keys()):
        raise ParameterError(f"options must be those of {NETWORK}, got {unknown[0]!r}.")
    hidden = options.get("hidden")
    model = SoftmaxMLP(
        **{**options, "hidden": tuple(hidden) if isinstance(hidden, list) else hidden}
    )
    kept = KINDS["mlp"].read(path, tensors, metadata)
    assert isinstance(kept, NetworkClassifier)
    model.centre_, model.scale_ = kept.network.centre, kept.network.scale
    model.coefs_, model.intercepts_ = list(kept.network.weights), list(kept.network.biases)
    model.classes_, model.n_features_in_ = kept.classes_, len(kept.network.centre)
    model.history_, model.interrupted_ = [], False
    model.n_iter_ = model.best_epoch_ = int(metadata["training"]["n_iter"])
    return model

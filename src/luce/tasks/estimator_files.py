"""Keep a classifier that was fitted on arrays in a model file, and read it again: no pickle."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from luce import __version__, storage
from luce.errors import LuceError, MissingExtraError, ModelFileError, ParameterError
from luce.estimators import Calibrated
from luce.estimators.calibrated_arrays import put_together, taken_apart
from luce.estimators.fitted_arrays import from_arrays, to_arrays
from luce.tasks.estimator_networks import (
    NETWORK,
    is_network,
    network_tensors,
    restored_network,
)
from luce.tasks.models import classes_to_json

_GROUP = "estimator."
_WEIGHTS = ("coef", "intercept")


def save_estimator(estimator: Any, path: str | Path) -> None:
    """Write a fitted classifier to one file, whole or not at all.

    `SoftmaxRegression`, `SoftmaxRegressionCV`, `OneVsRest`, `OneVsOne`, `GaussianNaiveBayes`,
    `MultinomialNaiveBayes`, `LinearDiscriminantAnalysis` and `luce.nn.SoftmaxMLP` can be kept, and
    each of them within `Calibrated`: the options, and what `fit` has learnt, to the last bit; not
    the history of the fit, nor callbacks, nor the coefficients of each fold.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    path : path
        The file; by custom it ends in ``.safetensors``.

    Raises
    ------
    ParameterError
        The estimator is of another class, or has an option that a file cannot hold.
    ModelFileError
        A number is not finite.
    WriteError
        The file cannot be written; what stood there before is untouched.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from luce import OneVsOne
    >>> from luce.tasks import load_estimator, save_estimator
    >>> X, y = load_iris(return_X_y=True)
    >>> model = OneVsOne(C=10.0).fit(X, y)
    >>> folder = getfixture("tmp_path")
    >>> save_estimator(model, folder / "iris.safetensors")
    >>> again = load_estimator(folder / "iris.safetensors")
    >>> again, bool((again.predict_proba(X) == model.predict_proba(X)).all())
    (OneVsOne(C=10.0), True)
    """
    classifier, calibration = estimator, None
    tensors: dict[str, Any] = {}
    if isinstance(estimator, Calibrated):
        classifier, tensors, facts = taken_apart(estimator)
        calibration = {name: _to_json(name, value) for name, value in facts.items()}
    tensors |= network_tensors(classifier) if is_network(classifier) else _arrays(classifier)
    metadata = {**_metadata(classifier), "calibration": calibration}
    storage.save_model(Path(path), tensors, metadata)


def load_estimator(path: str | Path) -> Any:
    """Read a classifier that `save_estimator` has written; nothing in the file can run.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    classifier
        Fitted, of the class that was saved.

    Raises
    ------
    ModelFileError
        The file is missing, damaged, foreign or too new, or it is a model of ``luce train`` with
        an encoding of its own (`luce.tasks.load_model` reads those).
    MissingExtraError
        It is a network, and PyTorch is not installed.
    """
    tensors, metadata = storage.load_model(Path(path))
    if metadata["encoding"].get("kind") != "features":
        raise ModelFileError(
            f"{str(path)!r}: metadata.encoding.kind must be features, got"
            f" {metadata['encoding'].get('kind')!r}: the model encodes its input itself. Read it"
            " with luce.tasks.load_model."
        )
    try:
        options = {name: _from_json(value) for name, value in metadata["options"].items()}
        if metadata["estimator"] == NETWORK:
            model = restored_network(Path(path), tensors, metadata, options)
        else:
            model = _restored(tensors, metadata, options)
        _restore_names(model, metadata)
        if metadata.get("calibration") is not None:
            facts = {name: _from_json(value) for name, value in metadata["calibration"].items()}
            model = put_together(model, facts, tensors)
    except MissingExtraError:
        raise
    except (LuceError, TypeError) as error:
        raise ModelFileError(
            f"{str(path)!r}: {error} The file is damaged: copy it again or save the model again."
        ) from error
    return model


def _arrays(classifier: Any) -> dict[str, Any]:
    return {
        name if name in _WEIGHTS else _GROUP + name: array
        for name, array in to_arrays(classifier).items()
    }


def _metadata(estimator: Any) -> dict[str, Any]:
    n_iter = int(np.max(getattr(estimator, "n_iter_", 0)))
    gap = float(getattr(estimator, "gap_", np.inf))
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "format": "luce-model",
        "version": storage.FORMAT_VERSION,
        "luce_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "estimator": type(estimator).__name__,
        "classes": classes_to_json(estimator.classes_),
        "class_names": None,
        "encoding": {"kind": "features", "names": None if names is None else names.tolist()},
        "options": {
            name: _to_json(name, value) for name, value in estimator.get_params(deep=False).items()
        },
        "data": {"name": "", "fingerprint": "", "rows": 0, "target": None},
        "metrics": {},
        "training": {
            "n_iter": n_iter,
            "gap": gap if np.isfinite(gap) else None,
            "converged": bool(getattr(estimator, "converged_", True)),
        },
    }


def _restored(
    tensors: Mapping[str, Any], metadata: Mapping[str, Any], options: Mapping[str, Any]
) -> Any:
    """Return a classifier of the room of estimators."""
    classes, training = metadata["classes"], metadata["training"]
    model = from_arrays(
        metadata["estimator"],
        options,
        np.asarray(classes["values"], dtype=object if classes["kind"] == "str" else None),
        {
            name.removeprefix(_GROUP): array
            for name, array in tensors.items()
            if name in _WEIGHTS or name.startswith(_GROUP)
        },
    )
    if training["n_iter"]:  # it was found by a solver
        model.n_iter_ = np.array([training["n_iter"]], dtype=np.int32)
        model.gap_ = np.inf if training["gap"] is None else float(training["gap"])
        model.converged_ = training["converged"]
    return model


def _restore_names(model: Any, metadata: Mapping[str, Any]) -> None:
    names = metadata["encoding"].get("names")
    if names is not None:
        model.feature_names_in_ = np.asarray(names, dtype=object)


def _to_json(name: str, value: Any) -> Any:
    """Return an option in the words of JSON, which has no infinity and only text as keys."""
    if name == "callbacks" or isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, Mapping):
        pairs = [[_to_json(name, part) for part in pair] for pair in value.items()]
        return {"pairs": pairs}
    if isinstance(value, np.ndarray | list | tuple):
        return [_to_json(name, part) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ParameterError(
        f"{name} must be a number, text, or a list or mapping of these to be kept in a file, got a"
        f" {type(value).__name__}. Set it to None before saving."
    )


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(part) for part in value]
    match value:
        case {"float": "inf" | "-inf" | "nan" as number}:
            return float(number)
        case {"pairs": list(pairs)} if all(isinstance(p, list) and len(p) == 2 for p in pairs):
            return {_from_json(key): _from_json(part) for key, part in pairs}
        case dict():
            raise ParameterError(f"an option must be a value that luce writes, got {value!r}.")
    return value

"""A fitted classifier as plain arrays, and back: what a model file keeps of it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from luce.errors import ParameterError
from luce.estimators.class_moments import ClassMoments
from luce.estimators.gaussian_naive_bayes import GaussianNaiveBayes
from luce.estimators.linear_discriminant import LinearDiscriminantAnalysis
from luce.estimators.multinomial_naive_bayes import MultinomialNaiveBayes
from luce.estimators.one_vs_one import OneVsOne
from luce.estimators.one_vs_rest import OneVsRest
from luce.estimators.one_vs_rest_coupling import COUPLINGS as REST_COUPLINGS
from luce.estimators.options import check_choice, check_flag
from luce.estimators.pairwise_coupling import COUPLINGS as PAIR_COUPLINGS
from luce.estimators.pairwise_coupling import pairs_of
from luce.estimators.softmax_regression import SoftmaxRegression
from luce.estimators.softmax_regression_cv import SoftmaxRegressionCV

Arrays = Mapping[str, NDArray[Any]]
Shape = Callable[[int, int], tuple[int, ...]]


class Parts(NamedTuple):
    """Of a class: the arrays besides coef and intercept, and how they become a model again."""

    kind: type[Any]
    arrays: Callable[[Any], dict[str, NDArray[Any]]]
    shapes: dict[str, Shape | None]  # of k classes and d features; None: `restore` checks it
    restore: Callable[[Any, Arrays], None]


def to_arrays(model: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a fitted classifier: ``coef`` and ``intercept`` of its logits, and more.

    Raises
    ------
    ParameterError
        The model is of no class that can be kept.
    """
    parts = _PARTS.get(type(model).__name__)
    if parts is None or not isinstance(model, parts.kind):
        raise ParameterError(
            f"a model to be kept must be one of {', '.join(_PARTS)}, got a"
            f" {type(model).__name__}. Keep the model that it was made from."
        )
    check_is_fitted(model)
    weights = model.to_softmax() if isinstance(model, GaussianNaiveBayes) else model
    return {"coef": weights.coef_, "intercept": weights.intercept_, **parts.arrays(model)}


def from_arrays(
    name: str, options: Mapping[str, Any], classes: NDArray[Any], arrays: Arrays
) -> Any:
    """Return the classifier that `to_arrays` was given.

    Raises
    ------
    ParameterError
        A name, an option or an array does not fit the others.
    """
    if name not in _PARTS:
        raise ParameterError(f"a model must be one of {', '.join(_PARTS)}, got {name!r}.")
    parts = _PARTS[name]
    if unknown := sorted(options.keys() - parts.kind().get_params().keys()):
        raise ParameterError(f"options must be those of {name}, got {unknown[0]!r}.")
    width = 1 + (name == "GaussianNaiveBayes" and not options.get("shared_variance", False))
    k, d = len(classes), arrays["coef"].shape[1] // width
    if wrong := arrays.keys() ^ {"coef", "intercept", *parts.shapes}:
        raise ParameterError(f"the arrays must be those of {name}, got or missed {min(wrong)!r}.")
    for title, shape in parts.shapes.items():
        if shape is not None and arrays[title].shape != shape(k, d):
            raise ParameterError(
                f"{title} must have the shape {shape(k, d)}, got {arrays[title].shape}."
            )
    model = parts.kind(**options)
    model.classes_, model.n_features_in_ = classes, d
    parts.restore(model, arrays)
    return model


def _linear(model: Any, arrays: Arrays) -> None:
    model.coef_, model.intercept_ = arrays["coef"], arrays["intercept"]


def _one_vs_rest(model: OneVsRest, arrays: Arrays) -> None:
    check_choice("coupling", model.coupling, REST_COUPLINGS)
    _linear(model, arrays)


def _one_vs_one(model: OneVsOne, arrays: Arrays) -> None:
    check_choice("coupling", model.coupling, PAIR_COUPLINGS)
    _linear(model, arrays)
    model.pairs_, model.pair_weight_ = pairs_of(len(model.classes_)), arrays["pair_weight"]


def _gaussian(model: GaussianNaiveBayes, arrays: Arrays) -> None:
    check_flag("shared_variance", model.shared_variance)
    model._describe(ClassMoments(arrays["weight"], arrays["mean"], arrays["square"]))


def _multinomial(model: MultinomialNaiveBayes, arrays: Arrays) -> None:
    model._describe(arrays["feature_count"], arrays["class_count"])


def _discriminant(model: LinearDiscriminantAnalysis, arrays: Arrays) -> None:
    _linear(model, arrays)
    model.means_, model.priors_ = arrays["means"], arrays["priors"]
    model.covariance_, model.shrinkage_ = arrays["covariance"], arrays["shrinkage"]


def _cross_validated(model: SoftmaxRegressionCV, arrays: Arrays) -> None:
    found = {name: arrays[name].shape for name in ("Cs", "C", "scores", "standard_error")}
    (folds, *_), c = (*found["scores"], 0), len(arrays["Cs"].ravel())
    if found != {"Cs": (c,), "C": (1,), "scores": (folds, 1, c), "standard_error": (1,)}:
        raise ParameterError(f"Cs, C, scores and standard_error must fit each other, got {found}.")
    _linear(model, arrays)
    model.Cs_, model.scores_ = arrays["Cs"], arrays["scores"]
    model.C_, model.standard_error_ = float(arrays["C"][0]), float(arrays["standard_error"][0])


def _of_classes(k: int, d: int) -> tuple[int, ...]:
    return (k,)


def _of_cells(k: int, d: int) -> tuple[int, ...]:
    return (k, d)


_PARTS = {
    "SoftmaxRegression": Parts(SoftmaxRegression, lambda m: {}, {}, _linear),
    "SoftmaxRegressionCV": Parts(
        SoftmaxRegressionCV,
        lambda m: {
            "Cs": m.Cs_,
            "C": np.array([m.C_]),
            "scores": m.scores_,
            "standard_error": np.array([m.standard_error_]),
        },
        {"Cs": None, "C": None, "scores": None, "standard_error": None},
        _cross_validated,
    ),
    "OneVsRest": Parts(OneVsRest, lambda m: {}, {}, _one_vs_rest),
    "OneVsOne": Parts(
        OneVsOne,
        lambda m: {"pair_weight": m.pair_weight_},
        {"pair_weight": lambda k, d: (k * (k - 1) // 2,)},
        _one_vs_one,
    ),
    "GaussianNaiveBayes": Parts(
        GaussianNaiveBayes,
        lambda m: dict(m._moments._asdict()),
        {"weight": _of_classes, "mean": _of_cells, "square": _of_cells},
        _gaussian,
    ),
    "MultinomialNaiveBayes": Parts(
        MultinomialNaiveBayes,
        lambda m: {"feature_count": m.feature_count_, "class_count": m.class_count_},
        {"feature_count": _of_cells, "class_count": _of_classes},
        _multinomial,
    ),
    "LinearDiscriminantAnalysis": Parts(
        LinearDiscriminantAnalysis,
        lambda m: {
            "means": m.means_,
            "priors": m.priors_,
            "covariance": m.covariance_,
            "shrinkage": m.shrinkage_,
        },
        {
            "means": _of_cells,
            "priors": _of_classes,
            "covariance": lambda k, d: (d, d),
            "shrinkage": _of_classes,
        },
        _discriminant,
    ),
}

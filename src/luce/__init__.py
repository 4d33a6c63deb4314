"""luce: the softmax stack for Python.

Every name is loaded when it is first used (PEP 562), so that ``luce --help`` need not wait for
NumPy, nor a call of ``luce.softmax`` for scikit-learn.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from luce._lazy import lazily as _lazily

if TYPE_CHECKING:
    from luce.estimators import Calibrated as Calibrated
    from luce.estimators import ConformalSets as ConformalSets
    from luce.estimators import GaussianNaiveBayes as GaussianNaiveBayes
    from luce.estimators import IsotonicCalibration as IsotonicCalibration
    from luce.estimators import LinearDiscriminantAnalysis as LinearDiscriminantAnalysis
    from luce.estimators import MatrixScaling as MatrixScaling
    from luce.estimators import MultinomialNaiveBayes as MultinomialNaiveBayes
    from luce.estimators import OneVsOne as OneVsOne
    from luce.estimators import OneVsRest as OneVsRest
    from luce.estimators import SelectiveClassifier as SelectiveClassifier
    from luce.estimators import SeparationWarning as SeparationWarning
    from luce.estimators import SoftmaxRegression as SoftmaxRegression
    from luce.estimators import SoftmaxRegressionCV as SoftmaxRegressionCV
    from luce.estimators import TemperatureScaling as TemperatureScaling
    from luce.estimators import TextFeatures as TextFeatures
    from luce.estimators import VectorScaling as VectorScaling
    from luce.estimators import inference as inference
    from luce.estimators import separation as separation
    from luce.functions.activations import leaky_relu as leaky_relu
    from luce.functions.activations import leaky_relu_grad as leaky_relu_grad
    from luce.functions.activations import relu as relu
    from luce.functions.activations import relu_grad as relu_grad
    from luce.functions.activations import step as step
    from luce.functions.activations import step_grad as step_grad
    from luce.functions.activations import tanh as tanh
    from luce.functions.activations import tanh_grad as tanh_grad
    from luce.functions.derivatives import log_softmax_jacobian as log_softmax_jacobian
    from luce.functions.derivatives import log_softmax_jvp as log_softmax_jvp
    from luce.functions.derivatives import log_softmax_vjp as log_softmax_vjp
    from luce.functions.derivatives import softmax_jacobian as softmax_jacobian
    from luce.functions.derivatives import softmax_jvp as softmax_jvp
    from luce.functions.derivatives import softmax_vjp as softmax_vjp
    from luce.functions.entmax import entmax as entmax
    from luce.functions.entmax import entmax_jacobian as entmax_jacobian
    from luce.functions.entmax import entmax_jvp as entmax_jvp
    from luce.functions.entmax import entmax_vjp as entmax_vjp
    from luce.functions.gelu import gelu as gelu
    from luce.functions.gelu import gelu_grad as gelu_grad
    from luce.functions.gumbel import gumbel_softmax as gumbel_softmax
    from luce.functions.gumbel import sample_categorical as sample_categorical
    from luce.functions.hardmax import hardmax as hardmax
    from luce.functions.hardmax import one_hot as one_hot
    from luce.functions.logsumexp_derivatives import logmeanexp_jvp as logmeanexp_jvp
    from luce.functions.logsumexp_derivatives import logmeanexp_vjp as logmeanexp_vjp
    from luce.functions.logsumexp_derivatives import logsumexp_hvp as logsumexp_hvp
    from luce.functions.logsumexp_derivatives import logsumexp_jvp as logsumexp_jvp
    from luce.functions.logsumexp_derivatives import logsumexp_vjp as logsumexp_vjp
    from luce.functions.sigmoid import log_sigmoid as log_sigmoid
    from luce.functions.sigmoid import logit as logit
    from luce.functions.sigmoid import sigmoid as sigmoid
    from luce.functions.sigmoid import softplus as softplus
    from luce.functions.sigmoid_grad import log_sigmoid_grad as log_sigmoid_grad
    from luce.functions.sigmoid_grad import logit_grad as logit_grad
    from luce.functions.sigmoid_grad import sigmoid_grad as sigmoid_grad
    from luce.functions.sigmoid_grad import softplus_grad as softplus_grad
    from luce.functions.smooth_maximum import boltzmann_max as boltzmann_max
    from luce.functions.smooth_maximum import boltzmann_max_vjp as boltzmann_max_vjp
    from luce.functions.smooth_maximum import p_norm_max as p_norm_max
    from luce.functions.smooth_maximum import p_norm_max_vjp as p_norm_max_vjp
    from luce.functions.softmax import log_softmax as log_softmax
    from luce.functions.softmax import logmeanexp as logmeanexp
    from luce.functions.softmax import logsumexp as logsumexp
    from luce.functions.softmax import softmax as softmax
    from luce.functions.sparsemax import sparsemax as sparsemax
    from luce.functions.sparsemax import sparsemax_jacobian as sparsemax_jacobian
    from luce.functions.sparsemax import sparsemax_jvp as sparsemax_jvp
    from luce.functions.sparsemax import sparsemax_vjp as sparsemax_vjp
    from luce.functions.top_k import TopK as TopK
    from luce.functions.top_k import softmax_top_k as softmax_top_k
    from luce.kernels import get_num_threads as get_num_threads
    from luce.kernels import set_num_threads as set_num_threads

__version__ = "0.1.0"

_HOME = {
    "Calibrated": "estimators",
    "ConformalSets": "estimators",
    "GaussianNaiveBayes": "estimators",
    "IsotonicCalibration": "estimators",
    "LinearDiscriminantAnalysis": "estimators",
    "MatrixScaling": "estimators",
    "MultinomialNaiveBayes": "estimators",
    "OneVsOne": "estimators",
    "OneVsRest": "estimators",
    "SelectiveClassifier": "estimators",
    "SeparationWarning": "estimators",
    "SoftmaxRegression": "estimators",
    "SoftmaxRegressionCV": "estimators",
    "TemperatureScaling": "estimators",
    "TextFeatures": "estimators",
    "TopK": "functions",
    "VectorScaling": "estimators",
    "boltzmann_max": "functions",
    "boltzmann_max_vjp": "functions",
    "entmax": "functions",
    "entmax_jacobian": "functions",
    "entmax_jvp": "functions",
    "entmax_vjp": "functions",
    "gelu": "functions",
    "gelu_grad": "functions",
    "get_num_threads": "kernels",
    "gumbel_softmax": "functions",
    "hardmax": "functions",
    "inference": "estimators",
    "leaky_relu": "functions",
    "leaky_relu_grad": "functions",
    "log_sigmoid": "functions",
    "log_sigmoid_grad": "functions",
    "log_softmax": "functions",
    "log_softmax_jacobian": "functions",
    "log_softmax_jvp": "functions",
    "log_softmax_vjp": "functions",
    "logit": "functions",
    "logit_grad": "functions",
    "logmeanexp": "functions",
    "logmeanexp_jvp": "functions",
    "logmeanexp_vjp": "functions",
    "logsumexp": "functions",
    "logsumexp_hvp": "functions",
    "logsumexp_jvp": "functions",
    "logsumexp_vjp": "functions",
    "one_hot": "functions",
    "p_norm_max": "functions",
    "p_norm_max_vjp": "functions",
    "relu": "functions",
    "relu_grad": "functions",
    "sample_categorical": "functions",
    "separation": "estimators",
    "set_num_threads": "kernels",
    "sigmoid": "functions",
    "sigmoid_grad": "functions",
    "softmax": "functions",
    "softmax_jacobian": "functions",
    "softmax_jvp": "functions",
    "softmax_top_k": "functions",
    "softmax_vjp": "functions",
    "softplus": "functions",
    "softplus_grad": "functions",
    "sparsemax": "functions",
    "sparsemax_jacobian": "functions",
    "sparsemax_jvp": "functions",
    "sparsemax_vjp": "functions",
    "step": "functions",
    "step_grad": "functions",
    "tanh": "functions",
    "tanh_grad": "functions",
}
_ROOMS = (
    "data",
    "errors",
    "estimators",
    "functions",
    "kernels",
    "losses",
    "metrics",
    "nn",
    "storage",
    "tasks",
    "texts",
)
__all__ = ["__version__", *_HOME]  # noqa: PLE0604  the names of the table above


_load = _lazily(__name__, _HOME)


def __getattr__(name: str) -> _Any:
    return _import_module(f"luce.{name}") if name in _ROOMS else _load(name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])

"""SciPy: ``scipy.special``, on NumPy arrays of NumPy's own dtypes. It has no losses of logits."""

import numpy as np
import scipy
from scipy import special

from conformance.judge import Library, NotOfferedError
from conformance.libraries import offered


def numbers(x):
    array = np.asarray(x)
    if array.dtype.kind == "V":
        raise NotOfferedError("bfloat16 is not NumPy's own")
    return array


def softmax(x, axis=-1):
    return special.softmax(numbers(x), axis=axis)


def log_softmax(x, axis=-1):
    return special.log_softmax(numbers(x), axis=axis)


def logsumexp(x, axis=-1, *, b=None, keepdims=False):
    return special.logsumexp(numbers(x), axis=axis, b=b, keepdims=keepdims)


def sigmoid(x):
    return special.expit(numbers(x))


def log_sigmoid(x):
    return special.log_expit(numbers(x))


def softplus(x):
    return special.softplus(numbers(x))


def logit(x):
    return special.logit(numbers(x))


def library() -> Library:
    functions = (softmax, log_softmax, logsumexp, sigmoid, log_sigmoid, softplus, logit)
    return Library(
        f"scipy {scipy.__version__}",
        offered(
            {
                one.__name__: one
                for one in functions
                if one is not softplus or hasattr(special, "softplus")
            }
        ),
    )

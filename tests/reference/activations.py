"""The logistic function's relatives and other activations in mpmath, one number at a time."""

from mpmath import mp, mpf

from reference.functions import at_full_precision


@at_full_precision
def sigmoid_at(x: float, temperature: float) -> mpf:
    return 1 / (1 + mp.exp(-mpf(x) / mpf(temperature)))


@at_full_precision
def log_sigmoid_at(x: float, temperature: float) -> mpf:
    return -mp.log1p(mp.exp(-mpf(x) / mpf(temperature)))


@at_full_precision
def softplus(x: float, temperature: float = 1.0) -> mpf:
    return mpf(temperature) * mp.log1p(mp.exp(mpf(x) / mpf(temperature)))


@at_full_precision
def logit(p: float) -> mpf:
    with mp.workdps(400):  # 1 - p of a subnormal p
        return mp.log(mpf(p) / (1 - mpf(p)))


@at_full_precision
def sigmoid_grad(x: float, temperature: float = 1.0) -> mpf:
    return 1 / (mpf(temperature) * (2 + 2 * mp.cosh(mpf(x) / mpf(temperature))))


@at_full_precision
def log_sigmoid_grad(x: float, temperature: float = 1.0) -> mpf:
    return 1 / (mpf(temperature) * (1 + mp.exp(mpf(x) / mpf(temperature))))


@at_full_precision
def logit_grad(p: float) -> mpf:
    return 1 / mpf(p) + 1 / (1 - mpf(p))

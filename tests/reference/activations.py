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


@at_full_precision
def tanh(x: float) -> mpf:
    return mp.tanh(mpf(x))


@at_full_precision
def tanh_grad(x: float) -> mpf:
    return mp.sech(mpf(x)) ** 2


def normal_share(x: mpf) -> mpf:
    """Return the part of the normal distribution below x."""
    return mp.erfc(-x / mp.sqrt(2)) / 2


def tanh_share(x: mpf) -> tuple[mpf, mpf]:
    """Return what GELU's tanh approximation takes for it, and its derivative."""
    c, a = mp.sqrt(2 / mp.pi), mpf("0.044715")
    share = 1 / (1 + mp.exp(-2 * c * (x + a * x**3)))
    other = 1 / (1 + mp.exp(2 * c * (x + a * x**3)))
    return share, share * other * 2 * c * (1 + 3 * a * x**2)


@at_full_precision
def gelu(x: float, approximate: str = "none") -> mpf:
    z = mpf(x)
    return z * (normal_share(z) if approximate == "none" else tanh_share(z)[0])


@at_full_precision
def gelu_grad(x: float, approximate: str = "none") -> tuple[mpf, mpf]:
    """Return the derivative, and the size of what may cancel in it."""
    z = mpf(x)
    share, density = (normal_share(z), mp.npdf(z)) if approximate == "none" else tanh_share(z)
    return share + z * density, share + abs(z) * density

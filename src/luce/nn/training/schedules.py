"""Learning rates over a training: functions of the progress in [0, 1), so that nothing is kept.

Sources: Loshchilov & Hutter (2017), SGDR, ICLR (cosine); Smith & Topin (2018), Super-convergence,
arXiv:1708.07120 (one cycle; here with the cosine arcs and the starting rate of 1/25 that fastai
made usual, and without its cycle of the momentum).
"""

from collections.abc import Callable
from math import cos, pi

_RISE = 0.3  # share of one cycle in which the rate grows
_START = 1 / 25  # of the largest rate
_DROPS = (0.5, 0.75)  # progress at which a staircase falls, each time to a tenth


def _constant(progress: float) -> float:
    return 1.0


def _linear(progress: float) -> float:
    return 1.0 - progress


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + cos(pi * progress))


def _step(progress: float) -> float:
    return float(0.1 ** sum(progress >= drop for drop in _DROPS))


def _one_cycle(progress: float) -> float:
    if progress < _RISE:
        return 1.0 - (1.0 - _START) * _cosine(progress / _RISE)
    return _cosine((progress - _RISE) / (1.0 - _RISE))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "step": _step,
    "one-cycle": _one_cycle,
}

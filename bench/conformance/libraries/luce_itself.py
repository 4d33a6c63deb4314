"""luce: every cell is a call of it."""

import numpy as np
from reference.promises import promised

import luce
from conformance.judge import Library
from conformance.libraries import offered
from luce import functions, losses


def promise(name: str, part: str, dtype: np.dtype) -> float:
    room = functions if hasattr(functions, name) else losses
    return promised(getattr(room, name), dtype, part)


def library() -> Library:
    names = [n for room in (functions, losses) for n in dir(room) if n[0].islower()]
    rooms = {n: getattr(functions, n, None) or getattr(losses, n) for n in names}
    routines = {n: f for n, f in rooms.items() if callable(f)}
    return Library(f"luce {luce.__version__}", offered(routines), promise)

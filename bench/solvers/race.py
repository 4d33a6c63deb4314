"""One contestant on one problem, in a process of its own that is ended at the cap.

Processes are forked from one that has read the data and imported everybody, so that neither is
timed and nothing that one contestant does can hurt another.
"""

import logging
import multiprocessing
import os
import signal
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

from contestants import Contestant, Luce, Trial
from problem import Problem

FORK = multiprocessing.get_context("fork")
GAP = 1e-6
_LOWEST = -1e-8  # nobody's objective can be below the certified minimum
_PULSE = 0.1  # seconds between reports of progress


class Answer(dict[str, Any]):
    """What is known of one contestant on one problem; JSON can hold it.

    default_seconds, default_gap, default_warned, stated, proof_seconds, proof_gap: numbers or None;
    seconds: to the gap, None where it was not reached; at_least: seconds that did not suffice;
    best_gap, effort, failed, excluded.
    """


def race(
    contestant: Contestant, problem: Problem, minimum: float, cap: float, default_cap: float
) -> Answer:
    """Run the defaults, then to the gap, each until its cap."""
    if reason := contestant.excluded(problem):
        return Answer(excluded=reason)
    answer = Answer()
    if not contestant.defaults_first:
        _collect(answer, _defaults, contestant, problem, minimum, default_cap)
    answer.pop("at_least", None)
    answer.pop("best_gap", None)
    failed = answer.pop("failed", None)
    if failed is not None:
        answer["default_failed"] = failed
    if isinstance(contestant, Luce):
        _collect(answer, _proof, contestant, problem, minimum, max(cap, default_cap))
        answer.pop("at_least", None)
        answer.pop("best_gap", None)
    _collect(answer, _to_gap, contestant, problem, minimum, cap)
    return answer


def _collect(
    answer: Answer,
    work: Any,
    contestant: Contestant,
    problem: Problem,
    minimum: float,
    cap: float,
) -> None:
    """Run `work` in a child and take in what it sends, until it ends or the cap does."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_guarded, args=(sender, work, contestant, problem, minimum))
    child.start()
    sender.close()
    end = time.perf_counter() + cap + 10  # for warming up, which ends with the word "start"
    ended = False
    while not ended:
        if not receiver.poll(max(0.0, end - time.perf_counter())):
            break
        try:
            told = receiver.recv()
        except EOFError:
            break
        if told == "start":
            end = time.perf_counter() + cap + contestant.grace
        elif told == "end":
            ended = True
        else:
            answer.update(told)
    try:
        os.killpg(child.pid, signal.SIGKILL)  # with the programs that it has started
    except ProcessLookupError:
        child.kill()
    child.join()
    receiver.close()


def _guarded(
    sender: Connection, work: Any, contestant: Contestant, problem: Problem, minimum: float
) -> None:
    os.setpgrp()
    logging.disable(logging.WARNING)
    try:
        _warm_up(contestant)
        sender.send("start")
        work(sender, contestant, problem, minimum)
    except BaseException as error:
        message = f"{type(error).__name__}: {str(error)[:200]}"
        where = traceback.extract_tb(error.__traceback__)[-1]
        sender.send({"failed": f"{message} ({where.name}, line {where.lineno})"})
    sender.send("end")


def _warm_up(contestant: Contestant) -> None:
    """Import the package and start its threads on a handful of rows."""
    if contestant.grace:
        return
    from registry import gaussian

    X, y = gaussian(200, 4, 3)
    small = Problem("warm-up", "", X, y.astype("int64"), 1.0)
    if not contestant.excluded(small):
        contestant.default(small)


def _defaults(sender: Connection, contestant: Contestant, problem: Problem, minimum: float) -> None:
    sender.send(_as_default(contestant.default(problem), minimum))


def _as_default(trial: Trial, minimum: float) -> dict[str, Any]:
    return {
        "default_seconds": trial.seconds,
        "default_gap": trial.value / minimum - 1,
        "default_warned": trial.warned,
        "stated": trial.stated,
    }


def _proof(sender: Connection, contestant: Luce, problem: Problem, minimum: float) -> None:
    trial = contestant.proof(problem, GAP)
    sender.send(
        {
            "proof_seconds": trial.seconds,
            "proof_gap": trial.value / minimum - 1,
            "proof_stated": trial.stated,
            "proof_warned": trial.warned,
        }
    )


def _to_gap(sender: Connection, contestant: Contestant, problem: Problem, minimum: float) -> None:
    pulse = 0.0
    best, longest = float("inf"), 0.0

    def report(seconds: float, value: float) -> None:
        nonlocal pulse, best
        best = min(best, value / minimum - 1)
        if seconds >= pulse + _PULSE:
            pulse = seconds
            sender.send({"at_least": max(seconds, longest), "best_gap": best})

    for number, trial in enumerate(contestant.trials(problem, minimum * (1 + GAP), report)):
        if contestant.defaults_first and number == 0:
            sender.send(_as_default(trial, minimum))
        gap = trial.value / minimum - 1
        best = min(best, gap)
        told = {"best_gap": best, "effort": trial.effort}
        if gap < _LOWEST:
            sender.send(told | {"failed": f"its objective is {gap:.1e} below the minimum"})
            return
        if reached(trial, minimum):
            sender.send(told | {"seconds": trial.seconds})
            for again in contestant.repeated(problem, trial):
                if reached(again, minimum) and again.seconds < trial.seconds:
                    sender.send({"seconds": again.seconds, "effort": again.effort})
            return
        pulse = 0.0
        longest = max(longest, trial.seconds)
        sender.send(told | {"at_least": longest})


def reached(trial: Trial, minimum: float) -> bool:
    """Whether a fit is within the gap of the minimum."""
    return trial.value <= minimum * (1 + GAP)

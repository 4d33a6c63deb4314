"""The multinomial leaderboard: who reaches the optimum, how fast, and who says so.

    LUCE_DATA=... python bench/solvers/leaderboard.py [--quick] [--full] [--cap 3]
        [--only PROBLEM ...] [--solvers NAME ...] [--json FILE] [--show]

Everybody minimises the same function of the same rows on the same threads; see `problem.py` for
the function, `registry.py` for the problems, `contestants.py` and `peers.py` for who takes part,
`optima.py` for the optimum that all are measured against. Packages that are not installed are
left out, and it is said. Each run is ended at the cap, or at three times luce's time if that is
more; in the short form also at four times the time of the best scikit-learn solver so far, for then
it cannot be the best: its time is shown as "more than". luce itself gets 60 s. `--full` runs all to
caps of 120 s. Results are merged into `--json FILE`, and `--show` prints them again; of solvers
that were measured in different runs it is said when.
Ends with exit code 1 if a demand is missed.
"""

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, str(len(os.sched_getaffinity(0))))
sys.path.insert(1, str(Path(__file__).parents[1]))  # for section.py

from contestants import Contestant, Luce, ScikitLearn  # noqa: E402  # threads are set before
from optima import optimum  # noqa: E402
from peers import Intelex, everybody  # noqa: E402
from race import FORK, race  # noqa: E402
from registry import PROBLEMS, QUICK, load  # noqa: E402
from tables import show  # noqa: E402

_FACTOR = 4.0  # times the best scikit-learn solver, then the rest are ended
_LEAST = 1.0  # seconds that everybody gets
_OWN = 60.0  # seconds for luce, which runs first ...
_MORE = 3.0  # ... and how many times its seconds the others get, if that is more than the cap
_FULL = 120.0


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def on_problem(
    name: str, contestants: list[Contestant], cap: float, full: bool, again: bool
) -> dict[str, Any]:
    """Return the answers of all contestants, by name, and what the problem is."""
    problem = load(name)
    best = optimum(problem, again=again, tell=tell)
    tell(f"== {name} {problem.shape}, f* = {best.value:.9g}, certified {best.certified:.1e}")
    result = {
        "problem": problem.describe(),
        "minimum": best.value,
        "certified": best.certified,
        "agree": best.agree,
        "cap": cap,
        "answers": {},
    }
    fastest, own = float("inf"), 0.0
    for contestant in contestants:
        if isinstance(contestant, Luce):
            limit = max(cap, _OWN)
        else:
            limit = max(cap, _MORE * own)
            if not full:
                limit = min(limit, max(_LEAST, _FACTOR * fastest))
        start = time.perf_counter()
        default_cap = limit if isinstance(contestant, Luce) else cap
        answer = race(contestant, problem, best.value, limit, default_cap)
        result["answers"][contestant.name] = dict(answer)
        if contestant.name == "luce":
            own = answer.get("seconds", 0.0)
        if isinstance(contestant, ScikitLearn) and not isinstance(contestant, Intelex):
            fastest = min(fastest, answer.get("seconds", float("inf")))
        tell(f"{contestant.name}: {_short(answer)} [{time.perf_counter() - start:.1f} s]")
    return result


def _short(answer: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in answer.items()
        if value is not None
    )


def in_child(*arguments: Any) -> dict[str, Any] | None:
    """Work on a problem in a forked process, whose memory ends with it."""
    receiver, sender = FORK.Pipe(duplex=False)

    def work() -> None:
        sender.send(on_problem(*arguments))

    child = FORK.Process(target=work)
    child.start()
    sender.close()
    try:
        result: dict[str, Any] = receiver.recv()
    except EOFError:
        return None
    finally:
        child.join()
    return result


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{len(QUICK)} small problems")
    parser.add_argument("--full", action="store_true", help="caps of 120 s, and nobody cut short")
    parser.add_argument("--cap", type=float, help="seconds a run; default 3")
    parser.add_argument("--only", nargs="+", metavar="PROBLEM", choices=PROBLEMS)
    parser.add_argument(
        "--solvers",
        nargs="+",
        metavar="NAME",
        help="by name, or its beginning (luce: all of its methods)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="merge results into this file")
    parser.add_argument("--show", action="store_true", help="measure nothing, show the file")
    parser.add_argument("--again", action="store_true", help="compute the optima again")
    return parser.parse_args()


def main() -> int:
    options = parse()
    names = options.only or (QUICK if options.quick else list(PROBLEMS))
    cap = options.cap or (_FULL if options.full else 3.0)
    began = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    held: dict[str, Any] = {}
    if options.json and options.json.exists():
        held = json.loads(options.json.read_text())
    absent = {}
    if not options.show:
        chosen = []
        for contestant in everybody():
            asked = options.solvers or (() if contestant.name.startswith("luce ") else ("",))
            if not any(contestant.name.startswith(prefix) for prefix in asked):
                continue
            if reason := contestant.absent():
                absent[contestant.name] = reason
            else:
                chosen.append(contestant)
        for name in names:
            result = in_child(name, chosen, cap, options.full, options.again)
            if result is None:
                tell(f"{name}: failed")
                continue
            answers = held.get(name, {}).get("answers", {})
            for solver, answer in result["answers"].items():
                answers[solver] = {**answer, "run": began}
            held[name] = {**result, "answers": answers}
            if options.json:
                options.json.write_text(json.dumps(held, indent=1))
    return show({name: held[name] for name in names if name in held}, absent)


if __name__ == "__main__":
    sys.exit(main())

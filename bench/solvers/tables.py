"""The tables of the leaderboard, in Markdown."""

from collections.abc import Iterator, Mapping
from math import exp, inf, log
from typing import Any

from section import Demand, show_figures, show_table, verdict

GAP = 1e-6
SKLEARN = "scikit-learn "
Results = Mapping[str, Mapping[str, Any]]


def show(results: Results, absent: Mapping[str, str]) -> int:
    """Print everything; return the exit code."""
    if not results:
        print("Nothing measured.")
        return 0
    solvers = _solvers(results)
    _show_problems(results)
    print()
    _show_times(results, solvers)
    print()
    summary = _show_summary(results, solvers)
    print()
    _show_notes(results, absent)
    return _judge(results, summary)


def _solvers(results: Results) -> list[str]:
    names: dict[str, None] = {}
    for result in results.values():
        names.update(dict.fromkeys(result["answers"]))
    return list(names)


def _show_problems(results: Results) -> None:
    rows = []
    for result in results.values():
        agree = result["agree"]
        rows.append(
            {
                **result["problem"],
                "f*": f"{result['minimum']:.6g}",
                "certified": f"{max(result['certified'], 0):.0e}",
                "two minimisers agree": f"{agree:.0e}" if agree < 1e-8 else "one only",
            }
        )
    show_table(rows)


def _show_times(results: Results, solvers: list[str]) -> None:
    """One line a problem: seconds to the gap, the best of scikit-learn in bold, and the ratio."""
    rows = []
    for name, result in results.items():
        answers = result["answers"]
        row = {"seconds to 1e-6": name}
        best = best_sklearn(answers)
        for solver in solvers:
            row[solver] = _cell(answers.get(solver, {}))
            if solver in answers and solver == best[1]:
                row[solver] = f"**{row[solver]}**"
        row["luce to its proof"] = _number(answers.get("luce", {}).get("proof_seconds"))
        row["best scikit-learn / luce"] = _ratio_cell(answers)
        rows.append(row)
    show_table(rows)


def _cell(answer: Mapping[str, Any]) -> str:
    if "seconds" in answer:
        return _number(answer["seconds"])
    if "excluded" in answer:
        return "–"
    if "failed" in answer:
        return "failed"
    gap = answer.get("best_gap", inf)
    told = f" ({gap:.0e})" if gap < inf else ""
    return f"> {_number(answer['at_least'])}{told}" if "at_least" in answer else "not reached"


def _number(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3g}"


def best_sklearn(answers: Mapping[str, Any]) -> tuple[float, str, bool]:
    """Return seconds, name, and whether it got there; where none did, the longest that it took."""
    found = [
        (answer["seconds"], name)
        for name, answer in answers.items()
        if name.startswith(SKLEARN) and "seconds" in answer
    ]
    if found:
        return (*min(found), True)
    least = [
        (answer["at_least"], name)
        for name, answer in answers.items()
        if name.startswith(SKLEARN) and "at_least" in answer
    ]
    return (*max(least), False) if least else (inf, "", False)


def _ratio_cell(answers: Mapping[str, Any]) -> str:
    ratio, exact = ratio_to(answers, "luce")
    return "" if ratio is None else f"{'' if exact else '> '}{ratio:.3g}"


def ratio_to(
    answers: Mapping[str, Any], solver: str, key: str = "seconds"
) -> tuple[float | None, bool]:
    """Return the seconds of the best of scikit-learn over those of a solver, and whether exact."""
    seconds, _, exact = best_sklearn(answers)
    own = answers.get(solver, {}).get(key)
    return (None, False) if own is None or seconds == inf else (seconds / own, exact)


def ratios(results: Results, solver: str, key: str = "seconds") -> list[float]:
    every = (ratio_to(result["answers"], solver, key)[0] for result in results.values())
    return [ratio for ratio in every if ratio is not None]


def mean(numbers: list[float]) -> float:
    """Return the geometric mean."""
    return exp(sum(map(log, numbers)) / len(numbers)) if numbers else float("nan")


def _show_summary(results: Results, solvers: list[str]) -> dict[str, dict[str, str]]:
    rows = {}
    for solver in solvers:
        answers = [r["answers"][solver] for r in results.values() if solver in r["answers"]]
        taken = [answer for answer in answers if "excluded" not in answer]
        own = ratios(results, solver)
        rows[solver] = {
            "": solver,
            "takes part in": str(len(taken)),
            "reached 1e-6": str(sum("seconds" in answer for answer in taken)),
            "defaults: gap at most 1e-6": str(sum(_within(a, GAP) for a in taken)),
            "at most 1e-4": str(sum(_within(a, 1e-4) for a in taken)),
            "... and warned": str(sum(bool(a.get("default_warned")) for a in taken)),
            "defaults: worst gap": _worst(taken),
            "best scikit-learn / it, geometric mean": f"{mean(own):.3g}" if own else "",
            "its worst": f"{min(own):.3g}" if own else "",
        }
    show_table(list(rows.values()))
    return rows


def _within(answer: Mapping[str, Any], gap: float) -> bool:
    reached = answer.get("default_gap")
    return reached is not None and reached <= gap


def _worst(answers: list[Mapping[str, Any]]) -> str:
    gaps = [a["default_gap"] for a in answers if a.get("default_gap") is not None]
    unfinished = sum(a.get("default_gap") is None for a in answers)
    told = f"{max(gaps):.0e}" if gaps else ""
    return f"{told}, {unfinished} unfinished" if unfinished else told


def _show_notes(results: Results, absent: Mapping[str, str]) -> None:
    caps = sorted({result["cap"] for result in results.values()})
    print(
        "Seconds until the true objective is within 1e-6 of the certified optimum; the best of"
        " scikit-learn's\nsolvers in bold. `>`: not yet there (the gap it had reached) when it was"
        f" ended, after {' or '.join(f'{cap:g}' for cap in caps)} s a run (or three\ntimes"
        " luce's time, if that is more) or four times the best scikit-learn solver so far. Where"
        "\nnone of these got there the ratio counts the longest"
        " time that did not suffice, so it is a lower bound. luce is stopped from outside at the"
        " iteration that\nreaches the gap, as scikit-learn's lbfgs, newton-cg and newton-cholesky"
        " are; the others are fitted with\ngrowing effort, and the first fit that suffices counts."
        " Defaults: only C is set.\n"
    )
    runs = _runs(results)
    for run in sorted(runs) if len(runs) > 1 else ():
        print(f"- measured in the run of {run}: {', '.join(runs[run])}.")
    for solver, reason in absent.items():
        print(f"- {solver} did not take part: {reason}.")
    for solver in _solvers(results):
        failures: dict[str, list[str]] = {}
        for name, result in results.items():
            answer = result["answers"].get(solver, {})
            for key in ("failed", "default_failed"):
                if key in answer:
                    failures.setdefault(answer[key].split(" (")[0], []).append(name)
        for message, names in failures.items():
            text = message if len(message) < 160 else f"{message[:160]} ..."
            print(f"- {solver} failed on {', '.join(dict.fromkeys(names))}: {text}")


def _runs(results: Results) -> dict[str, dict[str, None]]:
    """Return when each run began, and the solvers that were measured in it."""
    runs: dict[str, dict[str, None]] = {}
    for result in results.values():
        for solver, answer in result["answers"].items():
            runs.setdefault(answer.get("run", "unknown date"), {})[solver] = None
    return runs


def _against(results: Results, peer: str) -> Iterator[float]:
    """Yield a peer's seconds over luce's, where both took part; a lower bound where it is late."""
    for result in results.values():
        own = result["answers"].get("luce", {}).get("seconds")
        other = result["answers"].get(peer, {})
        seconds = other.get("seconds", other.get("at_least"))
        if own is not None and seconds is not None:
            yield seconds / own


def _judge(results: Results, summary: Mapping[str, Mapping[str, str]]) -> int:
    if "luce" not in summary:
        return 0
    answers = [r["answers"].get("luce", {}) for r in results.values()]
    honest = sum(
        a.get("default_gap") is not None
        and a["default_gap"] <= max(GAP, a.get("stated") or 0.0)
        and not a["default_warned"]
        for a in answers
    )
    good = sum(r["certified"] <= 1e-9 for r in results.values())
    own, proven = ratios(results, "luce"), ratios(results, "luce", "proof_seconds")
    demands = [
        Demand("at least 30 problems", str(len(results)), len(results) >= 30),
        Demand("every optimum certified to 1e-9", f"{good} of {len(results)}",
               good == len(results)),
        Demand("luce's defaults: true gap at most 1e-6 or the stated gap, no warning, everywhere",
               f"{honest} of {len(results)}", honest == len(results)),
        Demand("at least 10 times faster than the best scikit-learn solver, geometric mean",
               f"{mean(own):.1f} on {len(own)}; to its own proof {mean(proven):.1f}",
               mean(own) >= 10 and len(own) == len(results)),
        Demand("never more than 1.25 times as long", f"{1 / min(own, default=1e-9):.2f} times",
               bool(own) and min(own) >= 0.8),
    ]  # fmt: skip
    for peer, factor in (("scikit-learn-intelex", 3), ("cyanure", 2)):
        if found := list(_against(results, peer)):
            promise = f"at least {factor} times faster than {peer}, geometric mean"
            demands.append(Demand(promise, f"{mean(found):.1f}", mean(found) >= factor))
    code = verdict(demands)
    show_figures(
        problems=str(len(results)),
        ratio=f"{mean(own):.0f}",
        worst=f"{min(own, default=0):.2f}",
        honest=str(honest),
        sklearn_default=summary.get("scikit-learn lbfgs", {}).get("defaults: gap at most 1e-6", ""),
    )
    return code

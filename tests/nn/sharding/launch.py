"""Processes on this machine that run one script, and what each of them has found."""

import datetime
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = 600  # seconds; only a process that hangs takes longer


def results_of(script: str, processes: int, folder: Path) -> dict[str, list[Any]]:
    """Return what each process found: ``results[task][rank]``.

    They meet through a file, so that no port has to be chosen.
    """
    work = Path(__file__).with_name(script)
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, str(work), str(rank), str(processes), str(folder)],
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(processes)
    ]
    try:
        said = [one.communicate(timeout=PATIENCE)[0] for one in started]
    finally:
        for one in started:
            one.kill()
    codes = [one.returncode for one in started]
    assert codes == [0] * processes, "\n".join(said)
    results = [torch.load(folder / f"{r}.pt", weights_only=False) for r in range(processes)]
    errors = "\n".join(one.get("error", "") for one in results)
    assert not any("error" in one for one in results), errors
    return {task: [one[task] for one in results] for task in results[0]}


def work_through(tasks: Mapping[str, Callable[[], Any]]) -> None:
    """Do all tasks in one start, for starting processes takes longer than all of it; save them."""
    rank, processes, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "gloo", init_method=(folder / "meeting").as_uri(), rank=rank, world_size=processes,
        timeout=datetime.timedelta(seconds=PATIENCE),
    )  # fmt: skip
    results: dict[str, Any] = {}
    try:
        for name, task in tasks.items():
            results[name] = task()
    except Exception:
        results["error"] = f"{name}: {traceback.format_exc()}"
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()

"""Measure `ShardedSoftmax` on two processes of this machine beside one process with all classes.

    python bench/nn_sharded.py                                   starts the processes itself
    torchrun --nproc-per-node 2 bench/nn_sharded.py              the same, by hand

512 rows of width 128 and 40,000 classes in float32, gloo, one thread a process; label smoothing and
z-loss. A step is loss and gradients, the fastest of several. Memory is what a step needs beyond the
process's own parameters, their gradients and the rows. The first process compares with a
`FullSoftmax` of the same weights, both in float64, so that rounding hides nothing: loss, gradients,
log-probabilities and top 10. Ends with exit code 1 if a demand is missed.
"""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from linear_cross_entropy import timed
from memory import held, peak
from section import Demand, show_figures, show_table, verdict
from torch import Tensor

from luce.nn import FullSoftmax, Head, ShardedSoftmax

ROWS, WIDTH, CLASSES, ROUNDS, BEST = 512, 128, 40_000, 5, 10
OPTIONS = {"label_smoothing": 0.1, "z_loss": 1e-4}
PROCESSES = 2


def batch(rows: int = ROWS, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, WIDTH, generator=source).to(dtype).requires_grad_()
    return hidden, torch.randint(CLASSES, (rows,), generator=source)


def step(head: Head, given: tuple[Tensor, Tensor]) -> Tensor:
    head.zero_grad()
    given[0].grad = None
    loss: Tensor = head(*given, **OPTIONS)
    loss.backward()
    return loss.detach()


def measured(head: Head) -> dict[str, float]:
    """Return the fastest of several steps, and the bytes that one needs."""
    step(head, batch(2))
    head.zero_grad()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak until here
    before, given = held(), batch()
    step(head, given)
    own = sum(one.numel() for one in head.parameters())
    extra = peak() - before - 4 * (own + 2 * given[0].numel())
    if dist.is_initialized():
        dist.barrier()
    return {
        "parameters": own, "extra": max(0, extra),
        "time": min(timed(lambda: step(head, given)) for _ in range(ROUNDS)),
    }  # fmt: skip


def differences(head: ShardedSoftmax) -> dict[str, float]:
    """Return the largest differences from one process, in parts of the largest number."""
    head.double()
    full = FullSoftmax(WIDTH, CLASSES, dtype=torch.float64)
    full.load_state_dict(head.full_state_dict())
    given, alone = batch(dtype=torch.float64), batch(dtype=torch.float64)
    own = slice(head.classes.start, head.classes.stop)
    loss, exact = step(head, given), step(full, alone)
    with torch.no_grad():
        log_p, best = head.log_prob(given[0]), head.topk(given[0], BEST)
        log_q, right = full.log_prob(given[0]), full.topk(given[0], BEST)
    pairs = {
        "loss": (loss, exact),
        "gradient of the rows": (given[0].grad, alone[0].grad),
        "gradient of the weights": (head.weight.grad, full.weight.grad[own]),
        "log-probabilities": (log_p, log_q),
    }
    found = {n: float((a - b).abs().max() / b.abs().max()) for n, (a, b) in pairs.items()}
    same = (best.indices == right.indices).float().mean()
    return found | {"places of the top 10 that differ": float(1 - same)}


def work() -> int:
    """What each process does under torchrun; the first one prints."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", timeout=datetime.timedelta(minutes=10))
    head = ShardedSoftmax(WIDTH, CLASSES)
    sharded, wrong = measured(head), differences(head)
    first = dist.get_rank() == 0
    processes = dist.get_world_size()
    dist.barrier()
    dist.destroy_process_group()
    if not first:
        return 0
    alone = measured(FullSoftmax(WIDTH, CLASSES))
    rows = [
        {
            f"{ROWS} rows, width {WIDTH}, {CLASSES:,} classes": name,
            "parameters of a process": f"{one['parameters']:,}",
            "step, ms": f"{1e3 * one['time']:.0f}",
            "extra memory, MB": f"{one['extra'] / 1e6:.0f}",
        }
        for name, one in (("one process", alone), (f"{processes} processes", sharded))
    ]
    show_table(rows)
    print()
    show_table(
        [
            {"beside one process, float64": n, "largest difference, relative": f"{d:.1e}"}
            for n, d in wrong.items()
        ]
    )
    show_figures(difference=f"{max(wrong.values()):.0e}")
    share = sharded["parameters"] / alone["parameters"]
    return verdict([
        Demand(
            "everything equals one process within 1e-6",
            f"{max(wrong.values()):.1e}",
            max(wrong.values()) <= 1e-6,
        ),
        Demand(
            "each process holds its share of the weights",
            f"{share:.2f} of them",
            share <= 1 / processes + 1e-3,
        ),
    ])  # fmt: skip


def main() -> int:
    if "RANK" in os.environ:
        return work()
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    # One thread, and memory goes back to the system at once: so it is seen what a step takes.
    how = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "100000"}
    command = [*run, "--nproc-per-node", str(PROCESSES), __file__]
    return subprocess.run(command, env={**os.environ, **how}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

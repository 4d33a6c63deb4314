"""What Prometheus may read: counts and times, of one process or of all workers together."""

import os
from collections.abc import Callable
from pathlib import Path

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 10_000)
CONTENT_TYPE = b"text/plain; version=1.0.0; charset=utf-8"


class Metrics:
    """The figures of this process.

    Parameters
    ----------
    folder : where the workers of one server keep theirs, so that each can tell those of all;
        None for a single process
    queue : tells how many requests wait
    """

    def __init__(self, folder: Path | None, queue: Callable[[], int]) -> None:
        if folder is not None:  # must stand there before the package is imported
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        from prometheus_client.multiprocess import MultiProcessCollector

        own = CollectorRegistry()
        self._requests = Counter(
            "luce_requests", "Requests by route and status.", ["route", "status"], registry=own
        )
        self._seconds = Histogram(
            "luce_request_seconds",
            "Time from the headers of a request to its answer, by route.",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )
        self._rows = Histogram(
            "luce_batch_rows", "Rows computed together.", buckets=_ROWS, registry=own
        )
        self._batch_seconds = Histogram(
            "luce_batch_seconds", "Time to compute a batch.", buckets=_SECONDS, registry=own
        )
        self._turned_away = Counter(
            "luce_turned_away", "Requests for which the queue had no place.", registry=own
        )
        self._reloads = Counter(
            "luce_reloads", "Replaced model files, by outcome.", ["outcome"], registry=own
        )
        self._waiting = Gauge(
            "luce_waiting_requests",
            "Requests in the queue.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self._queue, self._registry = queue, own
        if folder is not None:
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._counts: dict[tuple[str, int], Callable[[], None]] = {}
        self._times: dict[str, Callable[[float], None]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request; the routes are ours, so that nobody can fill the memory with names."""
        key = (route, status)
        if key not in self._counts:
            self._counts[key] = self._requests.labels(route, str(status)).inc
            self._times[route] = self._seconds.labels(route).observe
        self._counts[key]()
        self._times[route](seconds)

    def batch(self, rows: int, seconds: float) -> None:
        """Count a batch."""
        self._rows.observe(rows)
        self._batch_seconds.observe(seconds)

    def turned_away(self) -> None:
        """Count a request that the full queue has refused."""
        self._turned_away.inc()

    def reloaded(self, outcome: str) -> None:
        """Count a replaced model file: loaded or refused."""
        self._reloads.labels(outcome).inc()

    def text(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        from prometheus_client import generate_latest

        self._waiting.set(self._queue())
        return generate_latest(self._registry)

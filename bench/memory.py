"""The memory that this process holds, or has held at most.

Linux alone tells it truly. What `resource.getrusage` says of a new process counts the memory of
the one that started it, too: so it would hide what is to be measured.
"""

from pathlib import Path

STATUS = Path("/proc/self/status")


def held() -> int:
    """Return the bytes that are in memory now."""
    return _bytes("VmRSS")


def peak() -> int:
    """Return the bytes that were in memory when they were most."""
    return _bytes("VmHWM")


def _bytes(what: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024

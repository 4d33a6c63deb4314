"""What this computer and this installation are made of."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from luce import __version__, kernels

REQUIRED = ("numpy", "scipy", "scikit-learn")
OPTIONAL = (
    "click",
    "rich",
    "polars",
    "safetensors",
    "pillow",
    "matplotlib",
    "pooch",
    "tomli-w",
    "starlette",
    "uvicorn",
    "torch",
)


def versions(packages: tuple[str, ...]) -> dict[str, str | None]:
    """Return the installed version of each package, None where it is missing.

    >>> versions(("no-such-package",))
    {'no-such-package': None}
    """
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def environment() -> dict[str, Any]:
    """Return versions, instruction set, threads and platform; no names of hosts, users or paths."""
    return {
        "luce": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "simd": kernels.simd(),
        "threads": kernels.get_num_threads(),
        "packages": versions(REQUIRED + OPTIONAL),
    }

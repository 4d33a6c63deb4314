"""``luce doctor``: is everything there, and does it compute rightly?"""

from collections.abc import Mapping
from typing import Any

import click

from luce.cli.terminal import show_fields
from luce.cli.verb import Verb, show_json


@click.command(
    cls=Verb,
    short_help="Check this installation.",
    examples=["luce doctor", "luce doctor --json"],
)
def command(as_json: bool) -> None:
    """Check this installation: versions, instruction set, threads, optional parts, self-test.

    What it prints belongs into every bug report; it names no user, host or path.
    """
    from luce.tasks.doctor import diagnose

    found = diagnose()
    if as_json:
        show_json(found)
    else:
        _show(found)
    if not found["healthy"]:
        raise click.exceptions.Exit(1)


def _show(found: Mapping[str, Any]) -> None:
    packages = found["packages"]
    missing = [name for name, version in packages.items() if version is None]
    show_fields(
        {
            "luce": found["luce"],
            "python": f"{found['python']} on {found['platform']}",
            "instruction set": _instruction_set(found),
            "threads": found["threads"],
            "packages": ", ".join(f"{name} {v}" for name, v in packages.items() if v is not None),
            "not installed": ", ".join(missing) or "nothing",
        }
    )
    click.echo()
    show_fields({check: "passed" if ok else "FAILED" for check, ok in found["self_test"].items()})
    verdict = "All is well" if found["healthy"] else "This installation computes wrong results"
    click.echo(f"\n{verdict} (self-test: {found['self_test_seconds']:.2f} s).")


def _instruction_set(found: Mapping[str, Any]) -> str:
    kernels = found["kernels"]
    reason = f"; {kernels['twin_reason']}" if kernels["twin_reason"] else ""
    return f"{kernels['simd']} (available: {', '.join(kernels['available'])}{reason})"

"""Room 8: the ``luce`` command. Each verb parses, calls one task, and shows the answer.

Results go to stdout, talk and progress to stderr. Nothing heavy is imported before a verb needs it.
May import: server, tasks and everything below. Nothing imports it.
"""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; the entry point of the ``luce`` script."""
    try:
        from luce.cli.app import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print(
            "luce: the command line needs the package 'click', which is not installed. "
            "Install it with: pip install 'luce[app]'",
            file=sys.stderr,
        )
        sys.exit(5)
    sys.exit(run(sys.argv[1:]))

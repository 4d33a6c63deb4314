"""Write ``docs/cli.md`` from the ``--help`` of every verb; a test compares them."""

from pathlib import Path

import click

from luce.cli.app import VERBS, app

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# The command line

This page is made from `luce VERB --help` by `docs/make_cli_page.py`.

Results go to stdout, talk and progress to stderr; every verb has `--json`. Exit codes: 0 done,
1 failed, 2 wrong usage, 3 bad data, 4 bad model file, 5 an optional package is missing, 130 after
Ctrl-C (what was trained until then is saved).
"""


def page() -> str:
    """Return the page as it must be."""
    with click.Context(app, info_name="luce") as group:
        helps = [("luce", app.get_help(group))]
        for verb in VERBS:
            command = app.get_command(group, verb)
            assert command is not None
            with click.Context(command, info_name=verb, parent=group) as context:
                helps.append((f"luce {verb}", command.get_help(context)))
    sections = [f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in helps]
    return HEAD + "".join(sections)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

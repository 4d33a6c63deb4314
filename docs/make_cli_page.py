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

## The run folder

`luce train` leaves a folder, `runs/<name>-<time>` or what `--out` says. No run is overwritten.

| file | content |
|---|---|
| `config.toml` | every option, resolved: `--config` with it repeats the run bit for bit |
| `model.safetensors` | weights, classes, encoding, options, figures ([format](model_file.md)) |
| `metrics.jsonl` | one line an iteration or epoch, written while training |
| `eval.json` | figures of merit with 95 % intervals, confusion, figures of each class |
| `predictions.csv` | the evaluated rows: row (from 0), label, prediction, probabilities |
| `report.html` | all of it on one page |
| `tuning.json` | with `--tune`: every trial of the search; `config.toml` holds the winner |
| `environment.json` | versions, instruction set, threads, platform; no names of hosts or users |

Options come from the flags, else from the `--config` file, else from the defaults below. The keys
of the file are the long flags with `_` for `-`: `--batch-size 64` is `batch_size = 64`.
"""


def page() -> str:
    """Return the page as it must be."""
    helps = [("luce", _help(app, "luce"))]
    for verb in VERBS:
        command = app.get_command(click.Context(app), verb)
        assert command is not None
        helps.append((f"luce {verb}", _help(command, f"luce {verb}")))
    sections = [f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in helps]
    return HEAD + "".join(sections)


def _help(command: click.Command, name: str) -> str:
    settings = {**command.context_settings, "terminal_width": 80}
    return command.get_help(click.Context(command, info_name=name, **settings))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

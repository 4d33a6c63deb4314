"""Section 7: how to use the model."""

import shlex

from luce.tasks.reporting import markup
from luce.tasks.reporting.record import Record
from luce.tasks.runs import CONFIG


def usage(record: Record) -> str:
    """Lines to copy for the command line and for Python."""
    run = record.run.name if record.run.is_absolute() else record.run.as_posix()
    quoted = shlex.quote(run)
    data = shlex.quote(str(record.config["data"]))
    no_header = ", no_header=True" if record.config.get("no_header") else ""
    shell = "\n".join(
        [
            f"luce predict {quoted} new.csv --proba      # probabilities of new rows",
            f"luce evaluate {quoted} {data}",
            f"luce train --config {shlex.quote(f'{run}/{CONFIG}')}   # the same training again",
        ]
    )
    python = "\n".join(
        [
            "from luce import data",
            "from luce.tasks import load_model",
            "",
            f"model = load_model({run!r})",
            f"rows = data.load({str(record.config['data'])!r}{no_header})",
            "X = model.encoding.apply(rows.features).X",
            "p = model.probabilities(X)  # (rows, classes)",
        ]
    )
    return markup.grid(
        [
            f"<div><h3>On the command line</h3>{markup.code(shell)}</div>",
            f"<div><h3>In Python</h3>{markup.code(python)}</div>",
        ],
        "usage",
    )

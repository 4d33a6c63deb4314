"""``luce serve``: a model over HTTP."""

import contextlib
import os
import threading
from typing import Any

import click

from luce.cli.terminal import talk
from luce.cli.verb import Verb, show_json


@click.command(
    cls=Verb,
    short_help="Answer requests for predictions over HTTP.",
    examples=[
        "luce serve runs/first",
        "luce serve runs/first --port 0 --workers 2",
        "LUCE_TOKEN=... luce serve runs/first --host 0.0.0.0",
    ],
)
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port; 0 takes one that is free.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
@click.option(
    "--max-batch",
    type=click.IntRange(1, 100_000),
    default=64,
    show_default=True,
    help="Rows of different requests that are computed together.",
)
@click.option(
    "--queue",
    type=click.IntRange(1, 100_000),
    default=256,
    show_default=True,
    help="Requests that may wait, in each worker; more are answered 503.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(1, 10_000_000),
    default=10_000,
    show_default=True,
    help="Rows of one request.",
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 1024),
    default=4,
    show_default=True,
    metavar="MB",
    help="Length of one request.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a request may wait for its turn.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the last requests may take after SIGTERM or Ctrl-C.",
)
@click.option("--name", help="Name of the model in addresses.  [default: that of its data]")
@click.option(
    "--token",
    envvar="LUCE_TOKEN",
    show_envvar=True,
    help="What requests must show. Other users see the command line: better use the variable.",
)
@click.option(
    "--insecure", is_flag=True, help="Listen on other hosts than this computer without a token."
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name of this server, as a proxy calls it. May be repeated.",
)
@click.option(
    "--until-stdin-ends",
    is_flag=True,
    help="End when standard input does: for programs that start a server and may be killed.",
)
def command(as_json: bool, max_body: int, until_stdin_ends: bool, **told: Any) -> None:
    """Answer requests for predictions of MODEL, a model file or run folder, over HTTP.

    POST /v1/predict takes JSON, NDJSON, CSV or an image; /v2 speaks the Open Inference Protocol
    of KServe and Triton; /openapi.json tells the rest, /metrics is for Prometheus. When the model
    file is replaced, the new model is used. SIGTERM or Ctrl-C: what was accepted is answered first.
    """
    from luce.server.api.options import ServeOptions
    from luce.server.api.serving import serve
    from luce.server.limits import Limits

    options = ServeOptions(**told, limits=Limits.for_bodies(max_body << 20))

    def ready(address: str) -> None:
        if as_json:
            show_json({"address": address, "predict": f"{address}/v1/predict"})
        talk(f"Serving {options.model} at {address} - Ctrl-C to stop.")

    reader = threading.Thread(target=_read_to_the_end, daemon=True)
    if until_stdin_ends:
        reader.start()
    # No signal of our own: after another one it would be the second, which ends at once.
    serve(options, ready, until=lambda: until_stdin_ends and not reader.is_alive())
    talk("Stopped; every accepted request was answered.")


def _read_to_the_end() -> None:
    """Return when nobody holds standard input open any more."""
    # Not by sys.stdin: the lock of its buffer would be held when the interpreter ends.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass

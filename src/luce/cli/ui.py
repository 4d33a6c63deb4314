"""``luce ui``: see softmax, train and look into models in the browser."""

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable

import click
from click.core import ParameterSource

from luce.cli.terminal import talk
from luce.cli.verb import Verb, show_json

_HOST = "127.0.0.1"
_PORT = 8000
_NEXT = 20  # ports that are tried after the usual one


@click.command(
    cls=Verb,
    short_help="Open luce in the browser.",
    examples=["luce ui", "luce ui data.csv", "luce ui runs/first --no-browser"],
)
@click.argument("opened", metavar="[DATA|RUN|MODEL]", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="Port on this computer; 0: any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, open nothing.")
@click.option(
    "--stop-trainings",
    is_flag=True,
    help="Stop running trainings at the end, with their best models so far; else they go on.",
)
@click.pass_context
def command(
    ctx: click.Context,
    opened: str | None,
    port: int,
    no_browser: bool,
    stop_trainings: bool,
    as_json: bool,
) -> None:
    """Explore softmax, train, and look into models in the browser, on this computer alone.

    The address that is printed holds a token; without it nothing can be read. The browser is
    opened with another one, which is good for once. Ctrl-C ends it.
    """
    from luce.server.ui.running import serve_pages

    chosen = ctx.get_parameter_source("port") is not ParameterSource.DEFAULT
    listener = listen(port, more=0 if chosen or port == 0 else _NEXT)
    found = listener.getsockname()[1]
    if port not in (0, found):
        talk(f"Port {port} is in use; taking {found}.")

    def tell(address: str, once: Callable[[], str]) -> None:
        if as_json:
            show_json({"address": address, "port": found})
        else:
            click.echo(address)
            talk("Ctrl-C ends it.")
        if not no_browser:
            _open(once())  # other users can read the browser's command line

    serve_pages(listener, opened=opened, stop_trainings=stop_trainings, on_start=tell, on_end=talk)
    talk("Ended.")


def listen(port: int, *, more: int = 0) -> socket.socket:
    """Return a socket that listens on `port` of this computer, or on one of the next `more`.

    Raises
    ------
    ParameterError
        All of them are in use, or may not be used.
    """
    from luce.errors import ParameterError

    for candidate in range(port, min(port + more, 65535) + 1):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, candidate))
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            reason = error
            if error.errno != errno.EADDRINUSE:
                break
    tried = f"port {port}" if not more else f"a port from {port} to {candidate}"
    raise ParameterError(
        f"luce ui needs {tried} of this computer, but the system says: {reason.strerror}."
        " Choose another one: --port 0 takes any that is free."
    )


def _open(address: str) -> None:
    """Open the browser, which may take a while; none that would take the terminal."""
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

"""What ``luce serve`` is told, as its workers get it."""

import re
from dataclasses import dataclass, field

from luce.errors import ParameterError
from luce.server.limits import Limits
from luce.server.security import Access, allowed_hosts, is_loopback

_SHORTEST_TOKEN = 16
_OPEN = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")


@dataclass(frozen=True)
class ServeOptions:
    """Options of the server of one model; `check` tells what cannot be.

    Attributes
    ----------
    model : model file or run folder
    host, port : where it listens
    workers : processes
    max_batch : rows computed together
    queue : requests that may wait, in each worker
    timeout : seconds that a request may wait
    grace : seconds for the last requests after a signal
    token : that requests must show, or None
    insecure : whether another host than this computer is served without a token
    allow_hosts : names of this server besides those of its address
    name : of the model in addresses
    max_rows : in a request
    limits : of requests and connections
    """

    model: str
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    max_batch: int = 64
    queue: int = 256
    timeout: float = 10.0
    grace: float = 30.0
    token: str | None = field(default=None, repr=False)
    insecure: bool = False
    allow_hosts: tuple[str, ...] = ()
    name: str | None = None
    max_rows: int = 10_000
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Refuse what would be unsafe or impossible.

        Raises
        ------
        ParameterError
            Everybody could use the model; the token is short; the name cannot stand in an address.
        """
        if self.token is None and not self.insecure and not is_loopback(self.host):
            raise ParameterError(
                f"--host {self.host} lets other computers use the model, so --token must be given"
                " (or LUCE_TOKEN be set), or --insecure if everybody who reaches the address may."
            )
        if self.token is not None and not re.fullmatch(r"[!-~]{16,}", self.token):
            raise ParameterError(
                f"--token must be at least {_SHORTEST_TOKEN} visible ASCII characters without"
                " blanks, got something else. Make one: python -c 'import secrets;"
                " print(secrets.token_urlsafe())'"
            )
        if self.name is not None and not re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.name
        ):
            raise ParameterError(
                f"--name must be letters, digits, dots and dashes, got {self.name!r:.80}. It stands"
                " in addresses."
            )

    @property
    def access(self) -> Access:
        """Who may speak to the server."""
        return Access(
            hosts=allowed_hosts(self.host, self.allow_hosts),
            token=self.token,
            protected=lambda path: path not in _OPEN,
        )

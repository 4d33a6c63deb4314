"""The model in use, and another one as soon as its file is replaced; a bad file changes nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from luce.server.api.served import Served, stamp_of

_PERIOD = 1.0  # seconds between two looks at the file


class Keeper:
    """Holds the model of a file, and follows the file.

    Requests take the model that is there when they come, and keep it until they are answered: a
    new one is put in its place whole, between two requests.

    Attributes
    ----------
    served : the model in use
    trouble : why the file as it is now could not be loaded; None if it could
    """

    def __init__(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        tell: Callable[[str], None] = lambda message: None,
        on_reload: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self._path, self._name, self._tell, self._on_reload = path, name, tell, on_reload
        self.served = Served.load(path, name)
        self.served.dtype  # noqa: B018  # computes a row, so that no request has to wait for that
        self.trouble: str | None = None
        self._seen = self.served.stamp

    async def follow(self) -> None:
        """Look at the file every second, for ever."""
        while True:
            await asyncio.sleep(_PERIOD)
            await self.look()

    async def look(self) -> None:
        """Load the file if it is another one than last time."""
        stamp = stamp_of(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            served = await asyncio.to_thread(self._load)
        except Exception as error:  # whatever it is: the old model and this watch live on
            self.trouble = str(error)
            self._on_reload("refused")
            self._tell(f"The model file was replaced, but the old model stays in use: {error}")
            return
        self.served, self.trouble = served, None
        self._seen = served.stamp
        self._on_reload("loaded")
        self._tell("The model file was replaced; the new model is in use.")

    def _load(self) -> Served:
        # The name stays: it is part of addresses that clients have been given.
        served = Served.load(self._path, self.served.name)
        served.dtype  # noqa: B018  # see above
        return served

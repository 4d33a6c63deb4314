"""A Firefox without a window, driven over WebDriver BiDi: just what the tests of the pages need.

Playwright drives a Firefox of its own making only; the one of the system speaks the standard
protocol. Source: https://w3c.github.io/webdriver-bidi/
"""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0  # seconds for one answer, and for one condition
# Only what the pages ask for is to go out; and nothing is to ask whoever sits in front of it.
PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "ui.prefersReducedMotion": 1,
}
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "ArrowLeft": "\ue012", "ArrowRight": "\ue014"}
_EVENTS = (
    "log.entryAdded",
    "network.beforeRequestSent",
    "network.responseCompleted",
    "network.fetchError",
)


class Firefox:
    """One tab.

    Attributes
    ----------
    faults : what the console called an error
    requests : every address that the tab asked for
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._last = socket, 0
        self.faults: list[str] = []
        self.requests: list[str] = []
        self._pending: set[str] = set()
        self._ask("session.new", capabilities={})
        # The tab that is there at the start never gets the focus, and its buttons take no keys.
        self._tab = self._ask("browsingContext.create", type="tab")["context"]
        self._ask("session.subscribe", events=[*_EVENTS], contexts=[self._tab])

    def resize(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", context=self._tab, viewport=viewport)

    def open(self, address: str) -> None:
        """Load an address from nothing, also where only its fragment is another one."""
        for url in ("about:blank", address):
            self._ask("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression: a number, a text, a truth value or nothing."""
        found = self._ask(
            "script.evaluate",
            expression=expression,
            target={"context": self._tab},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise AssertionError(found["exceptionDetails"]["text"])
        return found["result"].get("value")

    def wait_until(self, condition: str) -> None:
        """Wait for a condition, which is looked at before each picture."""
        self.evaluate(f"""new Promise((good, bad) => {{
            const end = performance.now() + {1000 * PATIENCE - 5000};
            const look = () => {{
                if ({condition}) good(true);
                else if (performance.now() > end) bad(new Error({json.dumps(condition)}));
                else requestAnimationFrame(look);
            }};
            look();
        }})""")

    def settle(self) -> None:
        """Wait until all that was asked for has come."""
        while self._pending:
            self._take()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        strokes = [
            {"type": kind, "value": KEYS.get(key, key)}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self._ask("input.performActions", context=self._tab, actions=actions)

    def _ask(self, method: str, **params: Any) -> Any:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = self._take()
            if message.get("id") == self._last:
                if message["type"] == "error":
                    raise AssertionError(f"{method}: {message['error']}: {message['message']}")
                return message["result"]

    def _take(self) -> Any:
        message = json.loads(self._socket.recv(timeout=PATIENCE))
        if message["type"] == "event":
            self._note(message["method"], message["params"])
        return message

    def _note(self, event: str, params: Any) -> None:
        if event == "log.entryAdded":
            if params["level"] == "error":
                self.faults.append(params["text"])
            return
        request = params["request"]
        if event == "network.beforeRequestSent":
            self.requests.append(request["url"])
            self._pending.add(request["request"])
        else:
            self._pending.discard(request["request"])


@contextmanager
def started_firefox(path: str, profile: Path) -> Iterator[Firefox]:
    """Start a Firefox with an empty profile, yield its tab, and end it."""
    settings = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(settings))
    process = subprocess.Popen(
        [path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
        env=os.environ | {"HOME": str(profile)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = next(
        (found[1] for line in process.stderr if (found := re.search(r"(ws://\S+)", line))), None
    )
    rest = threading.Thread(target=process.stderr.read)  # a full pipe would hold it up
    rest.start()
    try:
        assert address, "Firefox must say where it listens"
        with connect(f"{address}/session", max_size=None, proxy=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        rest.join()
        process.stderr.close()

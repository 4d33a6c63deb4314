"""The application of ``luce serve``: which path does what."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from luce.errors import DataError, LuceError, MissingExtraError, ParameterError
from luce.server.api import kserve
from luce.server.api.answers import Wish, answer
from luce.server.api.batching import Batcher, queue_full, settle
from luce.server.api.bodies import IMAGES, JSON, TYPES, parse_rows
from luce.server.api.metrics import CONTENT_TYPE, Metrics
from luce.server.api.openapi import description
from luce.server.api.options import ServeOptions
from luce.server.api.reloading import Keeper
from luce.server.api.served import Served
from luce.server.by_heart import MOST_BODY, Act, Asker, Memory
from luce.server.limits import Bodies, Disconnected
from luce.server.security import Guard, Headers, Receive, Refused, Scope, Send, admit, error_body
from luce.server.timeouts import CONNECTION
from luce.tasks.crowds import Probabilities, Rows

_JSON = (b"content-type", b"application/json")
_PREDICT = (b"/v1/predict", b"/v2/models/")


class Reply(NamedTuple):
    """A whole answer."""

    body: bytes
    headers: Headers
    status: int = 200


class Asked(NamedTuple):
    """A prediction that is asked for: its rows, and what is made of their probabilities."""

    rows: Rows
    reply: Callable[[Probabilities], Reply]


class Api:
    """The routes of one worker.

    Parameters
    ----------
    options : of the server
    metrics_folder : where workers share their figures; None for a single process
    tell : says something to whoever looks after the server
    """

    def __init__(
        self,
        options: ServeOptions,
        *,
        metrics_folder: Path | None = None,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._options = options
        self.metrics = Metrics(metrics_folder, lambda: len(self.batcher))
        self.batcher = Batcher(
            max_batch=options.max_batch,
            queue=options.queue,
            timeout=options.timeout,
            on_batch=self.metrics.batch,
        )
        self.keeper = Keeper(
            options.model, options.name, tell=tell, on_reload=self.metrics.reloaded
        )
        self.ending = False
        self._bodies = Bodies(options.limits)
        self._following: asyncio.Task[None] | None = None
        self._routes: dict[str, dict[str, Callable[[Scope, Receive], Awaitable[Reply]]]] = {
            "/v1/predict": {"POST": self._predict},
            "/v1/echo": {"POST": self._echo},
            "/healthz": {"GET": self._health},
            "/readyz": {"GET": self._ready},
            "/metrics": {"GET": self._metrics},
            "/openapi.json": {"GET": self._openapi},
            "/v2": {"GET": self._server_metadata},
            "/v2/health/live": {"GET": self._live},
            "/v2/health/ready": {"GET": self._v2_ready},
        }
        name = self.keeper.served.name
        for root in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{kserve.VERSION}"):
            self._routes[root] = {"GET": self._model_metadata}
            self._routes[f"{root}/ready"] = {"GET": self._model_ready}
            self._routes[f"{root}/infer"] = {"POST": self._infer}
        self.app = Guard(self._answer, options.access)
        self.memory = Memory(self._by_heart)

    def start(self) -> None:
        """Follow the model file; called in the event loop."""
        self._following = asyncio.get_running_loop().create_task(self.keeper.follow())

    def end(self) -> None:
        """Say from now on that the server is not ready."""
        self.ending = True

    def close(self) -> None:
        """Let the threads end."""
        self.batcher.close()

    def gate(self, method: bytes, address: bytes) -> Refused | None:
        """Refuse a prediction before it is read, if there is no place for it."""
        if self.batcher.full and method == b"POST" and address.startswith(_PREDICT):
            self.metrics.turned_away()
            return queue_full()
        return None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        path, method = scope["path"], scope["method"]
        methods = self._routes.get(path)
        route = path if methods is not None else "other"
        try:
            reply = await self._reply(methods, method, scope, receive)
        except Disconnected:
            return
        # Before the answer goes out: who has it finds it counted.
        self.metrics.request(route, reply.status, perf_counter() - started)
        headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(
        self,
        methods: dict[str, Callable[[Scope, Receive], Awaitable[Reply]]] | None,
        method: str,
        scope: Scope,
        receive: Receive,
    ) -> Reply:
        try:
            if methods is None:
                raise Refused(404, "NotFound", "There is nothing here; see /openapi.json.")
            act = methods.get("GET" if method == "HEAD" else method)
            if act is None:
                allowed = (b"allow", ", ".join(methods).encode())
                raise Refused(405, "WrongMethod", f"Use {' or '.join(methods)} here.", (allowed,))
            return await act(scope, receive)
        except Disconnected:
            raise
        except Exception as error:
            return _failed(scope["path"], error)

    def _by_heart(self, scope: Scope) -> Act | None:
        """What answers every request with these headers: JSON to those routes that read it most."""
        path, query = scope["path"], scope["query_string"]
        try:
            if scope["method"] != "POST" or admit(scope, self._options.access) is not None:
                return None
            kind, header = _media_type(scope["headers"]), _header_length(scope["headers"])
        except Refused:
            return None
        if path == "/v1/echo":
            return partial(self._now, path, _echoed)
        if path == "/v1/predict" and kind == JSON:
            return partial(self._soon, path, partial(self._prediction, kind, query))
        if self._routes.get(path, {}).get("POST") == self._infer and kind in ("", JSON):
            return partial(self._soon, path, partial(self._inference, header))
        return None

    def _now(self, path: str, act: Callable[[bytes], Reply], body: bytes, asker: Asker) -> None:
        started = perf_counter()
        self._tell(path, started, asker, act(body))

    def _soon(
        self, path: str, read: Callable[[Served, bytes], Asked], body: bytes, asker: Asker
    ) -> None:
        """Answer a prediction as the routes would, without them."""
        started = perf_counter()

        def done(p: Probabilities | Exception) -> None:
            try:
                # An error of a batch is not raised again for each: its traceback would grow.
                reply = _failed(path, p) if isinstance(p, Exception) else asked.reply(p)
            except Exception as error:
                reply = _failed(path, error)
            self._tell(path, started, asker, reply)

        try:
            served = self.keeper.served
            asked = read(served, body)
            waiting = self.batcher.put(served, asked.rows, done)
        except Exception as error:
            self._tell(path, started, asker, _failed(path, error))
            return
        asker.on_gone = partial(self.batcher.leave, waiting)

    def _tell(self, path: str, started: float, asker: Asker, reply: Reply) -> None:
        self.metrics.request(path, reply.status, perf_counter() - started)
        asker.answer(reply.status, tuple(reply.headers), reply.body)

    async def _predict(self, scope: Scope, receive: Receive) -> Reply:
        kind, query = _media_type(scope["headers"]), scope["query_string"]
        if kind not in TYPES:
            raise Refused(415, "UnsupportedType", f"The Content-Type must be {', '.join(TYPES)}.")
        Wish.of_query(query, len(self.keeper.served.labels))  # refused before the rows are parsed
        read = partial(self._prediction, kind, query)
        return await self._computed(read, scope, receive, beside=kind in IMAGES)

    async def _infer(self, scope: Scope, receive: Receive) -> Reply:
        kind = _media_type(scope["headers"])
        if kind not in ("", JSON, "application/octet-stream"):
            raise Refused(415, "UnsupportedType", "The Content-Type must be application/json.")
        read = partial(self._inference, _header_length(scope["headers"]))
        return await self._computed(read, scope, receive)

    async def _computed(
        self,
        read: Callable[[Served, bytes], Asked],
        scope: Scope,
        receive: Receive,
        *,
        beside: bool = False,
    ) -> Reply:
        """Answer a prediction; `beside` the event loop is where it is read."""
        served = self.keeper.served
        body = await self._bodies.read(receive)
        if beside or len(body) > MOST_BODY:
            with self._bodies.held(body):
                asked = await asyncio.to_thread(read, served, body)
        else:
            asked = read(served, body)
        del body  # a request that waits holds its rows alone
        asker: Asker | None = scope.get("extensions", {}).get(CONNECTION)
        if asker is not None and asker.gone:
            raise Disconnected
        future = self.batcher.submit(served, asked.rows)
        if asker is not None:
            asker.on_gone = partial(settle, future, Disconnected())  # nobody is left to be answered
        try:
            return asked.reply(await future)
        finally:
            if asker is not None:
                asker.on_gone = None

    def _prediction(self, kind: str, query: bytes, served: Served, body: bytes) -> Asked:
        wish = Wish.of_query(query, len(served.labels))
        rows = parse_rows(body, kind, served, self._options.max_rows)

        def reply(p: Probabilities) -> Reply:
            found, found_kind = answer(served, p, kind, wish)
            return Reply(found, [(b"content-type", found_kind.encode())])

        return Asked(rows, reply)

    def _inference(self, header: int | None, served: Served, body: bytes) -> Asked:
        request = kserve.read_inference(body, header, served, self._options.max_rows)
        return Asked(request.rows, lambda p: Reply(*kserve.inference_answer(served, p, request)))

    async def _echo(self, scope: Scope, receive: Receive) -> Reply:
        """Send the body back: what this server costs without a model, for measurements."""
        return _echoed(await self._bodies.read(receive))

    async def _health(self, scope: Scope, receive: Receive) -> Reply:
        return _json({"alive": True})

    async def _ready(self, scope: Scope, receive: Receive) -> Reply:
        trouble = self.keeper.trouble is not None
        tree = {"ready": not self.ending, "model": self.keeper.served.name, "stale": trouble}
        return _json(tree, 503 if self.ending else 200)

    async def _live(self, scope: Scope, receive: Receive) -> Reply:
        return _json({"live": True})

    async def _v2_ready(self, scope: Scope, receive: Receive) -> Reply:
        return _json({"ready": not self.ending}, 503 if self.ending else 200)

    async def _model_ready(self, scope: Scope, receive: Receive) -> Reply:
        tree = {"name": self.keeper.served.name, "ready": not self.ending}
        return _json(tree, 503 if self.ending else 200)

    async def _server_metadata(self, scope: Scope, receive: Receive) -> Reply:
        return _json(kserve.server_metadata())

    async def _model_metadata(self, scope: Scope, receive: Receive) -> Reply:
        return _json(kserve.model_metadata(self.keeper.served))

    async def _openapi(self, scope: Scope, receive: Receive) -> Reply:
        return _json(description(self.keeper.served, self._options))

    async def _metrics(self, scope: Scope, receive: Receive) -> Reply:
        return Reply(self.metrics.text(), [(b"content-type", CONTENT_TYPE)])


def _echoed(body: bytes) -> Reply:
    return Reply(body, [(b"content-type", b"application/octet-stream")])


def _failed(path: str, error: Exception) -> Reply:
    """What is said of an error, in the words of the protocol that is spoken."""
    say = _v2_error if path.startswith("/v2") else error_body
    if isinstance(error, Refused):
        body = say(error.kind, error.message)
        return Reply(body, [_JSON, *error.headers], _in_words_of(say, error.status))
    if isinstance(error, LuceError):
        body = say(type(error).__name__, str(error))
        return Reply(body, [_JSON], _in_words_of(say, _status(error)))
    # For whoever runs the server, not for the client.
    told = {"message": "a request failed that should not", "exception": error}
    asyncio.get_running_loop().call_exception_handler(told)
    body = say("InternalError", "Something failed that should not; the server's log tells it.")
    return Reply(body, [_JSON], 500)


def _json(tree: Any, status: int = 200) -> Reply:
    body = json.dumps(tree, ensure_ascii=False, allow_nan=False).encode()
    return Reply(body, [_JSON], status)


def _v2_error(kind: str, message: str) -> bytes:
    return json.dumps({"error": message}, ensure_ascii=False).encode("utf-8", "replace")


def _in_words_of(say: Callable[[str, str], bytes], status: int) -> int:
    """The status where the protocol that is spoken knows only 400 for what does not fit."""
    return 400 if status == 422 and say is _v2_error else status


def _status(error: LuceError) -> int:
    match error:
        case DataError() | ParameterError():
            return 422
        case MissingExtraError():
            return 501
    return 500


def _media_type(headers: Headers) -> str:
    given = [value for name, value in headers if name == b"content-type"]
    coded = [value for name, value in headers if name == b"content-encoding"]
    if len(given) > 1 or (coded and coded != [b"identity"]):
        raise Refused(415, "UnsupportedType", "Send one Content-Type and no Content-Encoding.")
    return given[0].partition(b";")[0].strip().lower().decode("latin-1") if given else ""


def _header_length(headers: Headers) -> int | None:
    given = [value for name, value in headers if name == b"inference-header-content-length"]
    if not given:
        return None
    if len(given) > 1 or not given[0].isdigit() or len(given[0]) > 10:
        raise Refused(400, "BadRequest", "Inference-Header-Content-Length must be a number.")
    return int(given[0])

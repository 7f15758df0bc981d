"""How a call is answered: JSON always, bounded always, and never with what went wrong inside.

Law of this module: a crowd of callers takes one reader of the store at a time, so that the daemon's own questions find the
other; who waits too long is told to come back. What changes something happens one by one, and is never cut off.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TypeAlias

import orjson
import structlog
from aiohttp import hdrs, web

from jobwatch.core.documents import Document, instant
from jobwatch.core.errors import ConfigError, StoreError
from jobwatch.metrics.exposition import accepts_gzip
from jobwatch.store import Store
from jobwatch.store.columns import clean
from jobwatch.store.orders import Fault, Refusal
from jobwatch.web.api.refused import Code, Refused, unavailable
from jobwatch.web.api.reloads import Reloads
from jobwatch.web.configured import Configured
from jobwatch.web.view import WebView

PATIENCE = timedelta(seconds=5)
"""How long a caller waits for his turn and for the store."""

RETRY_AFTER_SECONDS = 5
WORTH_COMPRESSING = 1024
"""Bytes."""

PATH_SHOWN = 200
"""Characters."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every call is answered with."""

    view: WebView
    reloads: Reloads = field(init=False)
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    changing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "reloads", Reloads(self.view.reload))

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Store]:
        """The store, to be read. Raises `StoreError`, `TimeoutError`."""
        async with asyncio.timeout(PATIENCE.total_seconds()), self.reading:
            yield self.view.store()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Store]:
        """The store, to be changed. Raises `StoreError`, and `TimeoutError` only before anything was changed."""
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await self.changing.acquire()
        try:
            yield self.view.store()
        finally:
            self.changing.release()

    @property
    def configured(self) -> Configured:
        """What the configuration says now."""
        return self.view.configured()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    desk: Desk
    request: web.Request

    @property
    def peer(self) -> str | None:
        """Who asks, as far as the socket knows."""
        return self.request.remote

    @property
    def path(self) -> str:
        """What is asked for, as far as a log shows it."""
        return self.request.path[:PATH_SHOWN]

    def part(self, name: str) -> str:
        """A part of the path, without its percent signs."""
        return self.request.match_info[name]


Write: TypeAlias = Callable[[], Document]
"""Makes the answer's document; called in a thread, because a thousand rows take their time."""

Handler: TypeAlias = Callable[[Call], Awaitable[Write]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path, and what is done for each method. GET answers HEAD as well."""

    path: str
    handlers: Mapping[str, Handler]

    def route(self, desk: Desk) -> web.RouteDef:
        """The route that answers for every method, those that there are not included."""

        async def answer(request: web.Request) -> web.Response:
            return await _answer(self, Call(desk=desk, request=request))

        return web.route(hdrs.METH_ANY, self.path, answer)

    @property
    def methods(self) -> list[str]:
        """What may be asked for."""
        found = sorted(self.handlers)
        return [*found, hdrs.METH_HEAD] if hdrs.METH_GET in found else found


async def _answer(endpoint: Endpoint, call: Call) -> web.Response:
    """Do what is asked, or say why not."""
    try:
        write = await _do(endpoint, call)
        return await _response(call, HTTPStatus.OK, write)
    except Refused as refused:
        answer = await _response(call, refused.status, refused.document)
        if refused.status is HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers[hdrs.ALLOW] = ",".join(endpoint.methods)
        if refused.status is HTTPStatus.SERVICE_UNAVAILABLE:
            answer.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER_SECONDS)
        return answer


async def _do(endpoint: Endpoint, call: Call) -> Write:
    """Find who does it, and do it. Raises `Refused` alone."""
    method = call.request.method
    handler = endpoint.handlers.get(hdrs.METH_GET if method == hdrs.METH_HEAD else method)
    if handler is None:
        message = "this path has no such method"
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED, Code.METHOD_NOT_ALLOWED, message, endpoint.methods
        )
    try:
        return await handler(call)
    except Refused:
        raise
    except Refusal as refusal:
        raise _refused(refusal) from refusal
    except (StoreError, ConfigError, TimeoutError) as error:
        log.warning("request.refused", path=call.path, exc_info=error)
        raise unavailable("the store cannot be used now; see /readyz") from error
    except Exception as error:
        log.exception("request.failed", path=call.path)
        message = "internal error; the log says more"
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, Code.INTERNAL, message) from error


def _refused(refusal: Refusal) -> Refused:
    """An order that was refused, as this API says it."""
    allowed = refusal.instead or None
    match refusal.fault:
        case Fault.NO_SUCH_DELIVERY:
            return Refused(HTTPStatus.NOT_FOUND, Code.NOT_FOUND, refusal.words)
        case Fault.AMBIGUOUS:
            return Refused(HTTPStatus.CONFLICT, Code.AMBIGUOUS, refusal.words, allowed)
        case Fault.STILL_OPEN | Fault.NOT_CONFIGURED:
            return Refused(HTTPStatus.CONFLICT, Code.CONFLICT, refusal.words, allowed)
        case _:
            return Refused(HTTPStatus.BAD_REQUEST, Code.BAD_VALUE, refusal.words, allowed)


async def _response(call: Call, status: HTTPStatus, write: Write) -> web.Response:
    body = await asyncio.to_thread(lambda: to_bytes(write()))
    answer = web.Response(
        status=status,
        body=body,
        content_type="application/json",
        zlib_executor_size=WORTH_COMPRESSING,
    )
    answer.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    encodings = ",".join(call.request.headers.getall(hdrs.ACCEPT_ENCODING, ()))
    if len(body) >= WORTH_COMPRESSING and accepts_gzip(encodings):
        answer.enable_compression(web.ContentCoding.gzip)
    return answer


def to_bytes(document: Document) -> bytes:
    """The document as one line of JSON that every reader takes: half a surrogate pair becomes U+FFFD."""
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return clean(text).encode() + b"\n"


def dated(call: Call, document: Document) -> Document:
    """The document with the moment it was read at; by the clock of jobwatch."""
    return {"as_of": instant(call.desk.view.clock()), **document}

"""The HTTP server: routes, what every answer carries, and the socket."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeAlias

import aiohttp.web_response
import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from jobwatch.core.errors import ConfigError, StoreError
from jobwatch.web.api import api_routes
from jobwatch.web.entrance.access import READING
from jobwatch.web.entrance.guarding import Doorkeeper, guard, is_open
from jobwatch.web.failures import refusal
from jobwatch.web.pages.frame import style_hash
from jobwatch.web.pages.routes import page_routes
from jobwatch.web.schemas import schema_routes
from jobwatch.web.scraping import Scrapes, send
from jobwatch.web.serving.certificates import ServerTls
from jobwatch.web.serving.connections import BODY_BYTES, Limits, Seats, Stage, usual_limits
from jobwatch.web.serving.protocol import SAFETY, Connection, factory
from jobwatch.web.serving.sending import PIECE, send_in_pieces
from jobwatch.web.view import WebView

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

BACKLOG = 512
ACCEPTED_AT_ONCE = 16
"""Where no file is left for a new connection, asyncio complains as often as this, once a second."""

UNOPENED = "the store is not open yet; the log says why"
RECEIVE_BUFFER = 32 * 1024
STRANGERS_BYTES = 32 * 1024
"""Of the body of whoever has shown no token yet: a form has a few hundred."""

PATH_SHOWN = 200

log = structlog.get_logger()

# aiohttp has no setting that keeps its version, and Python's, out of the answers.
aiohttp.web_response.SERVER_SOFTWARE = "jobwatch"  # type: ignore[attr-defined]


def build_app(view: WebView) -> web.Application:
    """Put the routes together. A page answers GET and HEAD, and 405 to anything else."""
    keeper = Doorkeeper.of(view)
    pages = _Pages(view, keeper)
    app = web.Application(
        client_max_size=BODY_BYTES, middlewares=[_answer_failures, guard(keeper), _read_body]
    )
    app.on_response_prepare.append(_secure)
    app.add_routes(
        [
            web.get("/metrics", pages.metrics),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            *page_routes(view),
            *api_routes(view),
            *schema_routes(),
            *keeper.routes(),
        ]
    )
    return app


class _Pages:
    def __init__(self, view: WebView, keeper: Doorkeeper) -> None:
        self._view, self._keeper = view, keeper
        self._scrapes = Scrapes(view.render_metrics)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        accept = ",".join(request.headers.getall("Accept", ()))
        encodings = ",".join(request.headers.getall("Accept-Encoding", ()))
        return await send(request, await self._scrapes.page(accept, encodings))

    async def healthz(self, _request: web.Request) -> web.Response:
        stalled = list(self._view.stalled())
        return _json({"healthy": not stalled, "stalled": stalled}, good=not stalled)

    async def readyz(self, request: web.Request) -> web.Response:
        missing = list(self._view.missing())
        if missing and not self._opened() and not self._keeper.knows(request):
            missing = [UNOPENED]
        return _json({"ready": not missing, "missing": missing}, good=not missing)

    def _opened(self) -> bool:
        """Whether there is a store; until then, what is missing tells of files, processes and machines."""
        try:
            self._view.store()
        except StoreError:
            return False
        return True


def _json(answer: object, *, good: bool) -> web.Response:
    return web.Response(
        status=HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE,
        body=orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE),
        content_type="application/json",
    )


@web.middleware
async def _answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what goes wrong in words that tell no secrets; the log tells the rest."""
    try:
        return await _in_pieces(request, await handler(request))
    except web.HTTPException as known:
        words = (known.text or known.reason).strip()
        return refusal(request, known.status, words, headers=_kept(known))
    except ConnectionError:
        raise  # the client is gone, and nobody is left to answer
    except (StoreError, TimeoutError) as error:
        log.warning("request.refused", path=request.path[:PATH_SHOWN], exc_info=error)
        words = "the store cannot be read now; see /readyz"
        return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, words)
    except Exception:
        log.exception("request.failed", path=request.path[:PATH_SHOWN])
        words = "internal error; the log says more"
        return refusal(request, HTTPStatus.INTERNAL_SERVER_ERROR, words)


def _kept(known: web.HTTPException) -> dict[str, str]:
    """The headers of an answer that aiohttp raises, without those of its body."""
    own = ("content-type", "content-length")
    return {name: value for name, value in known.headers.items() if name.lower() not in own}


async def _in_pieces(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Send a large page piece by piece; what is compressed is small."""
    if not isinstance(answer, web.Response) or answer.prepared or answer.compression:
        return answer
    if not isinstance(answer.body, bytes) or len(answer.body) <= PIECE:
        return answer
    return await send_in_pieces(request, answer.body, _lasting(answer), answer.status)


def _lasting(answer: web.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Content-Length"}


@web.middleware
async def _read_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take the body of what changes something, in its time and size, before anybody works on it."""
    if request.method in READING:
        return await handler(request)
    _check_size(request)
    try:
        async with asyncio.timeout(_limits(request).body):
            await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not come in time") from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise web.HTTPBadRequest(text="the body is broken") from None
    return await handler(request)


def _check_size(request: web.Request) -> None:
    """Refuse what announces too much, before any of it is kept.

    Who has shown no token may log in, which takes little and says how much: a thousand large bodies of strangers,
    all but their last byte, would be as large as the daemon itself.
    """
    if is_open(request) and request.content_length is None and request.body_exists:
        raise web.HTTPLengthRequired(text="say how long the body is: Content-Length")
    most = STRANGERS_BYTES if is_open(request) else BODY_BYTES
    announced = request.content_length or 0
    if announced > most:
        raise web.HTTPRequestEntityTooLarge(
            most, announced, text=f"a body has at most {most} bytes"
        )


def _limits(request: web.Request) -> Limits:
    connection = request.protocol
    return connection.limits if isinstance(connection, Connection) else Limits()


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries: nothing may be loaded, framed or guessed, and what may be kept says so."""
    if isinstance(request.protocol, Connection):
        request.protocol.seat.turn_to(Stage.ANSWERING)
    for name, value in (_POLICIES | SAFETY).items():
        response.headers.setdefault(name, value)


_POLICIES = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {style_hash()}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
"""What a page may set otherwise for itself."""


@asynccontextmanager
async def serve(
    app: web.Application,
    host: str,
    port: int,
    tls: ServerTls | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[str]:
    """Listen, and give the URL (of use where port 0 was asked for); end requests under way first.

    `limits` are those of the process where they are left out. Raises `ConfigError` where the address cannot be had.
    """
    limits = limits or usual_limits(tls=tls is not None)
    loop = asyncio.get_running_loop()
    seats = Seats(limits, loop)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=limits.grace)
    await runner.setup()
    listener: asyncio.Server | None = None
    try:
        if runner.server is None:  # pragma: no cover  # setup made one
            raise RuntimeError("no server")
        made = factory(runner.server, seats, tls.context if tls else None)
        listener = await _listen(made, host, port)
        scheme = "https" if tls else "http"
        yield f"{scheme}://{_place(host, int(listener.sockets[0].getsockname()[1]))}"
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()
        seats.close()


async def _listen(made: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(made, host, port, backlog=ACCEPTED_AT_ONCE)
        for each in listener.sockets:
            _widen(each.dup())
    except (OSError, UnicodeError) as error:
        raise ConfigError([f"http.listen: {_place(host, port)} {_why(error)}"]) from error
    return listener


def _widen(listening: socket.socket) -> None:
    """Let more wait at the door than asyncio takes in at once, and each say only so much unread."""
    with listening:
        listening.listen(BACKLOG)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why(error: OSError | UnicodeError) -> str:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return "is taken; stop the program that listens there, or choose another port"
        case errno.EACCES:
            return "is not allowed to this user; choose a port above 1023"
        case errno.EADDRNOTAVAIL:
            return "is no address of this machine; 0.0.0.0 listens on all of them"
        case None if "could not bind" in str(error):  # asyncio from 3.13 on, without a number
            return _why(OSError(errno.EADDRNOTAVAIL, ""))
        case _:
            return f"cannot be listened on: {error}"

"""The HTTP server: routes, what every answer carries, and the socket."""

import errno
import logging
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
from jobwatch.web.schemas import schema_routes
from jobwatch.web.scraping import Scrapes, send
from jobwatch.web.status import StatusBoard
from jobwatch.web.status_page import style_hash
from jobwatch.web.view import WebView

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_LIMIT = 64 * 1024
GRACE_SECONDS = 5.0
KEEPALIVE_SECONDS = 75.0

log = structlog.get_logger()

# aiohttp has no setting that keeps its version, and Python's, out of the answers.
aiohttp.web_response.SERVER_SOFTWARE = "jobwatch"  # type: ignore[attr-defined]


def build_app(view: WebView) -> web.Application:
    """Put the routes together. Each answers GET and HEAD, and 405 to anything else."""
    pages = _Pages(view)
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[_answer_failures])
    app.on_response_prepare.append(_secure)
    app.add_routes(
        [
            web.get("/", pages.status),
            web.get("/metrics", pages.metrics),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            *api_routes(view),
            *schema_routes(),
        ]
    )
    return app


class _Pages:
    def __init__(self, view: WebView) -> None:
        self._view = view
        self._board = StatusBoard(reader=view.status, monotonic=view.monotonic)
        self._scrapes = Scrapes(view.render_metrics)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        accept = ",".join(request.headers.getall("Accept", ()))
        encodings = ",".join(request.headers.getall("Accept-Encoding", ()))
        return await send(request, await self._scrapes.page(accept, encodings))

    async def healthz(self, _request: web.Request) -> web.Response:
        stalled = list(self._view.stalled())
        return _json({"healthy": not stalled, "stalled": stalled}, good=not stalled)

    async def readyz(self, _request: web.Request) -> web.Response:
        missing = list(self._view.missing())
        return _json({"ready": not missing, "missing": missing}, good=not missing)

    async def status(self, _request: web.Request) -> web.Response:
        page = await self._board.page()
        # Half a surrogate pair is valid JSON, but no text.
        body = page.encode("utf-8", "replace")
        return web.Response(body=body, content_type="text/html", charset="utf-8")


def _json(answer: object, *, good: bool) -> web.Response:
    return web.Response(
        status=HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE,
        body=orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE),
        content_type="application/json",
    )


@web.middleware
async def _answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what goes wrong with a plain text that tells no secrets; the log tells the rest."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except (StoreError, TimeoutError) as error:
        log.warning("request.refused", path=request.path, exc_info=error)
        return _text("the store cannot be read now; see /readyz", HTTPStatus.SERVICE_UNAVAILABLE)
    except Exception:
        log.exception("request.failed", path=request.path)
        return _text("internal error; the log says more", HTTPStatus.INTERNAL_SERVER_ERROR)


def _text(message: str, status: HTTPStatus) -> web.Response:
    return web.Response(status=status, text=f"{message}\n")


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries: nothing may be loaded, framed or guessed, and what may be kept says so."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src {style_hash()}; base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
    )


@asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Listen, and give the URL (of use where port 0 was asked for); end requests under way first.

    Raises `ConfigError` where the address cannot be had.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=GRACE_SECONDS,
        logger=_protocol_logger(),
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield f"http://{_place(host, int(runner.addresses[0][1]))}"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, UnicodeError) as error:
        raise ConfigError([f"http.listen: {_place(host, port)} {_why(error)}"]) from error


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


def _protocol_logger() -> logging.Logger:
    """The log of aiohttp's server, without the clients that do not speak HTTP."""
    logger = logging.getLogger("jobwatch.web.protocol")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)

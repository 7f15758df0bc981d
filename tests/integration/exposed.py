"""A served daemon for tests of exposure: its tokens, and raw bytes to and from its socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web

from jobwatch.core.errors import ConfigError
from jobwatch.metrics import Metrics
from jobwatch.web import Tokens, WebView, build_app, serve
from jobwatch.web.serving.certificates import ServerTls
from jobwatch.web.serving.connections import Limits
from tests.factories import NOW
from tests.web_rig import bare_view

HOST = "127.0.0.1"
READ = "read-token-canary-0001"
OPERATE = "operate-token-canary-0002"
CHANGE = "/-/change"


@dataclass
class Door:
    """What a test may change while the server runs. `changed` counts what changed state."""

    read: str | None = None
    operate: str | None = None
    public_url: str | None = None
    now: datetime = NOW
    monotonic: float = 0.0
    failure: ConfigError | None = None
    changed: int = 0
    bodies: list[bytes] = field(default_factory=list)

    @property
    def view(self) -> WebView:
        return bare_view(
            tokens=Tokens(
                read=lambda: self._token(self.read),
                operate=lambda: self._token(self.operate),
                public_url=lambda: self.public_url,
            ),
            render_metrics=Metrics((), ("ops",)).render,
            clock=lambda: self.now,
            monotonic=lambda: self.monotonic,
        )

    def _token(self, token: str | None) -> str | None:
        if self.failure is not None:
            raise self.failure
        return token

    async def change(self, request: web.Request) -> web.Response:
        """A route that changes state."""
        self.changed += 1
        self.bodies.append(await request.read())
        return web.json_response({"changed": self.changed})

    def app(self) -> web.Application:
        app = build_app(self.view)
        app.router.add_route("*", CHANGE, self.change)
        app.router.add_get("/large", large)
        return app


LARGE = bytes(16 * 1024 * 1024)


async def large(_request: web.Request) -> web.Response:
    return web.Response(body=LARGE)


@asynccontextmanager
async def exposed(
    door: Door, limits: Limits | None = None, tls: ServerTls | None = None, **session: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody who asks, without cookies of his own."""
    session.setdefault("cookie_jar", aiohttp.DummyCookieJar())
    async with (
        serve(door.app(), HOST, 0, tls, limits) as url,
        aiohttp.ClientSession(url, **session) as client,
    ):
        yield client


def port_of(client: aiohttp.ClientSession) -> int:
    assert client._base_url is not None
    assert client._base_url.port is not None
    return client._base_url.port


async def say(port: int, data: bytes) -> bytes:
    """What the server says to these bytes, and nothing after them, until it hangs up or 10 s are over."""
    reader, writer = await asyncio.open_connection(HOST, port)
    answer = b""
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(10):
            while piece := await reader.read(65536):
                answer += piece
    except (ConnectionError, BrokenPipeError):
        pass
    finally:
        writer.close()
    return answer

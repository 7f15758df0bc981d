"""Crowds, hung-up and slow scrapers at /metrics, over real sockets."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
from aiohttp import web

from jobwatch.metrics import Rendered
from jobwatch.web import build_app, serve
from jobwatch.web.scraping import RENDERINGS_AT_ONCE, send
from jobwatch.web.serving.connections import Limits
from tests.integration.test_web import HOST, World

CROWD = 40
OPENMETRICS = {"Accept": "application/openmetrics-text"}


@dataclass(slots=True)
class Renderings:
    """Pages that tell how many were begun before them; each waits until it may go on."""

    begun: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def render(self, accept: str, accept_encoding: str) -> Rendered:
        del accept_encoding
        self.begun.append(accept)
        body = str(len(self.begun)).encode()
        self.free.wait(20)
        return Rendered(body=body, content_type="text/plain", encoding=None)

    async def reached(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.begun) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def scraped(
    renderings: Renderings, **headers: str
) -> AsyncIterator[Callable[[], Coroutine[None, None, bytes]]]:
    """Somebody who can scrape."""
    view = replace(World().view, render_metrics=renderings.render)
    async with (
        serve(build_app(view), HOST, 0) as url,
        aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session,
    ):

        async def scrape() -> bytes:
            async with session.get("/metrics", headers=headers) as answer:
                assert answer.status == 200
                return await answer.read()

        try:
            yield scrape
        finally:
            renderings.free.set()


async def test_a_crowd_of_scrapers_costs_few_renderings_and_gets_pages_begun_after_it_came() -> (
    None
):
    renderings = Renderings()
    async with scraped(renderings) as scrape:
        early = asyncio.create_task(scrape())
        await renderings.reached(1)
        crowd = [asyncio.create_task(scrape()) for _ in range(CROWD)]
        await renderings.reached(RENDERINGS_AT_ONCE)
        renderings.free.set()
        assert await early == b"1"
        pages = await asyncio.gather(*crowd)
    assert b"1" not in pages
    assert len(renderings.begun) < CROWD / 2


async def test_scrapers_that_hang_up_take_the_page_from_nobody() -> None:
    renderings = Renderings()
    async with scraped(renderings) as scrape:
        gone = asyncio.create_task(scrape())
        await renderings.reached(1)
        gone.cancel()
        stays = asyncio.create_task(scrape())
        renderings.free.set()
        assert await stays in (b"1", b"2")


async def test_a_rendering_that_fails_is_told_to_all_who_waited_and_the_next_one_is_tried() -> None:
    world = World(failure=ValueError("secret detail"))
    async with serve(build_app(world.view), HOST, 0) as url, aiohttp.ClientSession(url) as session:
        answers = await asyncio.gather(*(session.get("/metrics") for _ in range(3)))
        assert [each.status for each in answers] == [500, 500, 500]
        world.failure = None
        assert (await session.get("/metrics", headers=OPENMETRICS)).status == 200
        assert (await session.get("/metrics")).status == 200


async def test_head_tells_the_length_of_the_page_and_sends_none_of_it() -> None:
    renderings = Renderings()
    renderings.free.set()
    view = replace(World().view, render_metrics=renderings.render)
    async with serve(build_app(view), HOST, 0) as url, aiohttp.ClientSession(url) as session:
        for _ in range(2):
            async with session.head("/metrics") as answer:
                assert (answer.status, answer.headers["Content-Length"]) == (200, "1")
                assert await answer.read() == b""


async def test_who_does_not_read_is_hung_up_on_and_has_nothing_of_the_page_copied_for_him() -> None:
    page = Rendered(body=bytes(32 * 1024 * 1024), content_type="text/plain", encoding=None)
    held: list[int] = []
    done = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        sending = asyncio.create_task(send(request, page))
        await asyncio.sleep(0.1)
        held.append(transport.get_write_buffer_size())
        try:
            return await sending
        finally:
            done.set()

    app = web.Application()
    app.router.add_get("/metrics", handler)
    async with serve(app, HOST, 0, limits=Limits(work=0.3, answer=0.3)) as url:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((HOST, int(url.rpartition(":")[2])))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(done.wait(), 20)
            got = await asyncio.to_thread(_rest, slow)
    assert 0 < held[0] < 1024 * 1024
    assert got < len(page.body)


def _rest(connection: socket.socket) -> int:
    """How much more comes until the other side ends it."""
    total = 0
    connection.settimeout(20)
    try:
        while piece := connection.recv(1024 * 1024):
            total += len(piece)
    except ConnectionResetError:
        pass
    return total

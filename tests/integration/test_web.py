"""The HTTP server over real sockets."""

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from structlog.testing import capture_logs

from jobwatch import __version__
from jobwatch.core.errors import ConfigError, StoreUnusable
from jobwatch.metrics import Metrics, Rendered
from jobwatch.store import Store
from jobwatch.web import Configured, WebView, build_app, serve
from tests.web_rig import bare_view, opened_store

HOST = "127.0.0.1"


@dataclass
class World:
    """What the pages are made of, to be changed by a test."""

    stalled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    failure: Exception | None = None
    readings: int = 0
    now: float = 0.0

    open: Store | None = None

    def store(self) -> Store:
        self.readings += 1
        if self.failure is not None:
            raise self.failure
        assert self.open is not None
        return self.open

    def render(self, accept: str, accept_encoding: str) -> Rendered:
        if self.failure is not None:
            raise self.failure
        return Metrics((), ("ops",)).render(accept, accept_encoding)

    @property
    def view(self) -> WebView:
        configured = Configured(instance="jobwatch", receivers={"ops": "standard"})
        return bare_view(
            render_metrics=self.render,
            stalled=lambda: self.stalled,
            missing=lambda: self.missing,
            configured=lambda: configured,
            store=self.store,
            monotonic=lambda: self.now,
        )


@asynccontextmanager
async def client(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser on the served pages."""
    async with (
        opened_store() as world.open,
        serve(build_app(world.view), HOST, 0) as url,
        aiohttp.ClientSession(url, auto_decompress=False) as session,
    ):
        yield session


async def test_metrics_are_plain_text_unless_something_else_is_asked_for() -> None:
    async with client(World()) as session, session.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "jobwatch_build_info" in gzip.decompress(await answer.read()).decode()


async def test_metrics_are_openmetrics_for_who_asks_for_them() -> None:
    headers = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    async with client(World()) as session, session.get("/metrics", headers=headers) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.headers["Content-Encoding"] == "gzip"
        text = gzip.decompress(await answer.read()).decode()
    read = openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    assert "jobwatch_build_info" in {family.name for family in read}


async def test_metrics_are_not_compressed_unasked() -> None:
    headers = {"Accept-Encoding": "identity"}
    async with client(World()) as session, session.get("/metrics", headers=headers) as answer:
        assert "Content-Encoding" not in answer.headers
        assert (await answer.read()).startswith(b"# HELP")


async def test_metrics_that_cannot_be_collected_are_an_error_and_never_an_empty_answer() -> None:
    world = World(failure=ValueError("secret detail"))
    with capture_logs() as logs:
        async with client(world) as session, session.get("/metrics") as answer:
            assert answer.status == 500
            assert "secret" not in await answer.text()
    assert [entry["event"] for entry in logs] == ["request.failed"]


async def test_health_is_good_while_every_loop_turns() -> None:
    async with client(World()) as session, session.get("/healthz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"healthy": True, "stalled": []}


async def test_health_names_the_loop_that_hangs() -> None:
    world = World(stalled=["poller:prod"])
    async with client(world) as session, session.get("/healthz") as answer:
        assert answer.status == 503
        assert await answer.json() == {"healthy": False, "stalled": ["poller:prod"]}


async def test_readiness_names_what_is_missing_until_nothing_is() -> None:
    world = World(missing=["store", "source prod"])
    async with client(world) as session:
        async with session.get("/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["missing"] == ["store", "source prod"]
        world.missing.clear()
        async with session.get("/readyz") as answer:
            assert answer.status == 200
            assert await answer.json() == {"ready": True, "missing": []}


async def test_the_status_page_is_html_in_utf_8() -> None:
    async with client(World()) as session, session.get("/") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"jobwatch {__version__}" in await answer.text()


async def test_many_viewers_cost_one_reading() -> None:
    world = World()
    async with client(world) as session:

        async def look() -> int:
            async with session.get("/") as answer:
                return answer.status

        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(look()) for _ in range(20)]
        assert {each.result() for each in looks} == {200}
        assert world.readings == 1
        world.now = 2.0
        assert await look() == 200
        assert world.readings == 2


async def test_a_store_that_cannot_be_read_is_said_and_not_shown_as_old_news() -> None:
    world = World()
    async with client(world) as session:
        async with session.get("/") as answer:
            assert answer.status == 200
        world.failure, world.now = StoreUnusable("/secret/path is corrupt"), 10.0
        with capture_logs() as logs:
            async with session.get("/") as answer:
                assert answer.status == 503
                told = await answer.text()
                assert "The store cannot be read now" in told
                assert "secret" not in told
        assert logs[0]["event"] == "request.refused"


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz"])
async def test_pages_answer_head_without_a_body_and_405_to_anything_else(path: str) -> None:
    async with client(World()) as session:
        async with session.head(path) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            async with session.request(method, path) as answer:
                assert answer.status == 405
                assert answer.headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/nothing", "/../etc/passwd"])
async def test_every_answer_carries_the_headers_of_safety_and_no_version(path: str) -> None:
    async with client(World()) as session, session.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "jobwatch"


async def test_an_unknown_path_is_404_in_plain_text() -> None:
    async with client(World()) as session, session.get("/nothing<script>") as answer:
        assert answer.status == 404
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "script" not in await answer.text()


async def raw(port: int, data: bytes) -> bytes:
    """What the server says to these bytes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    await writer.drain()
    answer = await reader.read(4096)
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="a TLS greeting"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", id="a huge header"),
        pytest.param(b"GET / HTTP/9.9\r\nno colon\r\n\r\n", id="no HTTP"),
    ],
)
async def test_who_does_not_speak_http_learns_no_version_and_fills_no_log(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(build_app(World().view), HOST, 0) as url:
        answer = await raw(int(url.rpartition(":")[2]), data)
    assert answer.startswith(b"HTTP/1.0 400")
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    assert caplog.records == []


async def test_a_taken_port_is_a_mistake_of_the_configuration() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"http\.listen: {HOST}:{port} is taken;"):
            async with serve(build_app(World().view), HOST, port):
                pass


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.1", "is no address of this machine"),
        ("no..name", "cannot be listened on"),
    ],
)
async def test_an_address_that_cannot_be_had_is_explained(host: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"http.listen: {host}:19870 {words}"):
        async with serve(build_app(World().view), host, 19870):
            pass


async def test_a_request_under_way_is_finished_when_the_server_stops() -> None:
    world, begun, go = World(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(accept: str, accept_encoding: str) -> Rendered:
        loop.call_soon_threadsafe(begun.set)
        go.wait()
        return world.render(accept, accept_encoding)

    view = replace(world.view, render_metrics=slow)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        stack = serve(build_app(view), HOST, 0)
        url = await stack.__aenter__()
        request = group.create_task(_status(session, f"{url}/metrics"))
        await begun.wait()
        closing = group.create_task(stack.__aexit__(None, None, None))
        await asyncio.sleep(0)
        go.set()
        await closing
    assert request.result() == 200


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as answer:
        return answer.status

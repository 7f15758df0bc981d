"""What is no HTTP, or hardly: never a 500, never a traceback, never a process that grows."""

import asyncio
import contextlib
import gc
import logging
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from jobwatch.web.serving.connections import Limits
from tests.integration.exposed import CHANGE, HOST, READ, Door, exposed, port_of, say

CLOSE = b"Host: localhost\r\nConnection: close\r\n"
LIMITS = Limits(connections=64, head=0.5, body=0.3, grace=1)

SAFETY = (b"X-Content-Type-Options: nosniff", b"Cache-Control: no-store", b"Server: jobwatch\r\n")

SPOKEN = {
    "no HTTP": b"hello\r\n\r\n",
    "nothing but line ends": b"\r\n" * 3000 + b"x y z\r\n\r\n",
    "a NUL in the path": b"GET /\x00 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nA: \x00\r\n" + CLOSE + b"\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n" + CLOSE + b"\r\n",
    "bytes beyond ASCII": b"GET /\xff\xfe HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a broken escape": b"GET /%zz%2 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "an escape of half a character": b"GET /%ff%c3 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "an escaped NUL": b"GET /schemas/%00 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "dots": b"GET /../../etc/passwd HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "escaped dots": b"GET /schemas/%2e%2e%2f%2e%2e%2fetc HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a whole URL": b"GET http://evil.example.com/healthz HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a broken URL": b"GET http://[::1/ HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a URL with a huge port": b"GET http://x:99999999/ HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "an upgrade": b"GET /healthz HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Host: x\r\n\r\n" + b"\x81" * 3000,
    "an unknown method": b"BREW / HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n",
    "a hundred headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100 + b"\r\n",
    "a long line": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
    "a long query": b"GET /healthz?" + b"a=b&" * 1900 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a cookie of nonsense": b'GET /healthz HTTP/1.1\r\nCookie: a="\\999; ;;=; $Path=x\r\n' + CLOSE + b"\r\n",
    "an expectation": b"GET /healthz HTTP/1.1\r\nExpect: 100-continue\r\n" + CLOSE + b"\r\n",
    "an odd expectation": b"GET /healthz HTTP/1.1\r\nExpect: rain\r\n" + CLOSE + b"\r\n",
    "an expectation that is no text": b"GET /healthz HTTP/1.1\r\nExpect: \xb5\xff\r\n" + CLOSE + b"\r\n",
    "a range": b"GET /metrics HTTP/1.1\r\nRange: bytes=9-1\r\n" + CLOSE + b"\r\n",
    "a date": b"GET /metrics HTTP/1.1\r\nIf-Modified-Since: \xff\r\n" + CLOSE + b"\r\n",
}  # fmt: skip

POST = f"POST {CHANGE} HTTP/1.1\r\n".encode() + CLOSE
SMUGGLED = b"POST /-/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODIES = {
    "two lengths": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two different lengths": POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + SMUGGLED,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\nabcde",
    "a length with an underscore": POST + b"Content-Length: 1_0\r\n\r\nabcdefghij",
    "a huge length": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "a huge chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\n",
    "a chunk that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk without an end": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n",
    "a chunk with a long extension": POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 70_000,
    "endless trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 20_000,
    "an unknown coding": POST + b"Transfer-Encoding: rot13\r\n\r\nabc",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in disguise": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
}  # fmt: skip


@contextlib.contextmanager
def nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with capture_logs() as logs, caplog.at_level(logging.DEBUG, "jobwatch.web.serving.protocol"):
        yield
    assert [each for each in logs if each["event"] != "request.denied"] == []
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("data", [pytest.param(each, id=name) for name, each in SPOKEN.items()])
async def test_whatever_is_said_is_answered_with_http_that_tells_nothing(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with exposed(Door(), LIMITS) as client:
        with nothing_logged(caplog):
            said = await say(port_of(client), data)
        assert (await client.get("/healthz")).status == 200
    if not said:
        return
    status = int(said.split(b" ", 2)[1])
    assert status == 100 or 200 <= status < 500
    for each in SAFETY:
        assert each in said
    for secret in (b"Traceback", b"aiohttp", b"Python", b"evil", b"/etc"):
        assert secret not in said


@pytest.mark.parametrize("data", [pytest.param(each, id=name) for name, each in BODIES.items()])
async def test_a_body_of_doubtful_length_changes_nothing_and_hides_no_second_request(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door()
    async with exposed(door, LIMITS) as client:
        with nothing_logged(caplog):
            said = await say(port_of(client), data)
        assert (await client.get("/healthz")).status == 200
    statuses = [
        int(line.split(b" ")[1]) for line in said.split(b"\r\n") if line.startswith(b"HTTP/")
    ]
    assert all(400 <= each < 500 for each in statuses), said
    assert len(statuses) <= 1
    assert door.changed == 0


async def test_who_hangs_up_in_the_middle_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    cut = [
        POST + b"Content-Length: 9\r\n\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\na",
    ]
    cut += [b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /met"]
    async with exposed(Door(), replace(LIMITS, body=5)) as client:
        with nothing_logged(caplog):
            for data in cut:
                _, writer = await asyncio.open_connection(HOST, port_of(client))
                writer.write(data)
                await writer.drain()
                assert (await client.get("/healthz")).status == 200
                writer.transport.abort()
            assert (await client.get("/healthz")).status == 200


WORDS = [
    *(b"GET", b"POST", b"HEAD", b"/", b"/metrics", b"/login", b"/-/change", b"/jobs/a/b", b"?", b"%", b"%00"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\r\n\r\n", b"\n", b" ", b":", b"Host: localhost", b"Host: ["),
    *(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"Connection: close"),
    *(b"Expect: 100-continue", b"Upgrade: websocket", b"Authorization: Bearer x", b"Cookie: jobwatch=1.2.3"),
    *(b"Accept: text/html", b"Accept-Encoding: gzip;q=", b"Content-Type: text/plain", b"token=x&next=//e"),
    *(b"\x00", b"\xff", b"a" * 9000, b"http://", b"[::1]", b"..", b";", b"=", b'"', b"Origin: null"),
]  # fmt: skip
SENTENCES = st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), min_size=1, max_size=30)
WELL_FORMED = st.builds(
    lambda method, path, lines: b" ".join((method, path, b"HTTP/1.1\r\n")) + b"".join(each + b"\r\n" for each in lines) + b"\r\n",
    st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT"]),
    st.lists(st.sampled_from([each for each in WORDS if b"\n" not in each and b" " not in each]), max_size=5).map(b"".join),
    st.lists(st.sampled_from([each for each in WORDS if b": " in each]), max_size=5),
)  # fmt: skip


@settings(max_examples=15, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(batch=st.lists(SENTENCES.map(b"".join) | WELL_FORMED, min_size=12, max_size=12))
def test_no_bytes_break_the_server(batch: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    async def attack() -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, each: failures.append(each))
        limits = replace(LIMITS, head=0.1, body=0.1, idle=0.1)
        async with exposed(Door(read=READ), limits) as client:
            for said in await asyncio.gather(*(say(port_of(client), each) for each in batch)):
                assert b" 500 " not in said
                assert b"Traceback" not in said
            assert (await client.get("/healthz")).status == 200
        assert failures == []

    with nothing_logged(caplog):
        asyncio.run(attack())


async def test_nothing_of_what_was_refused_is_kept() -> None:
    attacks = [*SPOKEN.values(), *BODIES.values()]
    fast = replace(LIMITS, head=0.05, body=0.05, connections=16)
    async with exposed(Door(), fast) as client, contextlib.AsyncExitStack() as stack:
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        sizes = []
        for _ in range(5):
            await asyncio.gather(*(briefly(client, each) for each in attacks))
            assert (await client.get("/healthz")).status == 200
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    # What is kept of an attack is kept of each: a round that happens to fill a cache says nothing.
    assert min(later - sooner for sooner, later in pairwise(sizes)) < 64 * 1024


async def briefly(client: aiohttp.ClientSession, data: bytes) -> None:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(HOST, port_of(client))
        writer.write(data)
        await asyncio.sleep(0.05)
        writer.transport.abort()

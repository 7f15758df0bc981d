"""What leaves through the transport, and what comes in."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from jobwatch import __version__
from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.transport import ERROR_BODY_LIMIT, Transport
from tests.raw_server import Peer, serving

SECOND = timedelta(seconds=1)
LIMIT = 4 * 1024 * 1024
DEFAULTS = {f"User-Agent: jobwatch/{__version__}", "Accept-Encoding: gzip", "Accept: */*"}


async def send(
    transport: Transport, request: HttpRequest, *, max_body: int = LIMIT, truncate: bool = False
) -> HttpResponse:
    return await transport.send(request, timeout=20 * SECOND, max_body=max_body, truncate=truncate)


async def polite(peer: Peer) -> None:
    """Answer every request on the connection with "ok"."""
    while True:
        await peer.request()
        await peer.answer(b"ok", headers=("Set-Cookie: session=1; Path=/",))


@pytest.mark.parametrize(
    "target",
    [
        "/jobs?jobStatuses=Active&maxResults=1000&nextToken=a%2Fb%2Bc%20d%3D%26%3B~%2A%27",
        "/a%2Fb%20c/%E4%BD%9C/%2e%2e/../x//y/",
        "/lower%2fcase%c3%a9?a=%7e&b=+&c=%41&d",
        "/bare?equals==&broken=%zz%ff&empty=&plus=a+b&colon=:@/?",
        "/",
    ],
)
async def test_the_url_arrives_byte_for_byte(transport: Transport, target: str) -> None:
    async with serving(polite) as server:
        await send(transport, server.get(target))
    assert server.requests[0].split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


async def test_a_get_has_the_headers_of_the_request_and_four_more(transport: Transport) -> None:
    headers = {"Host": "1.cos-control.ap-x.myqcloud.com", "x-cos-appid": "1", "Authorization": "q"}
    async with serving(polite) as server:
        request = HttpRequest(method="GET", url=server.url("/jobs"), headers=headers)
        await send(transport, request)
        await send(transport, request)
    expected = DEFAULTS | {f"{name}: {value}" for name, value in headers.items()}
    for heard in server.requests:
        assert set(heard.decode().strip().split("\r\n")[1:]) == expected


async def test_a_post_has_its_body_and_its_length_and_no_invented_type(
    transport: Transport,
) -> None:
    async with serving(polite) as server:
        await send(transport, server.post(b"{}"))
        await send(transport, server.post(b""))
    host = f"Host: 127.0.0.1:{server.port}"
    for heard, body in zip(server.requests, (b"{}", b""), strict=True):
        head, _, tail = heard.partition(b"\r\n\r\n")
        assert tail == body
        lines = set(head.decode().split("\r\n")[1:])
        assert lines == DEFAULTS | {host, f"Content-Length: {len(body)}"}


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Transport() as transport, serving(polite) as server:
        assert (await send(transport, server.get())).status == 200


async def test_an_answer_is_decompressed_and_its_headers_are_lower_case(
    transport: Transport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        headers = ("Content-Encoding: gzip", "X-Cos-Request-Id: R1", "Via: a", "VIA: b")
        await peer.answer(gzip.compress(b"<x/>" * 50_000), headers=headers)

    async with serving(script) as server:
        response = await send(transport, server.get())
    assert response.body == b"<x/>" * 50_000
    assert not response.truncated
    assert response.headers["x-cos-request-id"] == "R1"
    assert response.headers["via"] == "a, b"


@pytest.mark.parametrize("status", [201, 204, 304, 400, 404, 429, 500, 599])
async def test_every_status_is_an_answer(transport: Transport, status: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(status=f"{status} X", headers=("Retry-After: 7",))

    async with serving(script) as server:
        response = await send(transport, server.post())
    assert (response.status, response.headers["retry-after"]) == (status, "7")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(transport: Transport, status: int) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer(status=f"{status} X", headers=("Location: /trap",))

    async with serving(script) as server:
        response = await send(transport, server.post())
    assert response.status == status
    assert len(server.requests) == 1


async def test_connections_are_kept_and_no_pool_makes_anybody_wait(transport: Transport) -> None:
    everybody = asyncio.Barrier(150)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await everybody.wait()
            await peer.answer()

    async with serving(script) as server:
        for _ in range(2):
            await asyncio.gather(*(send(transport, server.get()) for _ in range(150)))
        assert server.connections == 150


async def full(peer: Peer) -> None:
    await peer.request()
    await peer.answer(b"x" * 1000)


async def endless(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await peer.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def gzip_bomb(blocks: int = 128, block_size: int = 16 * 1024 * 1024) -> bytes:
    """Zeros without end: one compressed block of them, repeated. 2 GiB unless said otherwise."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflate.compress(bytes(block_size)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + block * blocks


async def bomb(peer: Peer) -> None:
    await peer.request()
    await peer.answer(gzip_bomb(), headers=("Content-Encoding: gzip",))
    await peer.until_closed()


@contextmanager
def little_memory_and_time() -> Iterator[None]:
    """Bounds far above the measured 6 MB and 20 ms, far below what a careless reader needs."""
    tracemalloc.start()
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 1024 * 1024
    assert took < 2


async def test_a_body_of_just_the_limit_is_whole(transport: Transport) -> None:
    async with serving(full) as server:
        response = await send(transport, server.get(), max_body=1000)
    assert (len(response.body), response.truncated) == (1000, False)


async def test_a_body_over_the_limit_is_refused(transport: Transport) -> None:
    async with serving(full) as server:
        with pytest.raises(TransportError) as caught:
            await send(transport, server.get(), max_body=999)
    assert caught.value.kind is TransportKind.TOO_LARGE


async def test_a_body_over_the_limit_is_cut_where_that_is_wanted(transport: Transport) -> None:
    async with serving(full) as server:
        response = await send(transport, server.get(), max_body=999, truncate=True)
    assert (response.body, response.truncated) == (b"x" * 999, True)


async def test_a_body_without_end_is_refused(transport: Transport) -> None:
    async with serving(endless) as server:
        with little_memory_and_time(), pytest.raises(TransportError) as caught:
            await send(transport, server.get())
    assert caught.value.kind is TransportKind.TOO_LARGE


async def test_a_gzip_bomb_of_2_gib_is_refused_with_little_memory(transport: Transport) -> None:
    async with serving(bomb) as server:
        with little_memory_and_time(), pytest.raises(TransportError) as caught:
            await send(transport, server.get())
    assert caught.value.kind is TransportKind.TOO_LARGE


async def test_a_receiver_that_answers_with_a_bomb_has_answered(transport: Transport) -> None:
    async with serving(bomb) as server:
        with little_memory_and_time():
            response = await send(transport, server.post(), max_body=16_384, truncate=True)
    assert (response.status, len(response.body), response.truncated) == (200, 16_384, True)


async def test_a_huge_error_is_cut_because_its_status_is_worth_having(
    transport: Transport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b"y" * 1_000_000, status="503 X")

    async with serving(script) as server:
        response = await send(transport, server.get())
    assert (response.status, len(response.body)) == (503, ERROR_BODY_LIMIT)
    assert response.truncated

"""Every way an exchange can break, in our own words and without the URL in them."""

import asyncio
from datetime import timedelta

import pytest

from jobwatch.core.errors import TransportKind
from jobwatch.core.http import HttpRequest
from jobwatch.transport import Transport
from tests.raw_server import Peer, Script, Server, fail, serving

SECOND = timedelta(seconds=1)


async def closes_before_reading(_peer: Peer) -> None:
    pass


async def resets_before_reading(peer: Peer) -> None:
    peer.reset()


async def closes_before_answering(peer: Peer) -> None:
    await peer.request()


async def resets_before_answering(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def closes_its_half_and_waits(peer: Peer) -> None:
    await peer.request()
    peer.writer.write_eof()
    await peer.until_closed()


async def stops_within_the_headers(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")


async def stops_within_the_body(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")


async def resets_within_the_body(peer: Peer) -> None:
    await stops_within_the_body(peer)
    peer.reset()


async def stops_within_a_chunk(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha")


async def sends_a_bad_chunk(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nha")
    await peer.until_closed()


async def sends_bad_gzip(peer: Peer) -> None:
    await peer.request()
    await peer.answer(b"canary", headers=("Content-Encoding: gzip",))


async def sends_an_encoding_nobody_asked_for(peer: Peer) -> None:
    await peer.request()
    await peer.answer(b"canary", headers=("Content-Encoding: br",))


async def speaks_something_else(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"SSH-2.0-canary\r\n")
    await peer.until_closed()


async def sends_a_huge_header(peer: Peer) -> None:
    await peer.request()
    await peer.answer(headers=("X: " + "canary" * 20_000,))


async def sends_too_many_headers(peer: Peer) -> None:
    await peer.request()
    await peer.answer(headers=("X: canary",) * 5000)


RESET, PROTOCOL = TransportKind.RESET, TransportKind.PROTOCOL
BROKEN: list[tuple[Script, TransportKind]] = [
    (closes_before_reading, RESET),
    (resets_before_reading, RESET),
    (closes_before_answering, RESET),
    (resets_before_answering, RESET),
    (closes_its_half_and_waits, RESET),
    (stops_within_the_headers, RESET),
    (stops_within_the_body, RESET),
    (resets_within_the_body, RESET),
    (stops_within_a_chunk, RESET),
    (sends_a_bad_chunk, PROTOCOL),
    (sends_bad_gzip, PROTOCOL),
    (sends_an_encoding_nobody_asked_for, PROTOCOL),
    (speaks_something_else, PROTOCOL),
    (sends_a_huge_header, PROTOCOL),
    (sends_too_many_headers, PROTOCOL),
]


@pytest.mark.parametrize(("script", "kind"), BROKEN, ids=[script.__name__ for script, _ in BROKEN])
async def test_a_server_that(transport: Transport, script: Script, kind: TransportKind) -> None:
    async with serving(script) as server:
        for request in (server.get(), server.post()):
            assert (await fail(transport, request)).kind is kind
    assert server.connections == 2  # a fresh connection that broke is not tried again


def goes_quiet(after: int, *, recovers: bool = True) -> Script:
    """Answer so many requests on the first connection, then drop the next one unanswered."""

    async def script(peer: Peer) -> None:
        if peer.number > 1 and not recovers:
            await peer.request()
            return
        answers = after if peer.number == 1 else 1000
        for _ in range(answers):
            await peer.request()
            await peer.answer(b"ok")
        await peer.request()
        peer.reset()

    return script


async def sends(transport: Transport, server: Server, times: int) -> None:
    for _ in range(times):
        response = await transport.send(server.post(), timeout=5 * SECOND, max_body=1000)
        assert response.body == b"ok"


async def test_a_request_lost_on_an_old_connection_is_sent_again_on_a_new_one(
    transport: Transport,
) -> None:
    async with serving(goes_quiet(after=2)) as server:
        await sends(transport, server, 5)
    assert server.connections == 2
    assert len(server.requests) == 6
    assert len(set(server.requests)) == 1


async def test_it_is_sent_again_once_only(transport: Transport) -> None:
    async with serving(goes_quiet(after=1, recovers=False)) as server:
        await sends(transport, server, 1)
        assert (await fail(transport, server.post())).kind is RESET
    assert server.connections == 2
    assert len(server.requests) == 3


async def drips(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        await peer.send(b".")
        await asyncio.sleep(0.02)


async def says_nothing(peer: Peer) -> None:
    await peer.until_closed()


async def only_ever_continues(peer: Peer) -> None:
    await peer.request()
    while True:
        await peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("script", [drips, says_nothing, only_ever_continues])
async def test_the_time_allowed_covers_the_whole_exchange(
    transport: Transport, script: Script
) -> None:
    loop = asyncio.get_running_loop()
    async with serving(script) as server:
        began = loop.time()
        error = await fail(transport, server.post(), within=0.3 * SECOND)
        assert 0.2 < loop.time() - began < 5
    assert error.kind is TransportKind.TIMEOUT


async def test_connecting_has_its_own_time_tls_included(transport: Transport) -> None:
    async with serving(says_nothing) as server:
        url = server.url().replace("http:", "https:")
        request = HttpRequest(method="GET", url=url)
        error = await fail(transport, request, connect_timeout=0.2 * SECOND)
    assert error.kind is TransportKind.TIMEOUT
    assert "connection" in str(error)


async def test_a_cancelled_request_lets_its_connection_go(transport: Transport) -> None:
    heard, gone = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        heard.set()
        await peer.until_closed()
        gone.set()

    async with serving(script) as server:
        call = asyncio.create_task(transport.send(server.get(), timeout=20 * SECOND, max_body=1000))
        await heard.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 5)

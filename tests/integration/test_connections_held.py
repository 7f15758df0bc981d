"""Slow, idle and greedy clients, over real sockets, with limits that are over soon."""

import asyncio
import gzip
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from jobwatch.web.server import ACCEPTED_AT_ONCE
from jobwatch.web.serving.connections import BODY_BYTES, HEAD_BYTES, Limits, usual_limits
from tests.integration.exposed import CHANGE, HOST, LARGE, Door, exposed, port_of, say

LONG = Limits(connections=8, head=60, body=60, work=60, answer=60, idle=60)
SHORT = 0.25
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(client: aiohttp.ClientSession, *sent: bytes) -> AsyncIterator[Stream]:
    """A connection on which this was sent."""
    reader, writer = await asyncio.open_connection(HOST, port_of(client), limit=2**25)
    try:
        for each in sent:
            writer.write(each)
        await writer.drain()
        yield reader, writer
    finally:
        writer.transport.abort()


async def ended(stream: Stream) -> bytes:
    """What comes until the server hangs up, which it has to."""
    data = b""
    async with asyncio.timeout(20):
        try:
            while piece := await stream[0].read(65536):
                data += piece
        except ConnectionError:
            pass
    return data


async def one(stream: Stream) -> bytes:
    """The head of one answer."""
    async with asyncio.timeout(20):
        return await stream[0].readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: b", b"POST / HTTP/1.1\r\n"]
)
async def test_who_sends_no_whole_head_in_time_is_hung_up_on(sent: bytes) -> None:
    async with exposed(Door(), replace(LONG, head=SHORT)) as client, connected(client, sent) as it:
        assert await ended(it) == b""


async def test_a_head_that_trickles_in_is_not_waited_for_either() -> None:
    async with exposed(Door(), replace(LONG, head=SHORT)) as client, connected(client) as it:

        async def trickle() -> None:
            for byte in b"GET /metrics HTTP/1.1\r\n" + b"a" * 10_000:
                it[1].write(bytes([byte]))
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            slow = group.create_task(trickle())
            assert await ended(it) == b""
            slow.cancel()


async def test_the_head_of_a_second_request_has_its_time_too() -> None:
    async with exposed(Door(), replace(LONG, head=SHORT)) as client, connected(client, GET) as it:
        assert b" 200 " in await one(it)
        it[1].write(b"GET /metrics")
        assert b"HTTP" not in await ended(it)


async def test_a_connection_at_rest_is_kept_for_its_time_and_no_longer() -> None:
    async with exposed(Door(), replace(LONG, idle=SHORT)) as client, connected(client, GET) as it:
        assert b" 200 " in await one(it)
        it[1].write(GET)
        assert b" 200 " in await one(it)
        assert b"HTTP" not in await ended(it)


async def test_a_body_that_does_not_come_is_answered_with_408() -> None:
    door = Door()
    head = f"POST {CHANGE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc".encode()
    async with exposed(door, replace(LONG, body=SHORT)) as client, connected(client, head) as it:
        assert b" 408 " in await ended(it)
    assert door.changed == 0


async def test_a_body_has_its_size_however_it_is_announced() -> None:
    door = Door()
    large = b"a" * (BODY_BYTES + 1)
    async with exposed(door, LONG) as client:
        assert (await client.post(CHANGE, data=large[:-1])).status == 200
        assert (await client.post(CHANGE, data=large)).status == 413

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield large[: BODY_BYTES // 2]

        async with client.post(CHANGE, data=chunks()) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"]["code"] == "too_large"
        huge = f"POST {CHANGE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
        async with connected(client, huge.encode()) as it:
            assert b" 413 " in await one(it)
    assert door.changed == 1


async def test_more_than_any_request_needs_is_not_listened_to() -> None:
    flood = b"GET /healthz HTTP/1.1\r\nA: " + b"a" * 8000
    lines = b"".join(b"\r\nA%d: " % n + b"a" * 8000 for n in range(60))
    async with exposed(Door(), LONG) as client:
        async with connected(client, flood, lines) as it:
            assert b" 200 " not in await ended(it)
        assert len(lines) > HEAD_BYTES
        assert (await client.get("/healthz")).status == 200


async def test_many_requests_at_once_are_answered_in_order() -> None:
    last = b"GET /schemas/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with exposed(Door(), LONG) as client:
        said = await say(port_of(client), GET * 100 + last)
    assert said.count(b"HTTP/1.1 200 OK") == 101
    assert said.rstrip().endswith(b"}")


async def test_who_does_not_read_is_hung_up_on_whatever_the_page() -> None:
    request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    async with exposed(Door(), replace(LONG, answer=SHORT)) as client:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((HOST, port_of(client)))
            slow.sendall(request)
            await asyncio.sleep(SHORT)
            assert (await client.get("/healthz")).status == 200
            got = await asyncio.to_thread(_rest, slow)
        assert got < len(LARGE)


def _rest(connection: socket.socket) -> int:
    connection.settimeout(20)
    total = 0
    try:
        while piece := connection.recv(2**20):
            total += len(piece)
    except ConnectionResetError:
        pass
    return total


async def test_a_request_that_hangs_is_given_up() -> None:
    door, reached = Door(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    door.change = hang  # type: ignore[assignment, method-assign]
    request = f"POST {CHANGE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    limits = replace(LONG, work=SHORT, grace=0.1)
    async with exposed(door, limits) as client, connected(client, request) as it:
        await reached.wait()
        assert await ended(it) == b""


@pytest.mark.parametrize("sent", [b"", b"GET /metr", GET])
async def test_above_the_limit_the_longest_idle_goes_and_the_newest_is_let_in(sent: bytes) -> None:
    async with exposed(Door(), LONG) as client:
        async with connected(client, sent) as oldest, connected(client, sent) as next_oldest:
            if sent == GET:
                await one(oldest)
                await one(next_oldest)
            idle = [await asyncio.open_connection(HOST, port_of(client)) for _ in range(6)]
            assert (await client.get("/healthz")).status == 200
            await ended(oldest)
            next_oldest[1].write(
                GET if sent != b"GET /metr" else b"ics HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            assert b" 200 " in await one(next_oldest)
        for _, writer in idle:
            writer.transport.abort()


async def test_any_number_of_idle_connections_keeps_nobody_out() -> None:
    async with exposed(Door(), LONG) as client:
        idle = []
        for number in range(100):
            idle.append(await asyncio.open_connection(HOST, port_of(client)))
            if number % 10 == 0:
                async with client.get("/metrics") as answer:
                    assert answer.status == 200
                    await answer.read()
        async with asyncio.timeout(20):
            gone = await asyncio.gather(*(reader.read() for reader, _ in idle[:80]))
        assert gone == [b""] * 80
        for _, writer in idle:
            writer.transport.abort()


async def test_even_where_all_are_at_work_there_is_room_for_one_more() -> None:
    request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    async with exposed(Door(), LONG) as client:
        greedy = []
        for _ in range(12):
            slow = socket.socket()
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)  # noqa: FBT003
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, (HOST, port_of(client)))
            await loop.sock_sendall(slow, request)
            greedy.append(slow)
        for _ in range(3):
            assert (await client.get("/healthz")).status == 200
        for each in greedy:
            each.close()


async def test_who_is_at_work_stays_while_somebody_idles() -> None:
    door, reached, go = Door(), asyncio.Event(), asyncio.Event()

    async def work(_request: web.Request) -> web.Response:
        reached.set()
        await go.wait()
        return web.Response(text="done")

    door.change = work  # type: ignore[assignment, method-assign]
    request = f"POST {CHANGE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    async with exposed(door, LONG) as client, connected(client, request) as worker:
        await reached.wait()
        idle = [await asyncio.open_connection(HOST, port_of(client)) for _ in range(20)]
        assert (await client.get("/healthz")).status == 200
        go.set()
        assert b" 200 " in await one(worker)
        for _, writer in idle:
            writer.transport.abort()


async def test_a_compressed_body_is_not_unpacked() -> None:
    door, bomb = Door(), gzip.compress(bytes(10_000_000))
    assert len(bomb) < BODY_BYTES
    headers = {"Content-Encoding": "gzip"}
    async with exposed(door, LONG) as client:
        assert (await client.post(CHANGE, data=bomb, headers=headers)).status == 200
    assert door.bodies == [bomb]


def test_the_limits_leave_most_files_to_calls_receivers_and_the_store() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for files, plain, tls in ((256, 64, 64), (1024, 256, 256), (4096, 1024, 512), (20, 16, 16)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
            found = usual_limits(tls=False).connections, usual_limits(tls=True).connections
            assert found == (plain, tls)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_more_idle_connections_than_files_stop_nothing() -> None:
    """The process has no file left for anybody new; once some are closed, it goes on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = replace(LONG, connections=10_000)
    async with exposed(Door(), limits) as client:
        assert (await client.get("/healthz")).status == 200
        held: list[socket.socket] = []
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, each: failures.append(each))
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64 + 20, hard))
            for _ in range(100):
                each = socket.socket()
                held.append(each)
                each.setblocking(False)  # noqa: FBT003
                each.connect_ex((HOST, port_of(client)))
        except OSError:
            await asyncio.sleep(0.05)
            assert (await client.get("/healthz")).status == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for each in held:
                each.close()
        async with aiohttp.ClientSession(client._base_url) as newcomer, asyncio.timeout(20):
            assert (await newcomer.get("/healthz")).status == 200
    assert 0 < len(failures) <= 2 * ACCEPTED_AT_ONCE

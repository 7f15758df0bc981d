"""A server on loopback that does exactly what a script says, also what no server should."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest
from jobwatch.transport import Transport


@dataclass(slots=True)
class Peer:
    """One connection, seen from the server. `number` counts connections from 1."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    requests: list[bytes]

    async def request(self) -> bytes:
        """Read one whole request and keep it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        self.requests.append(head + body)
        return head + body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, body: bytes = b"", status: str = "200 OK", headers: tuple[str, ...] = ()
    ) -> None:
        """Send a well-formed answer and keep the connection."""
        lines = (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}")
        await self.send("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body)

    async def until_closed(self) -> None:
        """Wait until the client closes."""
        await self.reader.read()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """The running server: what it heard, and how often somebody connected."""

    script: Script
    scheme: str
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    running: set["asyncio.Task[None]"] = field(default_factory=set)

    def url(self, target: str = "/hook/canary?key=canary") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{target}"

    def get(self, target: str = "/hook/canary?key=canary") -> HttpRequest:
        return HttpRequest(method="GET", url=self.url(target))

    def post(self, body: bytes = b'{"canary": 1}') -> HttpRequest:
        return HttpRequest(method="POST", url=self.url(), body=body)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        peer = Peer(reader, writer, self.connections, self.requests)
        task = asyncio.create_task(self._serve(peer))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _serve(self, peer: Peer) -> None:
        try:
            await self.script(peer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            peer.writer.close()


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run the script for every connection, until the block ends."""
    server = Server(script, "https" if tls else "http")
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server.running:
            task.cancel()
        await asyncio.gather(*server.running)
        await asyncio.sleep(0)


async def fail(
    transport: Transport,
    request: HttpRequest,
    *,
    within: timedelta = timedelta(seconds=20),
    connect_timeout: timedelta = timedelta(seconds=5),
) -> TransportError:
    """Send a request that has to fail. What is secret says "canary", so the error must not."""
    with pytest.raises(TransportError) as caught:
        await transport.send(
            request, timeout=within, connect_timeout=connect_timeout, max_body=1000
        )
    error = caught.value
    assert "canary" not in f"{error!r} {error.args}"
    assert error.__context__ is None
    assert error.__cause__ is None
    return error

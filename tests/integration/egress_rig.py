"""What stands at the other end: name servers that change their mind, and a proxy."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from socket import AF_INET, AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult

from jobwatch.core.addresses import Guard
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.transport import Transport
from tests.raw_server import Peer

PUBLIC_ONLY = Guard(mode="public_only")


async def answers(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.answer(b"ok")


async def answers_once(peer: Peer) -> None:
    await peer.request()
    await peer.answer(b"ok", headers=("Connection: close",))


def get(url: str) -> HttpRequest:
    return HttpRequest(method="GET", url=url)


async def send(transport: Transport, request: HttpRequest) -> HttpResponse:
    return await transport.send(request, timeout=timedelta(seconds=20), max_body=1000)


@dataclass
class Names(AbstractResolver):
    """Name servers whose answers change from one question to the next."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_INET
    ) -> list[ResolveResult]:
        _ = family
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=each, port=port, family=AF_INET, proto=0, flags=0)
            for each in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept."""


@dataclass
class ProxyServer:
    """A proxy that takes every name for 127.0.0.1, and notes what it is asked for."""

    password: str = ""
    heads: list[bytes] = field(default_factory=list)
    port: int = 0

    def url(self, login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}"

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError):
            pass  # one side went away
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        method, target = head.split(b" ")[:2]
        if self.password and b"Proxy-Authorization: " + self._login() not in head:
            writer.write(b"HTTP/1.1 407 canary\r\nContent-Length: 0\r\n\r\n")
            return
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        there = await asyncio.open_connection("127.0.0.1", int(place.rpartition(b":")[2]))
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            there[1].write(head)
        await asyncio.gather(self._pour(reader, there[1]), self._pour(there[0], writer))

    def _login(self) -> bytes:
        return b"Basic " + b64encode(self.password.encode())

    @staticmethod
    async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def proxying(password: str = "") -> AsyncIterator[ProxyServer]:
    proxy = ProxyServer(password)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()

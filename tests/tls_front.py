"""A door with TLS before servers on loopback, for clients that reach this machine through a network."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.programs import program

PIECE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Files of a certificate that signed itself, so that it is its own authority."""

    file: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server needs."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key)
        return context


def certificate(folder: Path, name: str) -> Certificate:
    """Make one for a host of this name. Skips the test where there is no openssl."""
    openssl = program("openssl")
    made = Certificate(file=folder / "certificate.pem", key=folder / "key.pem")
    subject = ["-subj", "/CN=jobwatch test", "-addext", f"subjectAltName=DNS:{name}"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(
        [openssl, "req", "-x509", *kind, *subject, *files], check=True, capture_output=True
    )
    return made


@asynccontextmanager
async def front(port: int, context: ssl.SSLContext, *, host: str) -> AsyncIterator[int]:
    """Pass on what comes in with TLS to a port of loopback, and give the port where it comes in."""
    passing: set[asyncio.Task[None]] = set()

    async def come_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passing.add(task)
        task.add_done_callback(passing.discard)
        with suppress(OSError, asyncio.CancelledError):  # the server's own task: nobody awaits it
            await _pass_on(port, reader, writer)

    server = await asyncio.start_server(come_in, host, 0, ssl=context)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def _pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, here = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pour(reader, here))
            group.create_task(_pour(there, writer))
    finally:
        for each in (here, writer):
            each.transport.abort()
            with suppress(OSError):
                await each.wait_closed()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything that is read, until the other side ends; then end, too."""
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()

"""The other side of the benchmarks, in a child process: prebuilt pages, and a receiver that says yes.

Nothing is checked and nothing is kept, so that it never is what limits. Ten jobs of every page end with each version.
"""

import asyncio
import contextlib
import multiprocessing
import os
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.listing import build_page

CHANGED = 10
VERSIONS = 6
LIVE = CHANGED * VERSIONS + 10
"""Unfinished jobs on a page at first. All others have ended, as most jobs of a listing have."""

_UNFINISHED = re.compile(rb"<Status>(?:Active|New)</Status></member>")
_ENDED = (
    b"<Status>Complete</Status><TerminationDate>2026-11-20T10:10:10Z</TerminationDate></member>"
)
_ACTIVE = b"<Status>Active</Status></member>"
_YES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


def page_of(number: int, count: int, version: int) -> bytes:
    """A page, as it is after so many versions, with its head."""
    left, *parts = _UNFINISHED.split(build_page(number, last=number == count - 1))
    live = range(CHANGED * version, LIVE)
    pieces = [left]
    for place, part in enumerate(parts):
        pieces += [_ACTIVE if place in live else _ENDED, part]
    body = b"".join(pieces)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class _Pages(asyncio.Protocol):
    """`GET /7`, `GET /jobs?…&nextToken=7`, `GET /version/3`, and POST to anywhere; `/hangs` never answers."""

    pages: tuple[bytes, ...] = ()

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) != -1:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        method, target, _ = head.split(b" ", 2)
        if method == b"POST":
            return b"" if target == b"/hangs" else _YES
        if target.startswith(b"/version/"):
            _build(len(self.pages), int(target.rpartition(b"/")[2]))
            return _YES
        text = target.rpartition(b"nextToken=")[2] if b"nextToken=" in target else target[1:]
        return self.pages[int(text) if text.isdigit() else 0]


def _build(count: int, version: int) -> None:
    _Pages.pages = tuple(page_of(number, count, version) for number in range(count))


def _serve(count: int, port: "multiprocessing.Queue[int]") -> None:
    pin(last=True)
    _build(count, 0)

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Pages, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def pin(*, last: bool = False) -> None:
    """Keep this process on one core: the measured one on the first, the servers on the last."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(os.getppid() if last else 0))
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {os.cpu_count() - 1 if last else cores[0]})  # type: ignore[operator]


@contextlib.contextmanager
def served(count: int) -> Iterator[int]:
    """Serve `count` pages from a child process; gives the port."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[int] = context.Queue()
    child = context.Process(target=_serve, args=(count, queue), daemon=True)
    child.start()
    try:
        yield queue.get(timeout=300)
    finally:
        child.terminate()
        child.join()


def show_version(port: int, version: int) -> None:
    """Let ten more jobs of every page have ended."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/version/{version}", timeout=300
    ) as answer:
        answer.read()

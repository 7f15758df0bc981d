"""Carrying answers, and what goes wrong on the way, over a socket."""

import asyncio
import gzip
import socket
import struct
import zlib
from functools import lru_cache

from aiohttp import web

from jobwatch.simulator.answers import Answer, Question
from jobwatch.simulator.faults import Before, Bend, Cut, Delay, GzipBomb, Hook, Reset, Stall

# No client waits longer; it bounds what a forgotten stall costs the simulator.
LONGEST_SILENCE = 300.0
PIECE = 1024 * 1024
WORTH_PACKING = 512
# Where a page could go on for ever without being wrong.
OPENINGS = {"application/xml": b"<ListJobsResult><Jobs>", "application/json": b'{"JobList": ['}


async def run_before(acts: list[Before], question: Question) -> None:
    """Do what comes before the answer, in the order of the rules."""
    for act in acts:
        match act:
            case Delay():
                await asyncio.sleep(act.by.total_seconds())
            case Hook():
                await act.callback(question)


async def send(
    request: web.Request, answer: Answer, act: Bend | None, closing: asyncio.Event
) -> web.StreamResponse:
    """Send an answer the way the fault wants it, or as it is."""
    try:
        return await _send(request, answer, act, closing)
    except ConnectionError:
        # The client gave up first: nothing to tell, and nobody to tell it to.
        return web.Response()


async def _send(
    request: web.Request, answer: Answer, act: Bend | None, closing: asyncio.Event
) -> web.StreamResponse:
    match act:
        case Cut(honest=True):
            return plain(request, answer, answer.body[: act.at])
        case Cut():
            return await _start(request, answer, answer.body[: act.at])
        case Stall():
            return await _stall(request, answer, act.after, closing)
        case Reset():
            return await _reset(request, answer, after_headers=act.after_headers)
        case GzipBomb():
            return await _bomb(request, answer, act.size)
        case _:
            return plain(request, answer, answer.body)


def plain(request: web.Request, answer: Answer, body: bytes) -> web.Response:
    """Make a whole answer, packed if the client takes that."""
    headers = {**answer.headers, "Content-Type": answer.content_type}
    if len(body) >= WORTH_PACKING and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = _packed(body)
    return web.Response(status=answer.status, body=body, headers=headers)


@lru_cache(maxsize=128)
def _packed(body: bytes) -> bytes:
    # mtime 0: equal pages are equal bytes. Packing costs more than anything else on a page.
    return gzip.compress(body, compresslevel=4, mtime=0)


async def _start(request: web.Request, answer: Answer, piece: bytes) -> web.StreamResponse:
    """Promise the whole body, send a piece of it, and hang up."""
    response = await _promise(request, answer)
    await response.write(piece)
    hang_up(request)
    return response


async def _stall(
    request: web.Request, answer: Answer, after: int, closing: asyncio.Event
) -> web.StreamResponse:
    response = await _promise(request, answer)
    await response.write(answer.body[:after])
    await silence(closing)
    hang_up(request)
    return response


async def _reset(
    request: web.Request, answer: Answer, *, after_headers: bool
) -> web.StreamResponse:
    response = await _promise(request, answer) if after_headers else web.StreamResponse()
    reset(request)
    return response


async def _promise(request: web.Request, answer: Answer) -> web.StreamResponse:
    headers = {**answer.headers, "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body) or 1
    response.force_close()
    await response.prepare(request)
    return response


async def _bomb(request: web.Request, answer: Answer, size: int) -> web.StreamResponse:
    headers = {
        **answer.headers,
        "Content-Type": answer.content_type,
        "Content-Encoding": "gzip",
    }
    response = web.StreamResponse(headers=headers)
    response.force_close()
    await response.prepare(request)
    packer = zlib.compressobj(level=9, wbits=31)
    opening = packer.compress(OPENINGS.get(answer.content_type, b""))
    await response.write(opening + packer.flush(zlib.Z_FULL_FLUSH))
    # After a full flush equal input packs to equal bytes: one piece serves for all of them.
    piece = packer.compress(b" " * PIECE) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(max(1, size // PIECE)):
        await response.write(piece)
    return response


async def silence(closing: asyncio.Event) -> None:
    """Say nothing until the simulator closes, five minutes at most."""
    try:
        async with asyncio.timeout(LONGEST_SILENCE):
            await closing.wait()
    except TimeoutError:
        pass


def hang_up(request: web.Request) -> None:
    """Close the connection after what was written."""
    if request.transport is not None:
        request.transport.close()


def reset(request: web.Request) -> None:
    """Reset the connection: the peer sees ECONNRESET, not an end."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # Lingering for zero seconds is what makes close() send RST.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()

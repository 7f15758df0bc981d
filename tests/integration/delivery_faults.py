"""What a receiver may do on the wire to the first request, and what has to follow."""

import asyncio
import zlib
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import Result
from jobwatch.formats import FormatName
from tests.factories import NOW
from tests.raw_server import Peer, Script

SOON, HOUR = timedelta(seconds=5), timedelta(hours=1)
LONG, SHORT = timedelta(seconds=20), timedelta(milliseconds=250)
TELLING = {"standard": b"", "wecom": b'{"errcode":0}', "feishu": b'{"code":0}', "slack": b"ok"}
TELLING["dingtalk"] = TELLING["wecom"]


def says(status: str, body: bytes = b"", *headers: str) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(body, status, headers)

    return script


def sends(raw: bytes, *, then_silent: bool = False) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(raw)
        if then_silent:
            await peer.until_closed()

    return script


async def resets_before_reading(peer: Peer) -> None:
    await peer.reader.read(1)
    peer.reset()


async def resets_after_reading(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def closes_its_half(peer: Peer) -> None:
    await peer.request()
    peer.writer.write_eof()
    await peer.until_closed()


async def drips(peer: Peer) -> None:
    """A byte now and then, for ever: every single read is quick."""
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await peer.send(b" ")
        await asyncio.sleep(0.02)


async def never_stops(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await peer.send(b"10000\r\n" + b" " * 65536 + b"\r\n")


async def explodes(peer: Peer) -> None:
    """Half a gigabyte of blanks, packed."""
    packer = zlib.compressobj(9, wbits=31)
    piece = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    await peer.request()
    await peer.send(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + piece
    )
    for _ in range(500):
        await peer.send(again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a receiver does to the first request, and what has to follow.

    `rest` is how long nothing is sent to it then. `dies`: nothing more is tried. `in_words`: only a robot's words tell.
    """

    does: Script
    result: Result
    status: int | None = None
    format: FormatName = "standard"
    receiver: ReceiverState = ReceiverState.ACTIVE
    rest: timedelta = SOON
    held: timedelta | None = None
    dies: bool = False
    timeout: timedelta = LONG
    in_words: bool = False

    @property
    def answered(self) -> bool:
        """Whether its answer is whole, and the fault is in what it says."""
        return self.status is not None


def robot(format_: FormatName, body: bytes, result: Result, **more: Any) -> Fault:
    return Fault(
        does=says("200 OK", body), result=result, status=200, format=format_, in_words=True, **more
    )


def status(number: int, result: Result, *headers: str, **more: Any) -> Fault:
    return Fault(
        does=says(f"{number} Said", b"<b>why", *headers), result=result, status=number, **more
    )


LATER = format_datetime(NOW + timedelta(minutes=3), usegmt=True)
WRONG_SETTINGS: dict[str, Any] = {
    "receiver": ReceiverState.FAILING,
    "rest": timedelta(minutes=5),
}
LIMITED: dict[str, Any] = {"rest": timedelta(minutes=1), "held": timedelta(minutes=1)}
LOCKED: dict[str, Any] = {"rest": timedelta(minutes=10), "held": timedelta(minutes=10)}
PAUSED: dict[str, Any] = {"receiver": ReceiverState.PAUSED}

FAULTS = {
    "400": status(400, Result.HTTP_4XX),
    "401": status(401, Result.AUTH, **WRONG_SETTINGS),
    "403": status(403, Result.AUTH, **WRONG_SETTINGS),
    "404": status(404, Result.NOT_FOUND, **WRONG_SETTINGS),
    "410": status(410, Result.GONE, **PAUSED),
    "413": status(413, Result.TOO_LARGE, dies=True),
    "429": status(429, Result.RATE_LIMITED),
    "429 for seconds": status(
        429, Result.RATE_LIMITED, "Retry-After: 90", rest=SOON * 18, held=SOON * 18
    ),
    "429 until a date": status(
        429, Result.RATE_LIMITED, f"Retry-After: {LATER}", rest=SOON * 36, held=SOON * 36
    ),
    "500 may not ask for rest": status(500, Result.HTTP_5XX, "Retry-After: 90"),
    "503 for a day": status(503, Result.HTTP_5XX, "Retry-After: 86400", rest=HOUR, held=HOUR),
    "no HTTP": Fault(does=sends(b"SSH-2.0-OpenSSH_9.6\r\n"), result=Result.BODY_ERROR),
    "bad gzip": Fault(
        does=says("200 OK", b"canary", "Content-Encoding: gzip"), result=Result.BODY_ERROR
    ),
    "reset before reading": Fault(does=resets_before_reading, result=Result.RESET),
    "reset after reading": Fault(does=resets_after_reading, result=Result.RESET),
    "half closed": Fault(does=closes_its_half, result=Result.RESET),
    "broken off": Fault(
        does=sends(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf"), result=Result.RESET
    ),
    "silent": Fault(does=sends(b"", then_silent=True), result=Result.TIMEOUT, timeout=SHORT),
    "silent after headers": Fault(
        does=sends(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", then_silent=True),
        result=Result.TIMEOUT,
        timeout=SHORT,
    ),
    "slow drip": Fault(does=drips, result=Result.TIMEOUT, timeout=SHORT),
    "endless body": Fault(does=never_stops, result=Result.BODY_ERROR, status=200, format="wecom"),
    "gzip bomb": Fault(does=explodes, result=Result.BODY_ERROR, status=200, format="wecom"),
    "no JSON": robot("wecom", b"<html>login", Result.BODY_ERROR),
    "no code": robot("feishu", b"{}", Result.BODY_ERROR),
    "wecom busy": robot("wecom", b'{"errcode":-1}', Result.BODY_ERROR),
    "wecom too often": robot("wecom", b'{"errcode":45009}', Result.RATE_LIMITED, **LIMITED),
    "wecom too long": robot("wecom", b'{"errcode":40058}', Result.REJECTED, dies=True),
    "wecom gone": robot("wecom", b'{"errcode":93000}', Result.GONE, **PAUSED),
    "dingtalk locked": robot("dingtalk", b'{"errcode":130101}', Result.RATE_LIMITED, **LOCKED),
    "dingtalk sign": robot("dingtalk", b'{"errcode":310000}', Result.AUTH, **WRONG_SETTINGS),
    "feishu too often": robot("feishu", b'{"code":11232}', Result.RATE_LIMITED, **LIMITED),
    "feishu sign": robot("feishu", b'{"code":19021}', Result.AUTH, **WRONG_SETTINGS),
    "slack in 200": robot("slack", b"not ok", Result.BODY_ERROR),
}  # fmt: skip

"""Whatever a receiver does on the wire: what the attempt was, what becomes of the delivery, and what it says of the receiver."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.formats import FormatName
from jobwatch.formats.values import Recipient
from tests.contract.watcher import Clock
from tests.factories import NOW
from tests.faults.certificate import self_signed
from tests.integration.delivery_rig import Office, office, webhook
from tests.raw_server import Peer, Script, Server, serving
from tests.rig import Channel

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


def robot(format_: FormatName, body: bytes, result: Result, **more: object) -> Fault:
    return Fault(
        does=says("200 OK", body), result=result, status=200, format=format_, in_words=True, **more
    )  # type: ignore[arg-type]


def status(number: int, result: Result, *headers: str, **more: object) -> Fault:
    return Fault(
        does=says(f"{number} Said", b"<b>why", *headers), result=result, status=number, **more
    )  # type: ignore[arg-type]


LATER = format_datetime(NOW + timedelta(minutes=3), usegmt=True)
WRONG_SETTINGS: dict[str, object] = {
    "receiver": ReceiverState.FAILING,
    "rest": timedelta(minutes=5),
}
LIMITED: dict[str, object] = {"rest": timedelta(minutes=1), "held": timedelta(minutes=1)}
LOCKED: dict[str, object] = {"rest": timedelta(minutes=10), "held": timedelta(minutes=10)}
PAUSED: dict[str, object] = {"receiver": ReceiverState.PAUSED}

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


def faulty(fault: Fault) -> Script:
    """Do it on the first connection; afterwards be what a receiver should be."""

    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await fault.does(peer)
            return
        while True:
            await peer.request()
            await peer.answer(TELLING[fault.format], "200 OK")

    return script


def channel(name: str, fault: Fault, server: Server) -> Channel:
    recipient = webhook(name, server.url("/hook?access_token=canary&key=canary"))
    if fault.format != "standard":
        recipient = Recipient(name=name, url=recipient.url)
    return Channel(
        recipient=lambda: recipient,
        format=fault.format,
        timeout=fault.timeout,
        give_up_after=timedelta(hours=6),
    )


def parts(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, _, value in lines}, body


async def no_more_than(one: Office, name: str, server: Server, at: datetime) -> None:
    """Until that moment nobody connects again."""
    before = server.connections
    one.clock.now = at - timedelta(milliseconds=1)
    await one.deliver(name)
    assert server.connections == before
    one.clock.now = at


Outcome: TypeAlias = tuple[Result | None, int | None, DeliveryState, ReceiverState, datetime | None]
GROUPS = {
    "status": [name for name, fault in FAULTS.items() if fault.answered and not fault.in_words],
    "wire": [name for name, fault in FAULTS.items() if not fault.answered],
    "words": [name for name, fault in FAULTS.items() if fault.in_words],
}


def expected(fault: Fault) -> Outcome:
    state = DeliveryState.DEAD if fault.dies else DeliveryState.PENDING
    held_until = NOW + fault.held if fault.held else None
    return fault.result, fault.status, state, fault.receiver, held_until


@asynccontextmanager
async def opened(
    names: Sequence[str], path: Path
) -> AsyncIterator[tuple[Office, dict[str, Server]]]:
    """A receiver for each of these faults, called like it."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(office(path, Clock()))
        servers = {
            name: await stack.enter_async_context(serving(faulty(FAULTS[name]))) for name in names
        }
        for name, server in servers.items():
            one.open(name, channel(name, FAULTS[name], server))
        yield one, servers


@pytest.mark.parametrize("names", GROUPS.values(), ids=GROUPS)
async def test_a_fault_is_named_and_what_was_not_told_is_sent_again(
    names: list[str], tmp_path: Path
) -> None:
    async with opened(names, tmp_path / "db") as (one, servers):
        await one.fail("job-1")
        await asyncio.gather(*(one.deliver(name) for name in names))
        found = {name: await outcome(one, name) for name in names}
        assert found == {name: expected(FAULTS[name]) for name in names}
        assert {name: server.connections for name, server in servers.items()} == dict.fromkeys(
            names, 1
        )
        # What was slow may be slower on a busy machine, and is no part of this test any more.
        for notifier in one.notifiers.values():
            notifier.post = replace(notifier.post, timeout=LONG)
        for name in sorted(names, key=lambda each: FAULTS[each].rest):
            await left_alone(one, name, servers[name])
            await one.deliver(name)
        kept = [name for name in names if not FAULTS[name].dies]
        assert {name: (await told(one, name)) for name in kept} == dict.fromkeys(kept, (True, 2, 0))
        for name in kept:
            (row,) = await one.rows(name)
            assert_the_same(servers[name].requests, FAULTS[name].format, row.event_id)


async def outcome(one: Office, name: str) -> Outcome:
    """What the first attempt met, and how the receiver stands then."""
    (row,) = await one.rows(name)
    (attempt,) = await one.attempts(row)
    assert "canary" not in attempt.answer
    stands = await one.standing(name)
    return attempt.result, attempt.status, row.state, stands.state, stands.held_until


async def left_alone(one: Office, name: str, server: Server) -> None:
    """Until its rest is over nobody connects again; a paused one waits for a person."""
    fault = FAULTS[name]
    await no_more_than(one, name, server, NOW + fault.rest)
    if fault.receiver is ReceiverState.PAUSED:
        await one.deliver(name)
        assert server.connections == 1
        await one.store.resume_receiver(name, give_up_after=HOUR)


async def told(one: Office, name: str) -> tuple[bool, int, int]:
    """Whether it was delivered, by how many attempts, and what is remembered of failures."""
    (row,) = await one.rows(name)
    return row.state is DeliveryState.DELIVERED, row.attempts, (await one.standing(name)).failures


def assert_the_same(requests: Sequence[bytes], format_: FormatName, event_id: str) -> None:
    """Every try has the same bytes, but where a body is signed anew; and the id of its event."""
    tries = [parts(each) for each in requests]
    if format_ != "feishu":
        assert len({body for _, body in tries}) == 1
    ids = {headers.get("webhook-id") for headers, _ in tries}
    assert ids == {event_id if format_ == "standard" else None}


async def test_a_redirect_is_a_failure_and_is_never_followed(tmp_path: Path) -> None:
    numbers = (301, 302, 303, 307, 308)
    async with serving(says("200 OK")) as trap:
        places = (trap.url(), "http://169.254.169.254/latest/meta-data/")
        answers = [(number, place) for number in numbers for place in places]

        async def elsewhere(peer: Peer) -> None:
            number, place = answers[peer.number - 1]
            await says(f"{number} Elsewhere", b"", f"Location: {place}")(peer)

        async with serving(elsewhere) as server, office(tmp_path / "db", Clock()) as one:
            recipient = webhook("ops", server.url())
            one.open("ops", Channel(recipient=lambda: recipient, concurrency=len(answers)))
            await one.fail(*(f"job-{each}" for each in range(len(answers))))
            await one.deliver()
            rows = await one.rows()
            assert {(row.state, row.last_result) for row in rows} == {
                (DeliveryState.PENDING, Result.REDIRECT)
            }
            assert sorted(row.last_status or 0 for row in rows) == sorted(numbers * 2)
            assert (trap.connections, server.connections) == (0, len(answers))


async def test_an_answer_is_not_read_further_than_it_may_be_long(tmp_path: Path) -> None:
    """The status of a webhook tells all: neither an endless body nor a bomb keeps a delivery from being told."""
    for number, does in enumerate((never_stops, explodes)):
        fault = Fault(does=does, result=Result.OK)
        async with serving(faulty(fault)) as server, office(tmp_path / f"{number}", Clock()) as one:
            one.open("ops", channel("ops", fault, server))
            await one.fail("job-1")
            await one.deliver()
            (row,) = await one.rows()
            (attempt,) = await one.attempts(row)
            assert (row.state, attempt.status) == (DeliveryState.DELIVERED, 200)
            assert len(attempt.answer) <= 1024


async def test_a_certificate_that_nobody_vouches_for_stops_the_message(tmp_path: Path) -> None:
    async with serving(says("200 OK"), tls=self_signed(tmp_path)) as server:
        async with office(tmp_path / "db", Clock()) as one:
            one.open("ops", channel("ops", Fault(does=says(""), result=Result.TLS), server))
            await one.fail("job-1")
            await one.deliver()
            (row,) = await one.rows()
            assert (row.state, row.last_result) == (DeliveryState.PENDING, Result.TLS)
            assert server.requests == []
            assert (await one.standing()).failures == 1


async def test_nobody_at_the_door_and_no_tls_behind_it_have_names_of_their_own(
    tmp_path: Path,
) -> None:
    async def speaks_first(peer: Peer) -> None:
        await peer.answer(b"", "400 Bad Request")

    async with serving(speaks_first) as server, office(tmp_path / "db", Clock()) as one:
        plain = webhook("plain", server.url().replace("http://", "https://"))
        one.open("plain", Channel(recipient=lambda: plain))
        closed = webhook("closed", "http://127.0.0.1:1/hook")
        one.open("closed", Channel(recipient=lambda: closed))
        await one.fail("job-1")
        await one.deliver()
        found = {name: (await one.rows(name))[0].last_result for name in ("plain", "closed")}
        assert found == {"plain": Result.TLS, "closed": Result.CONNECT}

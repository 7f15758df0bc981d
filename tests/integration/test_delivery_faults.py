"""Whatever a receiver does on the wire: what the attempt was, what becomes of the delivery, and what it says of the receiver."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
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
from tests.integration.delivery_faults import (
    FAULTS,
    HOUR,
    LONG,
    TELLING,
    Fault,
    explodes,
    never_stops,
    says,
)
from tests.integration.delivery_rig import Office, office, webhook
from tests.raw_server import Peer, Script, Server, serving
from tests.rig import Channel


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
        assert all(servers[name].connections == 1 for name in names if name not in kept)
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
    tls = self_signed(tmp_path)
    async with serving(says("200 OK"), tls) as server, office(tmp_path / "db", Clock()) as one:
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

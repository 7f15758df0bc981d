"""A receiver that is dead for a day, gone, or wrongly configured: it is asked rarely, nothing is lost, and others hear of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from jobwatch.core.breaker import PauseReason, ReceiverState
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.errors import ConfigError
from jobwatch.core.events import EventType
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.routing import Selection
from jobwatch.formats.values import Recipient
from jobwatch.secret_files import FileSecret
from jobwatch.simulator.receiver import Reply, WebhookSink
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Server
from tests.contract.watcher import Clock
from tests.factories import DAY, HOUR, MINUTE, SECOND
from tests.integration.delivery_rig import Office, office, webhook
from tests.rig import Channel
from tests.robots import WeCom, at_work

OLD_SECRET = "whsec_b2xkZXItZGVtby1zZWNyZXQtMTIzNDU2Nzg5MA=="
BUDGET = 6 * HOUR


@dataclass(slots=True)
class Door:
    """A receiver that is shut or open. `arrivals` are the times of requests; `crowds` says with each how many were

    inside and how many had been answered before.
    """

    clock: Clock
    open: bool = False
    inside: int = 0
    answered: int = 0
    arrivals: list[datetime] = field(default_factory=list)
    crowds: list[tuple[int, int]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.arrivals.append(self.clock())
        if not self.open:
            return web.Response(status=502)
        self.inside += 1
        self.crowds.append((self.inside, self.answered))
        await asyncio.sleep(0.002)  # so that whoever is let in meanwhile meets the others
        self.inside -= 1
        self.answered += 1
        return web.Response(status=204)


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    server = Server(app)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@asynccontextmanager
async def door(clock: Clock) -> AsyncIterator[tuple[Door, str]]:
    found, app = Door(clock), web.Application()
    app.router.add_post("/", found.handle)
    async with listening(app) as url:
        yield found, url


async def live(one: Office, until: datetime, *names: str) -> None:
    """Let time pass as the notifiers' loops do: each comes back when it said that there may be something to do."""
    while True:
        await one.deliver(*names)
        times = [one.notifiers[name].again_at for name in names]
        wanted = min((time for time in times if time is not None), default=until)
        if wanted >= until:
            one.clock.now = until
            return
        one.clock.now = max(wanted, one.clock.now + timedelta(milliseconds=100))


async def test_a_receiver_dead_for_a_day_is_asked_rarely_and_gets_all_that_is_not_too_old(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with door(clock) as (dead, url), office(tmp_path / "db", clock) as one:
        recipient = webhook("ops", url)
        one.open("ops", Channel(recipient=lambda: recipient, give_up_after=BUDGET))
        began = clock()
        await one.fail(*(f"early-{number}" for number in range(20)))
        await live(one, began + 20 * HOUR, "ops")
        await one.fail(*(f"late-{number}" for number in range(40)))
        await live(one, began + DAY, "ops")
        # A breaker that is open asks every quarter of an hour at most, however much waits; what waits costs nothing.
        assert len(dead.arrivals) <= 4 * 24 + 12
        await assert_tried_at_the_end(one, {f"early-{number}" for number in range(20)})
        dead.open = True
        await live(one, clock() + 20 * MINUTE, "ops")
        late = [row for row in await one.rows() if row.job_id.startswith("late")]
        assert {row.state for row in late} == {DeliveryState.DELIVERED}
        assert [crowd for crowd, _ in dead.crowds][:2] == [1, 1]
        assert all(crowd <= min(8, 1 << max(0, done - 1)) for crowd, done in dead.crowds)
        assert max(crowd for crowd, _ in dead.crowds) > 2
        assert (await one.standing()).state is ReceiverState.ACTIVE


async def assert_tried_at_the_end(one: Office, jobs: set[str]) -> None:
    """Each of these is dead, and was tried at or after its deadline."""
    rows = [row for row in await one.rows() if row.state is DeliveryState.DEAD]
    assert {row.job_id for row in rows} == jobs
    for row in rows:
        *_, last = await one.attempts(row)
        assert last.started_at >= row.created_at + BUDGET


async def test_a_receiver_that_is_gone_is_paused_keeps_its_queue_and_the_other_hears_of_it(
    tmp_path: Path,
) -> None:
    clock = Clock()
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        for name in ("ops", "other"):
            recipient = webhook(name, f"{url}/{name}")
            one.open(name, Channel(recipient=lambda told=recipient: told))  # type: ignore[misc]
        sink.always("/ops", Reply(status=410))
        await one.fail("job-1", "job-2")
        await one.deliver()
        await one.attend()
        await one.deliver()
        assert [row.state for row in await one.rows()] == [DeliveryState.PENDING] * 2
        (paused,) = [each for each in sink.events if each["type"] == "receiver.paused"]
        assert paused["data"]["receiver"] == "ops"
        assert (paused["data"]["condition"]["state"], paused["data"]["reason"]) == (
            "opened",
            "gone",
        )
        asked = [each for each in sink.received if each.path == "/ops"]
        sink.always("/ops", None)
        clock.advance(DAY)
        await one.deliver()
        assert [each for each in sink.received if each.path == "/ops"] == asked
        assert await one.store.resume_receiver("ops", give_up_after=None)
        await one.attend()
        await one.deliver()
        assert {row.state for row in await one.rows()} == {DeliveryState.DELIVERED}
        closed = [each for each in sink.accepted if each.path == "/other"][-1].event
        assert (closed["type"], closed["data"]["condition"]["state"]) == (
            "receiver.paused",
            "closed",
        )


async def test_a_new_secret_in_its_file_is_tried_at_once(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "secret"
    file.write_text(OLD_SECRET)
    secret = FileSecret(file)
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        one.open(
            "ops",
            Channel(recipient=lambda: Recipient(name="ops", url=url, secrets=(secret.current(),))),
        )
        await one.fail("job-1")
        await one.deliver()
        stands = await one.standing()
        assert (stands.state, stands.reason) == (ReceiverState.FAILING, Result.AUTH.value)
        clock.advance(10 * SECOND)
        await one.deliver()
        assert len(sink.received) == 1
        file.write_text(f"{DEMO_WEBHOOK_SECRET}\n")
        await one.deliver()
        (row,) = await one.rows()
        assert (row.state, row.attempts) == (DeliveryState.DELIVERED, 2)


async def test_what_was_told_is_settled_even_where_nothing_more_can_be_claimed(
    tmp_path: Path,
) -> None:
    clock, readable = Clock(), [True]
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)

    def recipient() -> Recipient:
        if not readable:
            raise ConfigError(["the file of the URL is gone"])
        return webhook("ops", url)

    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        notifier = one.open("ops", Channel(recipient=recipient))
        await one.fail("job-1", "job-2")
        slow = Reply(hook=lambda _: asyncio.sleep(0.05))
        sink.script("/", Reply(), slow)
        await notifier.deliver_due()
        await asyncio.wait(notifier.running)
        readable.clear()
        with pytest.raises(ConfigError):
            await notifier.deliver_due()
        assert {row.state for row in await one.rows()} == {DeliveryState.DELIVERED}


async def test_a_new_url_in_its_file_resumes_a_receiver_that_was_gone_but_not_one_a_person_paused(
    tmp_path: Path,
) -> None:
    clock = Clock()
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        for name in ("gone", "quiet"):
            file = tmp_path / name
            file.write_text(f"{url}/old")
            secret = FileSecret(file)
            one.open(name, Channel(recipient=lambda n=name, s=secret: webhook(n, s.current())))  # type: ignore[misc]
        sink.always("/old", Reply(status=410))
        await one.store.pause_receiver("quiet")
        await one.fail("job-1")
        await one.deliver()
        assert (await one.standing("gone")).reason == PauseReason.GONE.value
        for name in ("gone", "quiet"):
            (tmp_path / name).write_text(f"{url}/new/{name}")
        await one.deliver()
        assert [each.path for each in sink.accepted] == ["/new/gone"]
        assert (await one.standing("quiet")).reason == PauseReason.COMMAND.value


async def test_a_chat_does_not_hear_old_news_and_every_old_message_is_accounted_for(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with at_work(WeCom(clock)) as robot, office(tmp_path / "db", clock) as one:
        recipient = robot.recipient("ops")
        chat = Channel(
            recipient=lambda: recipient,
            format="wecom",
            max_age=DAY,
            digest=DigestPolicy(first=3, every=MINUTE),
        )
        one.open("ops", chat, Selection(types=frozenset({EventType.FAILED})))
        await one.store.pause_receiver("ops")
        await one.fail("old-1", "old-2")
        clock.advance(DAY + SECOND)
        await one.fail("new-1")
        await one.deliver()
        assert robot.messages == []
        states = {row.job_id: (row.state, row.attempts) for row in await one.rows()}
        old = (DeliveryState.EXPIRED, 0)
        assert states == {"old-1": old, "old-2": old, "new-1": (DeliveryState.PENDING, 0)}
        await one.store.resume_receiver("ops", give_up_after=None)
        await one.deliver()
        (message,) = robot.messages
        assert "new-1" in json.dumps(message)
        assert (robot.refused, robot.exceeded) == ([], [])

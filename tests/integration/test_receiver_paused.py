"""That a receiver is paused is told to the others: once, again now and then, and when it is over."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from jobwatch.attendant import EVERY, Attendant, attend
from jobwatch.core.breaker import Breaker, PauseReason, paused
from jobwatch.core.events import EventType
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.outbox import Result
from jobwatch.core.recording import Desk
from jobwatch.core.routing import Selection, Subscription
from jobwatch.core.rules import Rules
from jobwatch.store import SqliteSettings, Store, receivers
from jobwatch.store.receivers import Stand
from jobwatch.store.tending import Tending
from jobwatch.store.values import DeliveryFilter, EventFilter
from tests import factories
from tests.contract.watcher import Clock, claim, outcome
from tests.factories import DAY, HOUR, MINUTE

ALL = (
    Subscription(receiver="ops", give_up_after=timedelta(days=3)),
    Subscription(receiver="chat", give_up_after=timedelta(hours=6)),
    Subscription(receiver="quiet", wants=Selection(types=frozenset({EventType.FAILED}))),
)


@dataclass
class Installation:
    """A store, and who looks after its receivers."""

    store: Store
    clock: Clock
    woken: int = 0
    subscriptions: Sequence[Subscription] = field(default=ALL)

    def wake(self) -> None:
        self.woken += 1

    async def look(self) -> None:
        attendant = Attendant(
            receivers=[each.receiver for each in self.subscriptions],
            desk=Desk(
                origin=factories.origin(source="", provider="", region="", account=""),
                lifecycle=Lifecycle(rows=()),
                operations=(),
                subscriptions=self.subscriptions,
                rules=Rules(remind_every=12 * HOUR),
            ),
            store=self.store,
            clock=self.clock,
            told=self.wake,
        )
        assert await attend(attendant) == EVERY

    async def gone(self, name: str) -> None:
        stand = Stand(paused(Breaker(), PauseReason.GONE, self.clock()), {}, None, None, known=True)
        await self.store._database.write(
            lambda connection: receivers.keep(connection, name, stand, self.clock())
        )

    async def told(self) -> list[dict[str, Any]]:
        """The documents of what was told, oldest first."""
        page = await self.store.events(EventFilter(type="receiver.paused"), limit=100)
        return [json.loads(each.body) for each in reversed(page.rows)]

    async def states(self) -> list[str]:
        return [each["data"]["condition"]["state"] for each in await self.told()]

    async def told_to(self) -> list[str]:
        page = await self.store.deliveries(DeliveryFilter(), limit=100)
        return [each.receiver for each in reversed(page.rows)]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Installation]:
    clock = Clock()
    settings = SqliteSettings(path=tmp_path / "jobwatch.db")
    store = await Store.open(settings, owner="a", clock=clock, exclusive=True)
    yield Installation(store, clock)
    await store.close()


async def test_a_pause_is_told_to_the_others_and_to_nobody_twice(here: Installation) -> None:
    await here.look()
    assert await here.told() == []
    await here.gone("chat")
    here.clock.advance(MINUTE)
    with capture_logs() as logs:
        for _ in range(3):
            await here.look()
    (told,) = await here.told()
    data = told["data"]
    assert (told["type"], told["source"], told["subject"]) == (
        "receiver.paused",
        "/jobwatch/jobwatch",
        "chat",
    )
    assert (data["severity"], data["reason"], data["pending"]) == ("critical", "gone", 0)
    assert data["condition"]["since"] == "2026-11-21T20:00:00Z"
    assert await here.told_to() == ["ops"]
    assert here.woken == 1
    assert [(each["event"], each["receiver"]) for each in logs if "receiver" in each] == [
        ("receiver.paused", "chat")
    ]


async def test_what_waits_and_what_went_wrong_last_is_told_with_it(here: Installation) -> None:
    await here.gone("ops")
    await here.look()  # waits for `chat` from here on
    (delivery,) = await claim(here.store, receiver="chat")
    await here.store.settle([outcome(delivery, here.clock(), Result.GONE)])
    await here.gone("chat")
    await here.look()
    data = (await here.told())[-1]["data"]
    assert (data["receiver"], data["pending"], data["error"]) == ("chat", 1, "gone (200): said")


async def test_it_is_reminded_of_and_its_end_is_told_to_whoever_heard_of_it(
    here: Installation,
) -> None:
    await here.gone("chat")
    await here.look()
    (delivery,) = await claim(here.store)
    await here.store.settle([outcome(delivery, here.clock())])
    here.clock.advance(12 * HOUR)
    await here.look()
    await here.look()
    await here.store.resume_receiver("chat", give_up_after=DAY)
    with capture_logs() as logs:
        await here.look()
        await here.look()
    assert await here.states() == ["opened", "reminded", "closed"]
    last = (await here.told())[-1]["data"]
    assert (last["severity"], last["reason"], last["error"]) == ("info", None, None)
    assert set(await here.told_to()) == {"ops"}
    assert [(each["event"], each["reason"]) for each in logs if "receiver" in each] == [
        ("receiver.resumed", "resumed")
    ]


async def test_what_came_and_went_before_anybody_heard_of_it_is_not_told(
    here: Installation,
) -> None:
    await here.gone("chat")
    await here.look()
    await here.store.resume_receiver("chat", give_up_after=DAY)
    await here.look()
    assert await here.states() == ["opened", "closed"]
    assert await claim(here.store) == []


async def test_it_is_over_when_the_receiver_is_taken_out_of_the_configuration(
    here: Installation,
) -> None:
    await here.gone("chat")
    await here.look()
    here.subscriptions = ALL[:1]
    with capture_logs() as logs:
        await here.look()
    assert await here.states() == ["opened", "closed"]
    assert [(each["event"], each["reason"]) for each in logs if "receiver" in each] == [
        ("receiver.resumed", "removed")
    ]


async def test_each_pause_is_a_condition_of_its_own(here: Installation) -> None:
    for _ in range(2):
        await here.gone("chat")
        await here.look()
        await here.store.resume_receiver("chat", give_up_after=DAY)
        here.clock.advance(HOUR)
        await here.look()
    told = await here.told()
    assert [each["data"]["condition"]["state"] for each in told] == ["opened", "closed"] * 2
    assert len({each["data"]["condition"]["id"] for each in told}) == 2
    numbers = [each["sequence"] for each in told]
    assert numbers == sorted(numbers)
    assert len({each["id"] for each in told}) == 4


async def test_a_second_teller_finds_it_told_and_goes_on(here: Installation) -> None:
    await here.gone("chat")
    before = await here.store.receivers(["chat"])
    assert before[0].reason == PauseReason.GONE

    class Late(Tending):
        """One who read what is open before somebody else wrote it."""

        async def receiver_conditions(self) -> list[Any]:
            return []

    await here.look()
    late = Late(here.store._database, here.store.created_at, "b")
    desk = Desk(
        origin=factories.origin(source=""),
        lifecycle=Lifecycle(rows=()),
        operations=(),
        subscriptions=ALL,
    )
    attendant = Attendant(
        receivers=["chat"], desk=desk, store=late, clock=here.clock, told=here.wake
    )
    assert await attend(attendant) == EVERY
    assert await here.states() == ["opened"]
    assert here.woken == 1

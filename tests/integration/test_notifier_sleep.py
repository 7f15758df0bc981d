"""The pause that a notifier asks for, whatever happened before: it ends before there is something to send."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.digest import DigestPolicy
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.muting import Silence
from jobwatch.core.outbox import RetryPolicy
from jobwatch.core.rate_gate import Rate
from jobwatch.core.routing import Subscription
from jobwatch.formats.values import Recipient
from jobwatch.notifier import BREATH, Notifier, Post
from jobwatch.store import SqliteSettings, Store
from jobwatch.store.outbox_values import Claim, Manner, Redelivery
from jobwatch.store.values import DeliveryFilter
from tests.contract.machine_sleep import what_if
from tests.contract.watcher import LEASE, Clock, Watcher, manner
from tests.factories import HOUR, MINUTE, SECOND, job
from tests.integration.delivery_rig import webhook

NAME = "chat"
ANSWERS = (200, 200, 200, 200, 503, 429, 401, 404, 400)
LOOKS = 12
"""Moments within a pause at which a claim is tried, and undone."""


def wanted(recipient: Recipient) -> Manner:
    del recipient
    rates = (Rate(4, MINUTE), Rate(2, 10 * SECOND))
    policy = DigestPolicy(first=2, every=30 * SECOND)
    return manner(NAME, rates=rates, digest=policy, max_age=4 * HOUR)


@dataclass
class Day:
    """A notifier, its outbox, and a `chance` that decides what happens next."""

    notifier: Notifier
    prod: Watcher
    clock: Clock
    chance: random.Random
    jobs: int = 0

    async def something_happens(self) -> None:
        deeds: Sequence[Callable[[], Coroutine[None, None, object]]] = (
            self.news,
            self.news,
            self.news,
            lambda: self.prod.store.mute(Silence(job="j1"), until=self.clock() + MINUTE),
            lambda: self.prod.store.pause_receiver(NAME),
            lambda: self.prod.store.resume_receiver(NAME, give_up_after=HOUR),
            lambda: self.prod.store.redeliver(
                Redelivery(receiver=NAME), give_up_after={NAME: HOUR}
            ),
            self.somebody_else_claims,
            self.clock_is_set,
        )
        await self.chance.choice(deeds)()

    async def news(self) -> None:
        first, self.jobs = self.jobs, self.jobs + self.chance.randint(1, 5)
        status = self.chance.choice(["New", "Failed"])
        await self.prod.sees(*(job(status, id=f"j{each}") for each in range(first, self.jobs)))
        await self.prod.releases_all()

    async def somebody_else_claims(self) -> None:
        """And is never heard of again."""
        how = self.notifier.post.manner(self.notifier.post.recipient())
        await self.prod.store.claim_due(Claim(manner=how, limit=1, lease=LEASE))

    async def clock_is_set(self) -> None:
        self.clock.step(self.chance.choice([-HOUR, -SECOND, MINUTE]))

    async def deliver(self) -> timedelta:
        """What the loop does until it pauses."""
        pause = timedelta()
        while self.notifier.running or pause <= BREATH:
            pause = await self.notifier.deliver_due()
            self.clock.advance(min(pause, BREATH))
        return pause - BREATH

    async def check(self, pause: timedelta) -> None:
        how = self.notifier.post.manner(self.notifier.post.recipient())
        claim = Claim(manner=how, limit=self.notifier.post.concurrency, lease=LEASE)
        for look in range(1, LOOKS):
            at = self.clock() + pause * look / LOOKS
            found = await what_if(self.prod.store, claim, at)
            assert not found.deliveries, f"asleep for {pause} while something was due at {at}"


@pytest.mark.parametrize("seed", [1, 3])
async def test_a_notifier_never_sleeps_while_something_may_be_sent(
    tmp_path: Path, seed: int
) -> None:
    clock, chance = Clock(), random.Random(seed)

    async def send(request: HttpRequest, **how: object) -> HttpResponse:
        del request, how
        status = chance.choice(ANSWERS)
        return HttpResponse(status=status, headers={}, body=b"")

    settings = SqliteSettings(path=tmp_path / "jobwatch.db")
    store = await Store.open(settings, owner="test", clock=clock, exclusive=True)
    prod = await Watcher.start(store, clock)
    prod.subscriptions = (Subscription(receiver=NAME, give_up_after=HOUR),)
    async with asyncio.TaskGroup() as group:
        notifier = Notifier(
            post=Post(
                receiver=NAME,
                format="standard",
                recipient=lambda: webhook(NAME, "https://chat.example/"),
                manner=wanted,
                policy=RetryPolicy(waits=(5 * SECOND, 30 * SECOND, 10 * MINUTE)),
                timeout=10 * SECOND,
                concurrency=3,
            ),
            store=store,
            send=send,
            attempted=lambda *_: None,
            clock=clock,
            chance=chance.random,
            spawn=group.create_task,
        )
        day = Day(notifier, prod, clock, chance)
        for _ in range(25):
            await day.something_happens()
            pause = await day.deliver()
            await day.check(pause)
            clock.advance(pause * chance.choice([0.3, 1, 1, 10]))
    told = await store.deliveries(DeliveryFilter(receiver=NAME), limit=1000)
    assert "delivered" in {each.state for each in told.rows}, "nothing was ever told"
    await store.close()

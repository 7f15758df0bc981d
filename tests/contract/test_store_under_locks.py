"""What was found by attacking the outbox with time and with a person beside the daemon: each test is named for what went wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from jobwatch.core.conditions import ConditionName
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.muting import Silence
from jobwatch.core.outbox import DeliveryState, Result, Settlement
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.outbox_values import Claim
from jobwatch.store.values import DeliveryFilter, Retention
from tests.contract.databases import Stores
from tests.contract.watcher import LEASE, Clock, Watcher, claim, manner, outcome
from tests.factories import DAY, HOUR, MINUTE, SECOND, job

POLICY = DigestPolicy(first=3, every=MINUTE)
KEPT = Retention(jobs=400 * DAY, events=400 * DAY, dead_deliveries=DAY)


@asynccontextmanager
async def locked(store: Store) -> AsyncIterator[None]:
    """Somebody else holds every delivery, as a person's order does while it is carried out."""
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        engine = store._database._engine  # type: ignore[attr-defined]
        async with engine.begin() as connection:
            await connection.execute(text("SELECT id FROM deliveries FOR UPDATE"))
            held.set()
            await go_on.wait()

    holding = asyncio.ensure_future(hold())
    await held.wait()
    try:
        yield
    finally:
        go_on.set()
        await holding


@pytest.mark.parametrize("jobs", [2, 12])
async def test_a_chat_does_not_sleep_over_news_that_somebody_held_for_a_moment(
    server_stores: Stores, clock: Clock, jobs: int
) -> None:
    prod = await Watcher.start(await server_stores.open(), clock)
    prod.subscriptions = (Subscription(receiver="chat"),)
    await prod.sees(*(job(id=f"j{number}") for number in range(jobs)))
    wanted = Claim(manner=manner("chat", digest=POLICY), limit=20, lease=LEASE)
    async with locked(prod.store):
        claimed = await prod.store.claim_due(wanted)
    assert not claimed.deliveries
    assert claimed.again_at is not None
    clock.advance(max(SECOND, claimed.again_at - clock()))
    assert (await prod.store.claim_due(wanted)).deliveries


async def test_who_may_have_heard_an_opening_that_was_given_up_hears_its_end_although_it_was_forgotten(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    prod.subscriptions = (Subscription(receiver="ops"),)
    await prod.sees(job())
    (news,) = await claim(prod.store)
    await prod.store.settle([outcome(news, clock())])
    opened = await prod.opens(ConditionName.STALLED)
    (opening,) = await claim(prod.store)
    timed_out = outcome(opening, clock(), Result.TIMEOUT).attempt
    await prod.store.settle(
        [Settlement(delivery=opening, attempt=timed_out, state=DeliveryState.DEAD)]
    )
    await prod.store.mute(Silence(), until=clock() + HOUR)
    await prod.reminds(opened)
    clock.advance(2 * DAY)
    await prod.store.prune(KEPT, clock())
    (still_open,) = [each.condition for each in await prod.open_conditions()]
    await prod.closes(still_open)
    told = (await prod.store.deliveries(DeliveryFilter(receiver="ops"), limit=10)).rows
    assert [each.state for each in told].count(DeliveryState.PENDING) == 1

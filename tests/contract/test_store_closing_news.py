"""Contract of closings: who may have heard that a condition opened hears that it closed, and nobody else."""

from dataclasses import replace

import pytest

from jobwatch.core.census import DELIVERIES, Series
from jobwatch.core.conditions import ConditionState
from jobwatch.core.model import JobKey
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.routing import Selection, Subscription
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter
from tests.contract.watcher import (
    LEASE,
    OPS,
    Clock,
    Watcher,
    claim,
    outcome,
    returned,
    send_all,
)
from tests.factories import SECOND, job

KEY = JobKey("", "job-1")


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    """One job that was told already."""
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    await watcher.sees(job())
    await send_all(store, clock())
    return watcher


async def told_of(store: Store, receiver: str = "ops") -> list[tuple[str, str]]:
    """Type and state of each delivery but the first, oldest first."""
    rows = (await store.deliveries(DeliveryFilter(receiver=receiver), limit=100)).rows
    return [(row.event_type, row.state.value) for row in reversed(rows)][1:]


async def routes(store: Store) -> list[dict[str, str]]:
    return [each.routes for each in await store.job_events("prod", KEY)]


async def test_what_came_and_went_untold_is_no_news(prod: Watcher) -> None:
    opened = await prod.opens()
    await prod.closes(opened)
    assert await told_of(prod.store) == [("job.stalled", "superseded")]
    assert (await routes(prod.store))[1:] == [{"ops": "wanted"}, {"ops": "superseded"}]
    series = {each.series: each.value for each in (await prod.store.overview()).series}
    assert series[Series(DELIVERIES, ("superseded",))] == 1


async def test_who_was_told_the_opening_is_told_the_closing(prod: Watcher, clock: Clock) -> None:
    opened = await prod.opens()
    await send_all(prod.store, clock())
    nothing = Subscription(receiver="ops", wants=Selection(types=frozenset()))
    prod.subscriptions = (nothing, Subscription(receiver="new"))
    await prod.closes(opened)
    assert await told_of(prod.store) == [("job.stalled", "delivered"), ("job.stalled", "pending")]
    assert (await routes(prod.store))[-1] == {
        "ops": "told_of_opening",
        "new": "not_told_of_opening",
    }


@pytest.mark.parametrize("ends", ["on its way", "failed", "gave up"])
async def test_who_may_have_heard_the_opening_is_told_the_closing(
    prod: Watcher, clock: Clock, ends: str
) -> None:
    opened = await prod.opens()
    (sent,) = await claim(prod.store)
    if ends == "failed":
        await prod.store.settle([outcome(sent, clock(), Result.TIMEOUT)])
    if ends == "gave up":
        await prod.store.settle([replace(outcome(sent, clock()), state=DeliveryState.DEAD)])
    await prod.closes(opened)
    states = {"on its way": "claimed", "failed": "pending", "gave up": "dead"}
    assert await told_of(prod.store) == [
        ("job.stalled", states[ends]),
        ("job.stalled", "pending"),
    ]


async def test_what_was_cut_off_while_it_was_sent_may_have_arrived_and_its_closing_is_told(
    prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    (sent,) = await claim(prod.store)
    await prod.store.settle([returned(sent, clock())])
    await prod.closes(opened)
    assert await told_of(prod.store) == [("job.stalled", "pending"), ("job.stalled", "pending")]


async def test_each_receiver_hears_the_closing_by_what_it_heard_before(
    prod: Watcher, clock: Clock
) -> None:
    prod.subscriptions = (OPS, Subscription(receiver="slow"))
    opened = await prod.opens()
    await send_all(prod.store, clock())
    written = await prod.closes(opened)
    assert written.deliveries == 1
    assert (await told_of(prod.store))[-1] == ("job.stalled", "pending")
    slow = (await prod.store.deliveries(DeliveryFilter(receiver="slow"), limit=10)).rows
    assert [each.state.value for each in slow] == ["superseded"]
    assert (await routes(prod.store))[-1] == {"ops": "told_of_opening", "slow": "superseded"}


async def test_an_untried_reminder_is_dropped_when_its_condition_closes(
    prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    await send_all(prod.store, clock())
    reminded = await prod.reminds(opened)
    await prod.closes(reminded)
    assert await told_of(prod.store) == [
        ("job.stalled", "delivered"),
        ("job.stalled", "superseded"),
        ("job.stalled", "pending"),
    ]


async def test_an_ending_takes_the_untold_opening_with_it_and_the_closing_is_no_news(
    prod: Watcher,
) -> None:
    opened = await prod.opens()
    notice = prod.notice(ConditionState.CLOSED, opened, await prod.snapshot())
    batch = replace(await prod.batch(job("Failed")), notices=(notice,))
    await prod.store.record(prod.lease, batch)
    assert await told_of(prod.store) == [("job.stalled", "superseded"), ("job.failed", "pending")]
    assert (await routes(prod.store))[-1] == {"ops": "superseded"}


@pytest.mark.parametrize("together", [True, False])
async def test_a_closing_is_told_although_its_job_ended(
    prod: Watcher, clock: Clock, *, together: bool
) -> None:
    opened = await prod.opens()
    await send_all(prod.store, clock())
    snapshot = await prod.snapshot()
    notice = prod.notice(ConditionState.CLOSED, opened, snapshot)
    if together:
        batch = replace(await prod.batch(job("Failed")), notices=(notice,))
        await prod.store.record(prod.lease, batch)
    else:
        await prod.tells(notice)
        await prod.sees(job("Failed"))
    await prod.releases_all()
    told = []
    for _ in range(2):
        told += await send_all(prod.store, clock())
    assert sorted(each.event_type for each in told) == ["job.failed", "job.stalled"]


async def test_a_closing_that_comes_back_after_the_ending_is_still_told(
    prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    await send_all(prod.store, clock())
    await prod.closes(opened)
    await claim(prod.store)
    await prod.sees(job("Failed"))
    clock.advance(LEASE + SECOND)
    (closing,) = await claim(prod.store)
    assert closing.event_type == "job.stalled"
    await prod.store.settle([outcome(closing, clock(), Result.TIMEOUT, again_in=SECOND)])
    clock.advance(SECOND)
    assert [each.id for each in await claim(prod.store)] == [closing.id]


async def test_a_tried_opening_that_an_ending_superseded_may_have_been_heard(
    prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    (sent,) = await claim(prod.store)
    await prod.store.settle([outcome(sent, clock(), Result.TIMEOUT)])
    await prod.sees(job("Failed"))
    await prod.closes(opened)
    assert await told_of(prod.store) == [
        ("job.stalled", "superseded"),
        ("job.failed", "pending"),
        ("job.stalled", "pending"),
    ]

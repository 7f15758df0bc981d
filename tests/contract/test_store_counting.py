"""Contract of `Store.record`: what it counts, and what an ending supersedes."""

from jobwatch.core.census import DELIVERIES, EVENTS, FINISHED, LAST_FINISHED, TRANSITIONS, Series
from jobwatch.core.diff import Authority
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter
from tests.contract.watcher import Clock, Watcher, claim, outcome, send_all
from tests.factories import MINUTE, NOW, job


async def counters(store: Store) -> dict[tuple[str, Series], float]:
    return {(each.subject, each.series): each.value for each in (await store.overview()).series}


async def test_counters_move_with_what_they_count(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job(), job(id="job-2"))
    clock.advance(MINUTE)
    await prod.sees(job("Failed", ended_at=clock()), job("Failed", id="job-2", ended_at=clock()))
    found = await counters(prod.store)
    assert found["prod", Series(TRANSITIONS, ("Copy", "Failed"))] == 2
    assert found["prod", Series(FINISHED, ("Copy", "failed"))] == 2
    assert found["prod", Series(EVENTS, ("job.failed",))] == 2
    assert found["prod", Series(EVENTS, ("job.discovered",))] == 2
    assert found["prod", Series(LAST_FINISHED, ("Copy", "failed"))] == clock().timestamp()


async def test_a_gauge_of_time_never_goes_back(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job("Failed", id="a"))
    clock.advance(-MINUTE)
    await prod.sees(job("Failed", id="b"))
    found = await counters(prod.store)
    assert found["prod", Series(LAST_FINISHED, ("Copy", "failed"))] == NOW.timestamp()


async def test_an_ending_supersedes_pending_news_of_its_job_for_each_receiver(
    prod: Watcher,
) -> None:
    await prod.sees(job(), job(id="other"))
    await prod.sees(job("Paused"))
    await prod.sees(job("Failed"))
    rows = (
        await prod.store.deliveries(DeliveryFilter(receiver="ops", job_id="job-1"), limit=10)
    ).rows
    assert [each.state for each in rows] == [
        DeliveryState.PENDING,
        DeliveryState.SUPERSEDED,
        DeliveryState.SUPERSEDED,
    ]
    assert rows[1].settled_at == NOW
    (other,) = (await prod.store.deliveries(DeliveryFilter(job_id="other"), limit=10)).rows
    assert other.state is DeliveryState.PENDING
    found = await counters(prod.store)
    assert found["ops", Series(DELIVERIES, ("superseded",))] == 2


async def test_an_ending_supersedes_no_ending_and_nothing_that_was_sent(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    await send_all(prod.store, clock())
    await prod.sees(job("Failed"))
    clock.advance(MINUTE)
    await prod.sees(job("Done", ended_at=NOW), authority=Authority.DESCRIBE)
    rows = (await prod.store.deliveries(DeliveryFilter(receiver="ops"), limit=10)).rows
    assert [each.state for each in rows] == [
        DeliveryState.PENDING,
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
    ]


async def test_news_that_is_being_sent_is_not_superseded_until_it_comes_back(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    await prod.sees(job("Failed"))
    assert await delivery_states(prod.store) == ["pending", "claimed"]
    await prod.store.settle([outcome(sent, clock(), Result.TIMEOUT)])
    assert await delivery_states(prod.store) == ["pending", "superseded"]


async def delivery_states(store: Store) -> list[str]:
    rows = (await store.deliveries(DeliveryFilter(receiver="ops"), limit=10)).rows
    return [each.state.value for each in rows]

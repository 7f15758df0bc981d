"""Contract of the order in which a receiver is told about one job."""

import pytest

from jobwatch.core.census import DELIVERIES, Series
from jobwatch.core.diff import Authority
from jobwatch.core.outbox import Result
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.contract.watcher import (
    LEASE,
    OPS,
    OTHER,
    Clock,
    Watcher,
    claim,
    next_due,
    outcome,
    returned,
)
from tests.factories import MINUTE, NOW, SECOND, job


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    return watcher


async def rows(store: Store) -> list[DeliveryRow]:
    """Oldest first."""
    found = await store.deliveries(DeliveryFilter(receiver="ops"), limit=1000)
    return list(reversed(found.rows))


async def counted(store: Store) -> dict[Series, float]:
    return {
        each.series: each.value for each in (await store.overview()).series if each.subject == "ops"
    }


async def test_news_of_a_job_is_told_in_order(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job(), job(id="other"))
    await prod.sees(job("Paused"))
    first = await claim(prod.store)
    assert [each.event_type for each in first] == ["job.discovered", "job.discovered"]
    assert await claim(prod.store) == []
    assert await next_due(prod.store) == NOW + LEASE
    await prod.store.settle([outcome(each, clock()) for each in first])
    (second,) = await claim(prod.store)
    assert second.event_type == "job.status_changed"


async def test_news_waits_for_earlier_news_in_backoff(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    await prod.sees(job("Paused"))
    (first,) = await claim(prod.store)
    await prod.store.settle([outcome(first, clock(), Result.TIMEOUT)])
    assert await claim(prod.store) == []
    assert await next_due(prod.store) == NOW + MINUTE


async def test_news_waits_for_earlier_news_that_is_not_released(prod: Watcher) -> None:
    await prod.sees(job("Held"))
    await prod.sees(job("Active"))
    assert await claim(prod.store) == []
    await prod.releases_all()
    assert [each.event_type for each in await claim(prod.store)] == ["job.discovered"]


async def test_the_same_job_id_in_another_scope_or_source_does_not_wait(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await prod.sees(job(scope="v1"), job(scope="v2"))
    await other.sees(job(scope="v1"))
    assert len(await claim(store)) == 3


@pytest.mark.parametrize("comes_back", ["settled", "given back", "lease ran out", "shutdown"])
async def test_news_that_comes_back_after_the_ending_is_superseded(
    prod: Watcher, clock: Clock, comes_back: str
) -> None:
    await prod.sees(job())
    (news,) = await claim(prod.store)
    await prod.sees(job("Failed"))
    await prod.releases_all()
    assert await claim(prod.store) == []
    match comes_back:
        case "settled":
            await prod.store.settle([outcome(news, clock(), Result.TIMEOUT)])
        case "given back":
            await prod.store.settle([returned(news, clock())])
        case "shutdown":
            await prod.store.give_back("a")
        case _:
            clock.advance(LEASE + SECOND)
    (ending,) = await claim(prod.store)
    assert ending.event_type == "job.failed"
    assert [each.state for each in await rows(prod.store)] == ["superseded", "claimed"]
    assert (await counted(prod.store))[Series(DELIVERIES, ("superseded",))] == 1


async def test_an_ending_is_never_superseded(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job("Failed"))
    await prod.releases_all()
    (first,) = await claim(prod.store)
    await prod.sees(job("Done", ended_at=NOW), authority=Authority.DESCRIBE)
    await prod.store.settle([outcome(first, clock(), Result.TIMEOUT)])
    assert [each.state for each in await rows(prod.store)] == ["pending", "pending"]

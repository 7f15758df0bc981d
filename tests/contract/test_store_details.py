"""Contract of events that wait for detail, and of their release."""

import json

from jobwatch.core.model import FailureReason, JobKey
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter, EventFilter, Release
from tests import factories
from tests.contract.databases import Stores
from tests.contract.watcher import OTHER, Clock, Watcher, claim, next_due
from tests.factories import MINUTE, NOW, SECOND, job


async def waiting_id(watcher: Watcher) -> str:
    (waiting,) = await watcher.store.awaiting_detail(watcher.lease, limit=10)
    return waiting.event_id


async def test_an_event_that_needs_detail_waits_with_its_jobs_snapshot(prod: Watcher) -> None:
    await prod.sees(job(id="running"), job("Failed", scope="v1"))
    (waiting,) = await prod.store.awaiting_detail(prod.lease, limit=10)
    assert (waiting.key, waiting.event_type) == (JobKey("v1", "job-1"), "job.failed")
    assert waiting.snapshot == await prod.snapshot(scope="v1")
    assert (waiting.observed_at, waiting.detail_until) == (NOW, NOW + 2 * MINUTE)
    assert await prod.store.next_detail_deadline(prod.lease) == NOW + 2 * MINUTE


async def test_the_most_urgent_wait_first_and_only_those_of_the_source(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await other.sees(job("Failed"))
    await prod.sees(job("Failed", id="a"))
    clock.advance(SECOND)
    await prod.sees(job("Failed", id="b"))
    first = await store.awaiting_detail(prod.lease, limit=1)
    assert [each.key.id for each in first] == ["a"]
    both = await store.awaiting_detail(prod.lease, limit=10)
    assert [each.key.id for each in both] == ["a", "b"]


async def test_nothing_waits_where_no_event_needs_detail(prod: Watcher) -> None:
    await prod.sees(job())
    assert await prod.store.awaiting_detail(prod.lease, limit=10) == []
    assert await prod.store.next_detail_deadline(prod.lease) is None


async def test_a_delivery_is_not_claimed_before_its_event_is_released(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job("Failed"))
    assert await claim(prod.store) == []
    assert await next_due(prod.store) is None
    clock.advance(SECOND)
    await prod.releases_all()
    assert await next_due(prod.store) == NOW
    assert len(await claim(prod.store)) == 1


async def test_a_released_event_tells_its_detail_and_the_job_keeps_it(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    found = factories.detail(
        status_reason="why", failures=(FailureReason(code="X", message="m\x00"),)
    )
    release = Release(event_id=await waiting_id(prod), detail=found)
    assert await prod.store.release(prod.lease, [release]) == 1
    (sent,) = await claim(prod.store)
    told = json.loads(sent.body)["data"]["detail"]
    assert told["status_reason"] == "why"
    kept = await prod.store.job("prod", JobKey("", "job-1"))
    assert kept is not None
    assert kept.detail == told


async def test_an_event_released_without_detail_says_why(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    await prod.releases_all()
    (sent,) = await claim(prod.store)
    data = json.loads(sent.body)["data"]
    assert (data["detail"], data["detail_error"]) == (None, "gone")
    kept = await prod.store.job("prod", JobKey("", "job-1"))
    assert kept is not None
    assert kept.detail is None


async def test_a_second_release_changes_nothing(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    event_id = await waiting_id(prod)
    await prod.store.release(prod.lease, [Release(event_id=event_id, detail=None, error="first")])
    before = await prod.store.event(event_id)
    again = Release(event_id=event_id, detail=factories.detail(status_reason="late"))
    assert await prod.store.release(prod.lease, [again]) == 0
    assert await prod.store.event(event_id) == before
    kept = await prod.store.job("prod", JobKey("", "job-1"))
    assert kept is not None
    assert kept.detail is None


async def test_an_event_of_another_source_or_none_is_not_released(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await other.sees(job("Failed"))
    foreign = Release(event_id=await waiting_id(other), detail=None)
    unknown = Release(event_id="evt_nothing", detail=None)
    assert await store.release(prod.lease, [foreign, unknown]) == 0
    assert await store.release(prod.lease, []) == 0


async def test_a_crash_between_record_and_release_keeps_the_event_held(
    stores: Stores, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job("Failed"))
    event_id = await waiting_id(prod)
    await prod.store.close()
    reopened = await Watcher.start(await stores.open("a"), clock)
    assert await claim(reopened.store) == []
    assert await waiting_id(reopened) == event_id
    assert await reopened.releases_all() == 1


async def test_an_event_waits_with_the_snapshot_as_it_is_now(prod: Watcher) -> None:
    await prod.sees(job("Held"))
    await prod.sees(job("Active"))
    (waiting,) = await prod.store.awaiting_detail(prod.lease, limit=10)
    assert (waiting.event_type, waiting.snapshot.job.status) == ("job.discovered", "Active")


async def test_a_waiting_event_is_shown_as_not_released(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    (shown,) = (await prod.store.events(EventFilter(), limit=10)).rows
    assert not shown.released
    (first, _) = (await prod.store.deliveries(DeliveryFilter(), limit=10)).rows
    assert first.event_id == shown.id

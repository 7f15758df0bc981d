"""Contract of what the rules are held against, and of what a sweep asks about unfinished jobs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobwatch.core.absence import vanish
from jobwatch.core.model import JobKey, Outcome
from jobwatch.core.recording import batch_for
from jobwatch.core.rules import FailingRule, Horizon
from jobwatch.store import Store
from tests import factories
from tests.contract.watcher import OTHER, Clock, Watcher
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, job, progress

HUGE = 2**63 - 1


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = ()
    return watcher


async def kept(prod: Watcher, job_id: str, **fields: Any) -> None:
    """Have a job whose snapshot has these times, whatever led to it."""
    status = fields.pop("status", "Active")
    of_job: dict[str, Any] = {"created_at": NOW, "progress": None}
    of_job |= {name: fields.pop(name) for name in of_job if name in fields}
    await prod.sees(job(status, id=job_id))
    before = await prod.snapshot(job_id)
    times: dict[str, Any] = {"status_since": NOW, "progressed_at": NOW}
    changed = replace(before.job, **of_job)
    after = replace(before, job=changed, version=2, **(times | fields))
    change = factories.change(before=before, after=after)
    await prod.store.record(prod.lease, batch_for([change], prod.desk, recorded_at=NOW))


async def within(prod: Watcher, **limits: Any) -> list[str]:
    found = await prod.store.possibly(prod.lease, Horizon(**limits))
    return [snapshot.job.id for snapshot in found]


async def test_an_empty_horizon_reads_nobody(prod: Watcher) -> None:
    await kept(prod, "old", status_since=NOW - DAY, progressed_at=NOW - DAY)
    assert await within(prod) == []


async def test_a_job_is_read_for_each_of_its_times_up_to_the_very_limit(prod: Watcher) -> None:
    limit = NOW - HOUR
    await kept(prod, "progressed", progressed_at=limit)
    await kept(prod, "stuck", status="New", status_since=limit)
    await kept(prod, "waits", status="Held", status_since=limit)
    await kept(prod, "created", created_at=limit)
    for status in ("Active", "New", "Held"):
        await kept(prod, f"{status} later", status=status, status_since=limit + SECOND)
    assert await within(prod, progressed_before=limit) == ["progressed"]
    assert await within(prod, stuck_before=limit, passing=("New",)) == ["stuck"]
    assert await within(prod, waiting_before=limit) == ["waits"]
    assert await within(prod, created_before=limit) == ["created"]
    assert await within(prod, progressed_before=limit, created_before=limit) == [
        "progressed",
        "created",
    ]


async def test_a_job_that_never_progressed_stands_still_since_its_status_began(
    prod: Watcher,
) -> None:
    await kept(prod, "never", progressed_at=None, status_since=NOW - DAY)
    assert await within(prod, progressed_before=NOW - HOUR) == ["never"]


async def test_a_job_without_a_time_of_creation_is_never_overdue(prod: Watcher) -> None:
    await kept(prod, "unborn", created_at=None)
    assert await within(prod, created_before=NOW + DAY) == []


async def test_jobs_that_fail_are_read_even_where_their_counts_overflow(prod: Watcher) -> None:
    await kept(prod, "few", progress=progress(succeeded=2, failed=1))
    await kept(prod, "enough", progress=progress(succeeded=2, failed=2))
    await kept(prod, "well", progress=progress(succeeded=9, failed=0))
    await kept(prod, "rarely", progress=progress(succeeded=9, failed=1))
    await kept(prod, "huge", progress=progress(succeeded=HUGE, failed=HUGE))
    await kept(prod, "uncounted", progress=None)
    rule = FailingRule(ratio=0.5, min_finished=4)
    assert await within(prod, failing=rule) == ["enough", "huge"]


async def test_ended_jobs_and_those_of_other_sources_are_not_read(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await other.sees(job(id="theirs"))
    await prod.sees(job("Failed", id="ended"), job(id="ours"))
    assert await within(prod, created_before=NOW + DAY) == ["ours"]


async def test_what_is_read_is_the_whole_snapshot(prod: Watcher) -> None:
    await prod.sees(job())
    horizon = Horizon(created_before=NOW + DAY)
    assert await prod.store.possibly(prod.lease, horizon) == [await prod.snapshot()]


async def test_rows_of_unfinished_jobs_come_in_order(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job("Paused", id="a"), job("Failed", id="b"), job("New", id="c"))
    other = await Watcher.start(store, clock, OTHER)
    await other.sees(job(id="d"))
    assert await store.unfinished_rows(prod.lease) == [1, 3]
    assert await store.unfinished_rows(other.lease) == [1]


async def test_jobs_that_wait_for_a_person_are_counted(prod: Watcher) -> None:
    await prod.sees(job("Held", id="a"), job("Held", id="b"), job(id="c"))
    await prod.sees(job("Cancelled", id="b"))
    assert await prod.store.count_waiting(prod.lease) == 1


async def test_jobs_proved_gone_are_counted_until_they_vanish(prod: Watcher) -> None:
    await kept(prod, "gone", missing_since=NOW - MINUTE, missing_proved_at=NOW)
    await kept(prod, "missing", missing_since=NOW - MINUTE)
    assert await prod.store.count_gone(prod.lease) == 1
    assert await prod.store.count_unfinished(prod.lease) == 2
    gone = await prod.snapshot("gone")
    change = vanish(gone, factories.watch())
    await prod.store.record(prod.lease, batch_for([change], prod.desk, recorded_at=NOW))
    assert await prod.store.count_gone(prod.lease) == 0
    assert await prod.store.unfinished_rows(prod.lease) == [2]


async def test_a_vanished_job_is_read_back_as_it_was_and_leaves_like_an_ended_one(
    prod: Watcher,
) -> None:
    await prod.sees(job())
    change = vanish(await prod.snapshot(), factories.watch())
    await prod.store.record(prod.lease, batch_for([change], prod.desk, recorded_at=NOW))
    found = await prod.snapshot()
    assert found == change.after
    assert (found.outcome, found.job.status) == (Outcome.VANISHED, "Active")
    (told,) = (await prod.store.job_events("prod", JobKey("", "job-1")))[1:]
    assert (told.event.type, told.event.released) == ("job.vanished", True)
    assert not (await prod.store.overview()).census
    assert await prod.store.mark_left(prod.lease, [1], NOW + timedelta(hours=1)) == 1

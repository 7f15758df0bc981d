"""Contract of `Store.record`: one transaction for snapshots, events, deliveries and counters."""

import json
from dataclasses import replace

import pytest

from jobwatch.core.absence import missing
from jobwatch.core.census import Series
from jobwatch.core.diff import Authority, refuse
from jobwatch.core.errors import FenceLost, StaleWrite
from jobwatch.core.model import JobKey, Outcome
from jobwatch.core.recording import Batch, batch_for
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter, EventFilter, Recorded
from tests import factories
from tests.contract.watcher import OTHER, Clock, Watcher, claim
from tests.factories import DAY, MINUTE, NOW, job, progress


async def counters(store: Store) -> dict[tuple[str, Series], float]:
    return {(each.subject, each.series): each.value for each in (await store.overview()).series}


async def test_an_empty_batch_writes_nothing_and_needs_no_lease(
    store: Store, prod: Watcher
) -> None:
    nobody = replace(prod.lease, owner="nobody")
    assert await store.record(nobody, await prod.batch()) == Recorded()


async def test_a_recorded_snapshot_is_read_back_as_it_was(prod: Watcher) -> None:
    seen = job(fingerprint=2**64 - 1, progress=progress(3, 1), ended_at=NOW, priority=None)
    batch = await prod.batch(seen)
    written = await prod.store.record(prod.lease, batch)
    expected = replace(batch.entries[0].change.after, row=written.rows[seen.key])
    assert await prod.snapshot() == expected


async def test_a_job_without_counters_times_or_words_is_read_back_as_it_was(prod: Watcher) -> None:
    bare = job(progress=None, created_at=None, operation="", description="", priority=None)
    await prod.sees(bare)
    assert (await prod.snapshot()).job == bare


async def test_every_field_of_a_changed_snapshot_is_written(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    before = await prod.snapshot()
    after = replace(
        before,
        job=job("Failed", fingerprint=7, description="renamed", priority=1),
        version=2,
        outcome=Outcome.FAILED,
        observed_at=clock() + MINUTE,
        status_since=NOW + MINUTE,
        started_at=NOW,
        progressed_at=NOW + MINUTE,
        counted=True,
        refused=2**63,
        missing_since=NOW,
        missing_proved_at=NOW + MINUTE,
        left_at=NOW + DAY,
    )
    change = factories.change(before=before, after=after)
    await prod.store.record(prod.lease, batch_for([change], prod.desk, recorded_at=clock()))
    assert await prod.snapshot() == after


async def test_rows_are_dense_per_source_and_ascend(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    first = await prod.sees(job(id="a"), job(id="b"))
    other = await Watcher.start(store, clock, OTHER)
    elsewhere = await other.sees(job(id="a"))
    second = await prod.sees(job(id="c"))
    assert [*first.rows.values(), *second.rows.values()] == [1, 2, 3]
    assert [*elsewhere.rows.values()] == [1]


async def test_the_same_id_in_two_scopes_is_two_jobs(prod: Watcher) -> None:
    await prod.sees(job(scope="v1"), job("New", scope="v2"))
    assert (await prod.snapshot(scope="v1")).job.status == "Active"
    assert (await prod.snapshot(scope="v2")).job.status == "New"


@pytest.mark.parametrize(
    "job_id",
    [
        "-starts-with-a-dash",
        'it\'s "quoted"; DROP TABLE jobs',
        "任务 🎉",
        "per%cent_",
        "back\\slash",
        "a:b?c",
        " ",
    ],
)
async def test_an_odd_id_is_kept_verbatim(prod: Watcher, job_id: str) -> None:
    await prod.sees(job(id=job_id, description=job_id))
    await prod.sees(job("Paused", id=job_id, description=job_id))
    found = await prod.snapshot(job_id)
    assert (found.job.id, found.job.description, found.version) == (job_id, job_id, 2)


async def test_a_nul_is_replaced_and_the_job_still_found(prod: Watcher) -> None:
    odd = "nul\x00nul"
    await prod.sees(job(id=odd, description=odd))
    await prod.sees(job("Paused", id=odd, description=odd))
    found = await prod.snapshot(odd)
    assert found.key == JobKey("", odd)
    assert (found.job.description, found.version) == ("nul\ufffdnul", 2)
    changes = await prod.store.changes("prod", JobKey("", odd))
    assert [each.kind for each in changes] == ["discovered", "status_changed"]


async def test_half_a_surrogate_is_replaced_and_the_job_still_found(prod: Watcher) -> None:
    prod.baselined = False
    odd = "half\ud800 \U0001f389"
    await prod.sees(job("Failed", id=odd, description=odd, ended_at=NOW - 2 * DAY))
    found = await prod.snapshot(odd)
    assert (found.key, found.job.description) == (JobKey("", odd), "half\ufffd \U0001f389")


async def test_counts_beyond_64_bits_are_capped(prod: Watcher) -> None:
    await prod.sees(job(progress=progress(2**70, 2**70, 2**70), priority=2**70))
    kept = (await prod.snapshot()).job
    assert kept.progress == progress(2**63 - 1, 2**63 - 1, 2**63 - 1)
    (row,) = (await prod.store.overview()).census
    assert row.remaining == 0


async def test_a_change_of_another_version_than_was_read_writes_nothing(prod: Watcher) -> None:
    await prod.sees(job(), job(id="job-2"))
    stale = await prod.batch(job("Paused"), job("Paused", id="job-2"))
    await prod.sees(job("Failed"))
    before = await prod.store.overview()
    with pytest.raises(StaleWrite):
        await prod.store.record(prod.lease, stale)
    assert (await prod.snapshot("job-2")).job.status == "Active"
    assert (await prod.store.overview()).series == before.series
    assert (await prod.store.source(prod.lease)).sequence == before.sources[0].sequence


async def test_a_new_job_that_was_recorded_meanwhile_writes_nothing(prod: Watcher) -> None:
    twice = await prod.batch(job(id="new"), job())
    await prod.sees(job())
    with pytest.raises(StaleWrite):
        await prod.store.record(prod.lease, twice)
    assert await prod.store.known(prod.lease, [JobKey("", "new")]) == {}


async def test_a_lost_fence_writes_nothing(prod: Watcher) -> None:
    batch = await prod.batch(job("Failed"))
    stolen = await prod.store.acquire("prod", lease=MINUTE)
    assert stolen is not None
    with pytest.raises(FenceLost):
        await prod.store.record(prod.lease, batch)
    assert await prod.store.known(stolen, [JobKey("", "job-1")]) == {}
    assert (await prod.store.events(EventFilter(), limit=10)).rows == ()


async def test_an_event_has_its_sequence_its_id_and_its_document(prod: Watcher) -> None:
    await prod.sees(job(id="a"), job(id="b"))
    first, second = reversed((await prod.store.events(EventFilter(), limit=10)).rows)
    document = json.loads(second.body)
    assert (first.sequence, second.sequence) == (1, 2)
    assert document["id"] == second.id
    assert document["sequence"] == "00000000000000000002"
    assert (second.type, second.job_id, second.source, second.released) == (
        "job.discovered",
        "b",
        "prod",
        True,
    )


async def test_each_receiver_that_wants_an_event_gets_one_delivery(prod: Watcher) -> None:
    written = await prod.sees(job("Failed"))
    assert (written.events, written.deliveries) == (1, 2)
    await prod.sees(job(id="other"))
    rows = (await prod.store.deliveries(DeliveryFilter(), limit=10)).rows
    assert [(each.receiver, each.job_id) for each in rows] == [
        ("ops", "other"),
        ("chat", "job-1"),
        ("ops", "job-1"),
    ]
    assert {each.reason for each in rows} == {"wanted"}


async def test_a_delivery_ends_so_long_after_its_event_was_recorded(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    clock.advance(MINUTE)
    (sent,) = await claim(prod.store)
    assert (sent.recorded_at, sent.deadline) == (NOW, NOW + 3 * DAY)


async def test_a_receiver_without_a_budget_has_no_deadline(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    await prod.releases_all()
    (sent,) = await claim(prod.store, receiver="chat")
    assert sent.deadline is None


async def test_a_change_is_kept_with_why_each_receiver_was_told_or_was_not(prod: Watcher) -> None:
    await prod.sees(job())
    (kept,) = await prod.store.changes("prod", JobKey("", "job-1"))
    assert kept.routes == {"ops": "wanted", "chat": "type_not_wanted"}
    assert (kept.kind, kept.status_before, kept.status_after) == ("discovered", None, "Active")
    assert kept.event_id == (await prod.store.events(EventFilter(), limit=1)).rows[0].id


async def test_progress_is_recorded_and_no_change_kept_of_it(prod: Watcher) -> None:
    await prod.sees(job())
    written = await prod.sees(job(progress=progress(5)))
    assert (written.events, (await prod.snapshot()).version) == (0, 2)
    assert len(await prod.store.changes("prod", JobKey("", "job-1"))) == 1


async def test_history_is_recorded_without_change_event_or_count(prod: Watcher) -> None:
    prod.baselined = False
    await prod.sees(job("Failed", ended_at=NOW - 2 * DAY))
    assert (await prod.snapshot()).outcome is Outcome.FAILED
    assert await prod.store.changes("prod", JobKey("", "job-1")) == []
    assert await counters(prod.store) == {}


async def test_a_missing_job_and_a_refused_listing_are_kept_as_changes(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    watch = factories.watch(observed_at=clock())
    absent = missing(await prod.snapshot(), watch, vanished_after=MINUTE)
    assert absent is not None
    await prod.store.record(prod.lease, batch_for([absent], prod.desk, recorded_at=clock()))
    doubted = refuse(await prod.snapshot(), job(fingerprint=2**64 - 2), watch)
    await prod.store.record(prod.lease, batch_for([doubted], prod.desk, recorded_at=clock()))
    kept = await prod.store.changes("prod", JobKey("", "job-1"))
    assert [each.kind for each in kept] == ["discovered", "missing", "refused"]
    assert kept[2].authority == Authority.DESCRIBE
    assert ((await prod.snapshot()).refused, (await prod.snapshot()).missing_since) == (
        2**64 - 2,
        NOW,
    )


async def test_five_thousand_changes_and_as_many_new_jobs_fit_into_one_batch(prod: Watcher) -> None:
    prod.subscriptions = ()
    prod.baselined = False
    first = [job(id=f"a{number}") for number in range(6000)]
    await prod.sees(*first)
    second = [job(id=f"b{number}") for number in range(6000)]
    moved = [replace(each, progress=progress(1)) for each in first]
    written = await prod.sees(*moved, *second)
    assert len(written.rows) == 12_000
    assert (await prod.snapshot("a5999")).version == 2


async def test_a_job_that_stands_twice_in_one_batch_is_refused(prod: Watcher) -> None:
    await prod.sees(job())
    batch = await prod.batch(job("Paused"))
    twice = Batch(entries=batch.entries * 2, counts=batch.counts, recorded_at=batch.recorded_at)
    with pytest.raises(StaleWrite):
        await prod.store.record(prod.lease, twice)

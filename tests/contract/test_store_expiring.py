"""Contract of output that expires: kept with its job, found in time, told once with the mark that says so."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from jobwatch.core.diff import ChangeKind
from jobwatch.core.errors import FenceLost, StaleWrite
from jobwatch.core.events import EventType
from jobwatch.core.model import Job, JobKey
from jobwatch.core.muting import Silence
from jobwatch.core.news import expiring_event
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.recording import Notice, batch_for, notice_for
from jobwatch.core.routing import RouteReason
from jobwatch.core.rules import Window
from jobwatch.store import Store
from jobwatch.store.engine import SqliteDatabase
from jobwatch.store.values import DeliveryFilter, EventFilter, JobFilter, Recorded
from tests.contract.watcher import OTHER, Clock, Watcher, claim
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, detail, job

SOON = Window(NOW, NOW + 2 * HOUR)
on_a_file = pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
"""Where no statement is involved that the engines read each in its own way."""


def fetched(job_id: str = "job-1", *, left: timedelta = HOUR, **fields: Any) -> Job:
    """A job that ended well; its output is there for so long."""
    return job("Done", id=job_id, progress=None, output_expires_at=NOW + left, **fields)


async def due(prod: Watcher, window: Window = SOON, limit: int = 1000) -> list[str]:
    found = await prod.store.expiring(prod.lease, window, limit=limit)
    return [each.job.id for each in found]


async def notice(prod: Watcher, job_id: str = "job-1", scope: str = "") -> Notice:
    snapshot = await prod.snapshot(job_id, scope)
    told = expiring_event(snapshot, prod.desk.origin, observed_at=prod.clock())
    return notice_for(told, prod.desk)


async def reminds(prod: Watcher, *job_ids: str) -> Recorded:
    return await prod.tells(*[await notice(prod, each) for each in job_ids or ("job-1",)])


async def told_types(store: Store) -> Sequence[str]:
    page = await store.events(EventFilter(), limit=100)
    return [each.type for each in reversed(page.rows)]


async def test_when_output_expires_is_kept_with_the_snapshot(prod: Watcher) -> None:
    await prod.sees(fetched(left=DAY))
    assert (await prod.snapshot()).job == fetched(left=DAY)
    (row,) = (await prod.store.jobs(JobFilter(), limit=10)).rows
    assert row.snapshot.job.output_expires_at == NOW + DAY
    assert row.expiry_told_at is None


@on_a_file
async def test_another_expiry_alone_is_a_change_that_tells_nobody(prod: Watcher) -> None:
    await prod.sees(fetched(left=HOUR))
    before = await told_types(prod.store)
    (change,) = (await prod.compare(fetched(left=2 * HOUR))).changes
    assert change.kind is ChangeKind.PROGRESSED
    await prod.sees(fetched(left=2 * HOUR))
    assert (await prod.snapshot()).job.output_expires_at == NOW + 2 * HOUR
    assert await told_types(prod.store) == before
    assert (await prod.compare(fetched(left=2 * HOUR))).changes == ()


@on_a_file
async def test_a_job_seen_running_has_its_expiry_once_it_ended(prod: Watcher) -> None:
    await prod.sees(job(progress=None))
    assert await due(prod) == []
    await prod.sees(fetched())
    assert await due(prod) == ["job-1"]


async def test_what_expires_within_the_window_is_found_the_soonest_first(prod: Watcher) -> None:
    lives = {
        "gone": timedelta(0),
        "last second": SECOND,
        "hour": HOUR,
        "at the end": 2 * HOUR,
        "later": 2 * HOUR + SECOND,
    }
    await prod.sees(*(fetched(name, left=left) for name, left in reversed(lives.items())))
    await prod.sees(job("Done", id="gives nothing"), job(id="runs"))
    assert await due(prod) == ["last second", "hour", "at the end"]
    assert await due(prod, limit=2) == ["last second", "hour"]
    assert await due(prod, Window(NOW + HOUR, NOW + DAY)) == ["at the end", "later"]


@on_a_file
async def test_what_is_found_is_the_whole_snapshot_of_this_source_alone(
    prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(prod.store, clock, OTHER)
    await other.sees(fetched("theirs", scope="photos"))
    await prod.sees(fetched())
    assert await prod.store.expiring(prod.lease, SOON, limit=9) == [await prod.snapshot()]
    (theirs,) = await prod.store.expiring(other.lease, SOON, limit=9)
    assert theirs == await other.snapshot("theirs", "photos")


@on_a_file
async def test_history_is_reminded_of_like_news(prod: Watcher) -> None:
    prod.baselined = False
    await prod.sees(fetched(ended_at=NOW - 2 * DAY))
    assert await told_types(prod.store) == []
    assert await due(prod) == ["job-1"]


async def test_a_reminder_is_told_and_marked_in_one_transaction(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(fetched("a"), fetched("b"))
    clock.advance(SECOND)
    written = await reminds(prod, "a")
    assert (written.events, written.deliveries) == (1, 1)
    assert await due(prod) == ["b"]
    row = await prod.store.job("prod", JobKey("", "a"))
    assert row is not None
    assert row.expiry_told_at == clock()
    assert (await told_types(prod.store))[-1] == EventType.OUTPUT_EXPIRING
    series = (await prod.store.overview()).series
    assert [each.value for each in series if each.series.labels == ("job.output_expiring",)] == [1]


@on_a_file
async def test_the_mark_outlives_every_later_change_of_the_job(prod: Watcher) -> None:
    await prod.sees(fetched())
    await reminds(prod)
    await prod.sees(fetched(left=90 * MINUTE, description="renamed"))
    assert (await prod.snapshot()).job.output_expires_at == NOW + 90 * MINUTE
    assert await due(prod) == []


async def test_output_that_was_told_already_rolls_the_whole_batch_back(prod: Watcher) -> None:
    await prod.sees(fetched("a"), fetched("b"))
    late = [await notice(prod, "b"), await notice(prod, "a")]
    await reminds(prod, "a")
    before = await told_types(prod.store)
    with pytest.raises(StaleWrite, match="expire already"):
        await prod.tells(*late)
    assert await told_types(prod.store) == before
    assert await due(prod) == ["b"]


async def test_who_lost_the_source_neither_tells_nor_marks(prod: Watcher) -> None:
    await prod.sees(fetched())
    late = await notice(prod)
    batch = batch_for((), prod.desk, recorded_at=NOW, notices=[late])
    with pytest.raises(FenceLost):
        await prod.store.record(replace(prod.lease, fence=prod.lease.fence + 1), batch)
    assert EventType.OUTPUT_EXPIRING not in await told_types(prod.store)
    assert await due(prod) == ["job-1"]


@on_a_file
async def test_a_kill_between_event_and_mark_leaves_neither(
    prod: Watcher,
) -> None:
    """Both stand behind one commit: what stops before it leaves nothing, and the next process tells."""
    await prod.sees(fetched())
    late = await notice(prod)
    database = prod.store._database
    assert isinstance(database, SqliteDatabase)

    def dies(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO deliveries"):
            raise RuntimeError

    event.listen(database._writer, "before_cursor_execute", dies)
    with pytest.raises(RuntimeError):
        await prod.tells(late)
    event.remove(database._writer, "before_cursor_execute", dies)
    assert EventType.OUTPUT_EXPIRING not in await told_types(prod.store)
    assert await due(prod) == ["job-1"]
    await prod.tells(late)
    assert (await told_types(prod.store)).count(EventType.OUTPUT_EXPIRING) == 1


@on_a_file
async def test_a_mute_silences_the_reminder_and_it_is_not_told_later(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(fetched(description="nightly"))
    await prod.store.mute(Silence(description="night*", reason="known"), until=NOW + DAY)
    await reminds(prod)
    clock.advance(MINUTE)
    wanted = DeliveryFilter(receiver="ops")
    (newest, *_) = (await prod.store.deliveries(wanted, limit=10)).rows
    assert (newest.event_type, newest.state) == ("job.output_expiring", DeliveryState.MUTED)
    assert await due(prod) == []


async def test_the_story_of_a_job_has_its_reminder_with_the_reason_of_every_route(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(fetched("a"), fetched("b"))
    await prod.releases_all()
    clock.advance(SECOND)
    await reminds(prod, "a", "b")
    told = await prod.store.job_events("prod", JobKey("", "a"))
    assert [each.event.type for each in told] == ["job.succeeded", "job.output_expiring"]
    assert told[-1].routes == {"ops": RouteReason.WANTED, "chat": RouteReason.TYPE_NOT_WANTED}
    assert told[-1].event.job_id == "a"


@on_a_file
async def test_a_reminder_comes_after_the_ending_of_its_job(prod: Watcher) -> None:
    await prod.sees(fetched())
    await reminds(prod)
    assert await claim(prod.store) == [], "the ending waits for its detail, and the reminder for it"
    await prod.releases_all()
    (first,) = await claim(prod.store)
    assert first.event_type == "job.succeeded"


@on_a_file
async def test_what_describe_job_said_is_there_for_the_reminder(prod: Watcher) -> None:
    await prod.sees(fetched(), job("Failed", id="other"))
    found = await prod.compare(fetched(left=2 * HOUR))
    said = detail(of=fetched(left=2 * HOUR), status_reason="done")
    key = JobKey("", "job-1")
    batch = batch_for(found.changes, prod.desk, recorded_at=NOW, details={key: said})
    await prod.store.record(prod.lease, batch)
    (snapshot,) = await prod.store.expiring(prod.lease, SOON, limit=9)
    details = await prod.store.details(prod.lease, [snapshot.row])
    assert details[snapshot.row]["status_reason"] == "done"


async def test_the_jobs_of_one_id_are_found_in_every_scope(prod: Watcher, clock: Clock) -> None:
    other = await Watcher.start(prod.store, clock, OTHER)
    await other.sees(*(fetched("-a", scope=scope) for scope in ("photos", "books")))
    await other.sees(fetched("b", scope="photos"))
    await prod.sees(fetched("-a"))
    found = await prod.store.named("vault_jobs", "-a", limit=9)
    assert found == [JobKey("books", "-a"), JobKey("photos", "-a")]
    assert await prod.store.named("vault_jobs", "-a", limit=1) == [JobKey("books", "-a")]
    assert await prod.store.named("prod", "-a", limit=9) == [JobKey("", "-a")]
    assert await prod.store.named("prod", "b\x00\ud800", limit=9) == []


@on_a_file
async def test_expiring_output_is_found_by_its_index(prod: Watcher) -> None:
    database = prod.store._database
    assert isinstance(database, SqliteDatabase)
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        raw = connection.connection.driver_connection
        plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(database._reader, "before_cursor_execute", explain)
    await prod.store.expiring(prod.lease, SOON, limit=9)
    (plan,) = [each for each in plans if "jobs" in each]
    assert "ix_jobs_expiring (source_id=? AND output_expires_at>? AND output_expires_at<?)" in plan
    plans.clear()
    await prod.store.job_events("prod", JobKey("", "job-1"))
    assert [each for each in plans if "ix_events_recorded_at (recorded_at=?)" in each]
    assert [each for each in plans if each.startswith("SCAN")] == []

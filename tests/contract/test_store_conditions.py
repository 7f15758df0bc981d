"""Contract of conditions: opened once, reminded of, closed once, and forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobwatch.core.census import EVENTS, Series
from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    ConditionState,
    Subject,
)
from jobwatch.core.errors import FenceLost, StaleWrite
from jobwatch.core.model import JobKey
from jobwatch.core.overview import ConditionCount
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter, EventFilter, Recorded, Retention
from tests.contract.watcher import (
    OPS,
    OTHER,
    Clock,
    Watcher,
    claim,
    send_all,
)
from tests.factories import DAY, MINUTE, NOW, SECOND, job

KEY = JobKey("", "job-1")
KEEP = Retention(jobs=400 * DAY, events=90 * DAY, dead_deliveries=30 * DAY)


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


async def test_what_was_opened_is_read_back_as_it_was(prod: Watcher) -> None:
    opened = await prod.opens()
    (found,) = await prod.open_conditions()
    assert opened == Condition(
        id=opened.id,
        subject=Subject(KEY, ConditionName.STALLED),
        since=NOW,
        opened_at=NOW,
        told=("ops",),
    )
    assert found.condition == opened
    assert found.snapshot == await prod.snapshot()


async def test_an_opening_is_an_event_with_deliveries_and_is_counted(prod: Watcher) -> None:
    before = (await prod.store.source(prod.lease)).sequence
    opened = await prod.opens()
    (event, _) = (await prod.store.events(EventFilter(), limit=10)).rows
    assert (event.type, event.job_id, event.sequence) == ("job.stalled", "job-1", before + 1)
    assert event.released
    assert await told_of(prod.store) == [("job.stalled", "pending")]
    series = {each.series: each.value for each in (await prod.store.overview()).series}
    assert series[Series(EVENTS, ("job.stalled",))] == 1
    (_, told) = await prod.store.job_events("prod", KEY)
    assert (told.condition_id, told.routes) == (opened.id, {"ops": "wanted"})


async def test_a_reminder_is_kept_and_told(prod: Watcher, clock: Clock) -> None:
    opened = await prod.opens()
    clock.advance(MINUTE)
    late = Subscription(receiver="late")
    prod.subscriptions = (OPS, late)
    await prod.reminds(opened)
    (found,) = await prod.open_conditions()
    assert (found.condition.reminded_at, found.condition.reminders) == (NOW + MINUTE, 1)
    assert found.condition.told == ("late", "ops")
    assert await told_of(prod.store) == [("job.stalled", "pending")] * 2


async def test_what_closed_is_open_no_more_and_stands_in_the_story(
    prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    clock.advance(MINUTE)
    written = await prod.closes(opened)
    assert written == Recorded(events=1)
    assert await prod.open_conditions() == []
    (row,) = await prod.store.conditions("prod", KEY)
    assert (row.id, row.name, row.since, row.opened_at) == (opened.id, "stalled", NOW, NOW)
    assert (row.reminded_at, row.reminders, row.closed_at) == (None, 0, NOW + MINUTE)


async def test_a_condition_opens_again_under_another_id(prod: Watcher, clock: Clock) -> None:
    first = await prod.opens()
    await prod.closes(first)
    clock.advance(MINUTE)
    second = await prod.opens()
    assert [each.id for each in await prod.store.conditions("prod", KEY)] == [first.id, second.id]


@pytest.mark.parametrize("again", ["same id", "another id", "reminded", "closed"])
async def test_a_step_from_what_was_read_too_early_writes_nothing(
    prod: Watcher, clock: Clock, again: str
) -> None:
    opened = await prod.opens()
    snapshot = await prod.snapshot()
    if again in ("reminded", "closed"):
        await prod.closes(opened)
    before = (await prod.store.overview(), await told_of(prod.store))
    steps = {
        "same id": (ConditionState.OPENED, opened),
        "another id": (ConditionState.OPENED, replace(opened, id="cnd_2", opened_at=clock())),
        "reminded": (ConditionState.REMINDED, replace(opened, reminders=1)),
        "closed": (ConditionState.CLOSED, opened),
    }
    with pytest.raises(StaleWrite, match="prod"):
        await prod.tells(prod.notice(*steps[again], snapshot))
    assert (await prod.store.overview(), await told_of(prod.store)) == before


async def test_a_stale_notice_takes_the_changes_of_its_batch_back(prod: Watcher) -> None:
    opened = await prod.opens()
    await prod.closes(opened)
    notice = prod.notice(ConditionState.CLOSED, opened, await prod.snapshot())
    batch = replace(await prod.batch(job("Paused")), notices=(notice,))
    with pytest.raises(StaleWrite):
        await prod.store.record(prod.lease, batch)
    assert (await prod.snapshot()).job.status == "Active"


async def test_changes_and_notices_of_one_batch_are_numbered_in_turn(prod: Watcher) -> None:
    opened = await prod.opens()
    start = (await prod.store.source(prod.lease)).sequence
    notice = prod.notice(ConditionState.CLOSED, opened, await prod.snapshot())
    batch = replace(await prod.batch(job("Failed"), job(id="b")), notices=(notice,))
    written = await prod.store.record(prod.lease, batch)
    assert written.events == 3
    rows = (await prod.store.events(EventFilter(), limit=3)).rows
    assert [(each.type, each.sequence) for each in reversed(rows)] == [
        ("job.failed", start + 1),
        ("job.discovered", start + 2),
        ("job.stalled", start + 3),
    ]


async def test_another_source_neither_sees_nor_closes_a_condition(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    other = await Watcher.start(store, clock, OTHER)
    assert await other.open_conditions() == []
    with pytest.raises(StaleWrite):
        await other.tells(other.notice(ConditionState.CLOSED, opened, await prod.snapshot()))


async def test_a_lost_source_opens_nothing(store: Store, prod: Watcher) -> None:
    await store.acquire("prod", lease=MINUTE)
    with pytest.raises(FenceLost):
        await prod.opens()
    assert await prod.open_conditions() == []


async def test_a_condition_of_the_source_has_no_job(prod: Watcher) -> None:
    condition = Condition(
        id="cnd_s",
        subject=Subject(OF_THE_SOURCE, ConditionName.UNREACHABLE),
        since=NOW - MINUTE,
        opened_at=NOW,
    )
    await prod.tells(prod.notice(ConditionState.OPENED, condition))
    (found,) = await prod.open_conditions()
    assert (found.condition.subject, found.snapshot) == (condition.subject, None)
    (sent,) = await claim(prod.store)
    assert sent.event_type == "source.unreachable"
    (row,) = await prod.store.conditions("prod", OF_THE_SOURCE)
    assert row.name == "unreachable"


async def test_the_overview_counts_jobs_in_open_conditions(prod: Watcher) -> None:
    await prod.sees(job(id="b"), job(id="c", operation="Restore"), job(id="d"))
    for job_id in ("job-1", "b", "c"):
        await prod.opens(job_id=job_id)
    await prod.opens(ConditionName.OVERDUE)
    await prod.closes(await prod.opens(job_id="d"))
    source = Subject(OF_THE_SOURCE, ConditionName.SUSPECT)
    condition = Condition(id="cnd_s", subject=source, since=NOW, opened_at=NOW)
    await prod.tells(prod.notice(ConditionState.OPENED, condition))
    assert tuple((await prod.store.overview()).conditions) == (
        ConditionCount("prod", "Copy", "overdue", 1),
        ConditionCount("prod", "Copy", "stalled", 2),
        ConditionCount("prod", "Restore", "stalled", 1),
    )


async def test_a_closed_condition_goes_after_its_events(prod: Watcher, clock: Clock) -> None:
    opened = await prod.opens()
    await send_all(prod.store, clock())
    clock.advance(DAY)
    await prod.closes(opened)
    await send_all(prod.store, clock())
    first = await prod.store.prune(KEEP, NOW + 90 * DAY + SECOND)
    assert (first.events, first.conditions) == (2, 0)  # the job's own, and the opening
    second = await prod.store.prune(KEEP, NOW + 91 * DAY + SECOND)
    assert (second.events, second.conditions) == (1, 1)
    assert await prod.store.conditions("prod", KEY) == []


async def test_an_open_condition_stays_with_its_events_however_old(
    prod: Watcher, clock: Clock
) -> None:
    opened = await prod.opens()
    await send_all(prod.store, clock())
    await prod.store.prune(KEEP, NOW + 1000 * DAY)
    assert [each.condition for each in await prod.open_conditions()] == [opened]
    assert [each.condition_id for each in await prod.store.job_events("prod", KEY)] == [opened.id]


async def test_an_open_condition_outlives_its_job(prod: Watcher, clock: Clock) -> None:
    opened = await prod.opens()
    await prod.sees(job("Failed"))
    await prod.store.mark_left(prod.lease, [1], NOW)
    await prod.store.prune(KEEP, NOW + 500 * DAY)
    (found,) = await prod.open_conditions()
    assert (found.condition, found.snapshot) == (opened, None)
    assert not (await prod.store.overview()).conditions
    clock.advance(timedelta(days=500))
    assert await prod.store.conditions("nobody", KEY) == []


async def test_odd_names_are_found_again(prod: Watcher) -> None:
    odd = 'it\'s "odd"; 任务 🎉'
    await prod.sees(job(id=odd, scope="v/1"))
    snapshot = await prod.snapshot(odd, "v/1")
    subject = Subject(snapshot.key, ConditionName.STUCK)
    condition = Condition(id="cnd_o", subject=subject, since=NOW, opened_at=NOW)
    await prod.tells(prod.notice(ConditionState.OPENED, condition, snapshot))
    (found,) = await prod.open_conditions()
    assert (found.condition.subject, found.snapshot) == (subject, snapshot)
    assert len(await prod.store.conditions("prod", snapshot.key)) == 1
    told = await prod.store.job_events("prod", snapshot.key)
    assert [each.event.type for each in told] == ["job.discovered", "job.stuck"]

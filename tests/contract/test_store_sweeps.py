"""Contract of what a sweep leaves for the next one, whoever makes it."""

from datetime import timedelta
from typing import Any

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
from jobwatch.core.events import EventType, Severity, SourceEvent
from jobwatch.core.overview import LastError, LastSweep, SourceKeys, Spending, WalkState
from jobwatch.core.plan import SweepKind
from jobwatch.core.recording import notice_for
from jobwatch.core.watched import Gap, Gaps
from jobwatch.store import Store
from jobwatch.store.values import EventFilter, Learnt, SweepFailure, SweepReport
from tests.contract.databases import Stores
from tests.contract.watcher import OTHER, Clock, Watcher, claim
from tests.factories import HOUR, MINUTE, NOW, SECOND

LAST = LastSweep(
    kind="full",
    reason="asked_for",
    started_at=NOW,
    took=timedelta(microseconds=1_500_001),
    pages=3,
    followed=2,
    calls=5,
    refused=("Failing", "Odd"),
)
WALK = WalkState(started_at=NOW, token='to"ken\x00\ud800', pages=7, listed=7000)
LEARNT = Learnt(
    manners={"rate": 2.5, "odd": ["\x00", None, True]},
    spending=Spending(
        rate=2.5,
        limit=5.0,
        hour=100,
        throttled=2,
        withheld_until=NOW + MINUTE,
        withheld_reason="throttled",
    ),
    keys=SourceKeys(kind="tke_oidc", expires_at=NOW + HOUR),
    clock_offset=timedelta(milliseconds=-1250),
)
GAPS = Gaps((Gap(NOW - HOUR, NOW - MINUTE), Gap(NOW - SECOND, NOW)))
NOTHING: dict[str, Any] = {}


def report(kind: SweepKind = SweepKind.FULL, **fields: Any) -> SweepReport:
    defaults: dict[str, Any] = {
        "started_at": NOW,
        "finished_at": NOW + SECOND,
        "listed": 10,
        "unfinished": 3,
        "next_sweep_at": NOW + 30 * SECOND,
    }
    return SweepReport(kind=kind, **(defaults | fields))


def failure(**fields: Any) -> SweepFailure:
    error = LastError(at=NOW, error_class="denied", code="AccessDenied", message="no")
    defaults: dict[str, Any] = {"at": NOW, "error": error}
    return SweepFailure(**(defaults | fields))


async def test_everything_that_a_sweep_leaves_is_read_back_as_it_was(prod: Watcher) -> None:
    left = report(
        next_full_at=NOW + HOUR,
        gaps=GAPS,
        walk=WALK,
        suspect_since=NOW,
        last_sweep=LAST,
        learnt=LEARNT,
    )
    await prod.store.finish_sweep(prod.lease, left)
    found = await prod.store.source(prod.lease)
    assert (found.next_full_at, found.gaps, found.walk) == (NOW + HOUR, GAPS, WALK)
    assert (found.suspect_since, found.last_sweep) == (NOW, LAST)
    assert (found.manners, found.spending) == (LEARNT.manners, LEARNT.spending)
    assert (found.keys, found.clock_offset) == (LEARNT.keys, LEARNT.clock_offset)
    assert [found] == await prod.store.sources()


async def test_values_without_their_optional_parts_are_read_back_as_they_were(
    prod: Watcher,
) -> None:
    learnt = Learnt(spending=Spending(rate=1.0, limit=1.0), keys=SourceKeys(kind="environment"))
    await prod.store.break_sweep(prod.lease, failure(learnt=learnt))
    found = await prod.store.source(prod.lease)
    assert (found.spending, found.keys) == (learnt.spending, learnt.keys)
    assert (found.gaps, found.walk, found.last_sweep) == (Gaps(), None, None)


async def test_a_next_time_that_a_sweep_does_not_know_stays_as_it_was(prod: Watcher) -> None:
    await prod.store.finish_sweep(prod.lease, report(next_full_at=NOW + HOUR))
    await prod.store.finish_sweep(prod.lease, report(SweepKind.HOT))
    await prod.store.break_sweep(prod.lease, failure())
    found = await prod.store.source(prod.lease)
    assert (found.next_sweep_at, found.next_full_at) == (NOW + 30 * SECOND, NOW + HOUR)
    later = failure(next_sweep_at=NOW + MINUTE, next_full_at=NOW + 2 * HOUR)
    await prod.store.break_sweep(prod.lease, later)
    found = await prod.store.source(prod.lease)
    assert (found.next_sweep_at, found.next_full_at) == (NOW + MINUTE, NOW + 2 * HOUR)


@pytest.mark.parametrize("ends", ["finished", "broken"])
async def test_a_walk_that_is_over_is_forgotten(prod: Watcher, ends: str) -> None:
    await prod.store.break_sweep(prod.lease, failure(walk=WALK))
    assert (await prod.store.source(prod.lease)).walk == WALK
    if ends == "finished":
        await prod.store.finish_sweep(prod.lease, report())
    else:
        await prod.store.break_sweep(prod.lease, failure())
    assert (await prod.store.source(prod.lease)).walk is None


async def test_a_clock_offset_that_was_not_measured_again_stays(prod: Watcher) -> None:
    await prod.store.finish_sweep(prod.lease, report(learnt=LEARNT))
    await prod.store.break_sweep(prod.lease, failure())
    found = await prod.store.source(prod.lease)
    assert (found.clock_offset, found.spending) == (LEARNT.clock_offset, None)


async def test_a_broken_sweep_keeps_gaps_doubt_and_the_last_complete_one(prod: Watcher) -> None:
    await prod.store.finish_sweep(prod.lease, report(gaps=GAPS, suspect_since=NOW, last_sweep=LAST))
    await prod.store.break_sweep(prod.lease, failure())
    found = await prod.store.source(prod.lease)
    assert (found.gaps, found.suspect_since, found.last_sweep) == (GAPS, NOW, LAST)
    await prod.store.finish_sweep(prod.lease, report(SweepKind.HOT, gaps=GAPS))
    found = await prod.store.source(prod.lease)
    assert (found.suspect_since, found.last_sweep) == (None, LAST)


async def test_a_process_beside_the_daemon_asks_for_a_full_sweep(
    stores: Stores, prod: Watcher
) -> None:
    beside = await stores.open("cli", exclusive=False)
    assert await beside.ask_sweep("prod", NOW)
    assert not await beside.ask_sweep("nobody", NOW)
    assert (await prod.store.source(prod.lease)).asked_at == NOW
    await prod.store.begin_sweep(prod.lease, NOW)  # the lease is held as before


async def test_only_a_full_sweep_that_began_at_or_after_the_request_answers_it(
    store: Store, prod: Watcher
) -> None:
    await store.ask_sweep("prod", NOW)
    await store.finish_sweep(prod.lease, report(started_at=NOW - SECOND))
    await store.finish_sweep(prod.lease, report(SweepKind.HOT, started_at=NOW + SECOND))
    await store.break_sweep(prod.lease, failure())
    assert (await store.source(prod.lease)).asked_at == NOW
    await store.finish_sweep(prod.lease, report(started_at=NOW))
    assert (await store.source(prod.lease)).asked_at is None


def baselined(watcher: Watcher) -> SourceEvent:
    return SourceEvent(
        type=EventType.BASELINED,
        severity=Severity.INFO,
        origin=watcher.desk.origin,
        observed_at=NOW,
        counts={"listed": 10},
    )


async def test_what_a_sweep_has_to_tell_is_told_in_its_transaction(prod: Watcher) -> None:
    notice = notice_for(baselined(prod), prod.desk)
    await prod.store.finish_sweep(prod.lease, report(notices=(notice,)))
    (told,) = (await prod.store.events(EventFilter(), limit=10)).rows
    assert (told.type, told.sequence, told.job_id, told.released) == (
        "source.baselined",
        1,
        "",
        True,
    )
    (sent,) = await claim(prod.store)
    assert sent.event_id == told.id
    series = {each.series: each.value for each in (await prod.store.overview()).series}
    assert series[Series(EVENTS, ("source.baselined",))] == 1


async def test_a_sweep_of_a_lost_source_tells_nothing(store: Store, prod: Watcher) -> None:
    await store.acquire("prod", lease=MINUTE)
    notice = notice_for(baselined(prod), prod.desk)
    with pytest.raises(FenceLost):
        await store.finish_sweep(prod.lease, report(notices=(notice,)))
    assert (await store.events(EventFilter(), limit=10)).rows == ()


async def test_a_sweep_whose_news_is_stale_is_not_finished(prod: Watcher) -> None:
    gone = Condition(
        id="cnd_gone",
        subject=Subject(OF_THE_SOURCE, ConditionName.SUSPECT),
        since=NOW,
        opened_at=NOW,
    )
    notice = prod.notice(ConditionState.CLOSED, gone)
    with pytest.raises(StaleWrite, match="prod"):
        await prod.store.finish_sweep(prod.lease, report(notices=(notice,)))
    assert (await prod.store.source(prod.lease)).all_data_at is None


async def test_sources_do_not_share_what_they_learnt(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await store.finish_sweep(prod.lease, report(learnt=LEARNT, gaps=GAPS, walk=WALK))
    found = await store.source(other.lease)
    assert (found.manners, found.gaps, found.walk) == (NOTHING, Gaps(), None)

"""Contract of mutes: what is not told while they hold, what waits when they begin, and what is told all the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobwatch.core.census import DELIVERIES, Series
from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    ConditionState,
    Subject,
)
from jobwatch.core.model import JobKey
from jobwatch.core.muting import Mute, Silence
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.outbox_values import Redelivery
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.contract.databases import Stores
from tests.contract.watcher import OPS, OTHER, Clock, Watcher, claim, outcome, send_all
from tests.factories import DAY, HOUR, NOW, SECOND, job

KEY = JobKey("", "job-1")
EVERYTHING = Silence(source="*", reason="planned work")


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    return watcher


async def rows(store: Store) -> list[DeliveryRow]:
    """Oldest first."""
    found = await store.deliveries(DeliveryFilter(receiver="ops"), limit=1000)
    return list(reversed(found.rows))


async def stands(store: Store) -> list[tuple[str, str]]:
    return [(row.event_type, row.state.value) for row in await rows(store)]


async def counted(store: Store, state: str) -> float:
    series = (await store.overview()).series
    label = Series(DELIVERIES, (state,))
    return sum(each.value for each in series if each.subject == "ops" and each.series == label)


async def test_what_is_muted_is_recorded_and_never_due(prod: Watcher) -> None:
    mute = await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    await prod.sees(job())
    (row,) = await rows(prod.store)
    assert (row.state, row.reason) == (DeliveryState.MUTED, "muted")
    assert (row.settled_at, row.due_at, row.attempts) == (NOW, None, 0)
    assert row.last_answer == f"mute {mute.id}: planned work"
    assert await claim(prod.store) == []
    assert await counted(prod.store, "muted") == 1


async def test_the_routes_say_that_it_was_muted_for_those_alone_that_want_it(
    prod: Watcher,
) -> None:
    prod.subscriptions = (OPS, Subscription(receiver="chat", wants=OPS.wants, exceptions=OPS.wants))
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    await prod.sees(job())
    (change,) = await prod.store.changes("prod", KEY)
    assert change.routes == {"ops": "muted", "chat": "excepted"}


async def test_a_mute_ends_by_itself(prod: Watcher, clock: Clock) -> None:
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    clock.advance(HOUR)
    await prod.sees(job())
    assert await prod.store.mutes() == []
    assert await stands(prod.store) == [("job.discovered", "pending")]


async def test_a_mute_ends_early_once(prod: Watcher, clock: Clock) -> None:
    mute = await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    clock.advance(SECOND)
    assert await prod.store.unmute(mute.id)
    assert not await prod.store.unmute(mute.id)
    assert not await prod.store.unmute(99)
    await prod.sees(job())
    assert await stands(prod.store) == [("job.discovered", "pending")]
    (ended,) = await prod.store.mutes(ended=True)
    assert ended.ended_at == NOW + SECOND
    assert await prod.store.mutes() == []


async def test_mutes_are_listed_as_they_were_ordered(prod: Watcher, clock: Clock) -> None:
    silence = Silence(source="prod", job="job-\x00", description="*\U0001f4a5*", reason="why")
    first = await prod.store.mute(silence, until=NOW + HOUR)
    second = await prod.store.mute(EVERYTHING, until=NOW + DAY)
    kept = Silence(source="prod", job="job-\ufffd", description="*\U0001f4a5*", reason="why")
    as_kept = Mute(id=first.id, silence=kept, created_at=NOW, expires_at=NOW + HOUR)
    assert await prod.store.mutes() == [as_kept, second]
    clock.advance(2 * HOUR)
    assert await prod.store.mutes() == [second]
    assert await prod.store.mutes(ended=True) == [second, as_kept]


async def test_what_waits_when_a_mute_begins_is_muted_where_it_fits(prod: Watcher) -> None:
    await prod.sees(job(id="j1"), job(id="j2", description="weekly copy"))
    for silence, fitting in [
        (Silence(source="pro?"), 2),
        (Silence(source="other"), 0),
        (Silence(source="prod", job="j2"), 1),
        (Silence(description="nightly*"), 1),
        (Silence(source="prod", description="weekly*"), 1),
        (Silence(job="j1", description="weekly*"), 0),
    ]:
        assert await prod.store.silenced(silence) == (fitting, fitting)
    await prod.store.mute(Silence(source="p*", description="weekly*"), until=NOW + HOUR)
    found = await rows(prod.store)
    assert [row.job_id for row in found if row.state is DeliveryState.MUTED] == ["j2"]
    assert await counted(prod.store, "muted") == 1
    assert [each.id for each in await claim(prod.store)] == [found[0].id]


async def test_a_job_within_a_scope_is_named_with_it(store: Store, clock: Clock) -> None:
    vaults = await Watcher.start(store, clock, OTHER)
    vaults.subscriptions = (OPS,)
    await vaults.sees(job(scope="vault-1"), job(scope="vault-2"))
    await store.mute(Silence(source=OTHER.name, job="vault-1/job-1"), until=NOW + HOUR)
    assert [row.state.value for row in await rows(store)] == ["muted", "pending"]


async def test_news_of_a_source_is_muted_with_its_source_and_not_with_a_description(
    prod: Watcher,
) -> None:
    subject = Subject(OF_THE_SOURCE, ConditionName.UNREACHABLE)
    lost = Condition(id="cnd_1", subject=subject, since=NOW, opened_at=NOW)
    await prod.tells(prod.notice(ConditionState.OPENED, lost))
    assert await prod.store.silenced(Silence(description="*")) == (0, 0)
    assert await prod.store.silenced(Silence(source="prod")) == (0, 1)
    await prod.store.mute(Silence(source="prod"), until=NOW + HOUR)
    await prod.tells(prod.notice(ConditionState.REMINDED, replace(lost, reminders=1)))
    assert await stands(prod.store) == [("source.unreachable", "muted")] * 2


async def test_what_is_being_sent_goes_on(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    assert await prod.store.settle([outcome(sent, clock())]) == 1
    assert await stands(prod.store) == [("job.discovered", "delivered")]


async def test_a_muted_opening_is_not_closed_to_who_never_heard_of_it(prod: Watcher) -> None:
    await prod.sees(job())
    await send_all(prod.store, NOW)
    mute = await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    opened = await prod.opens()
    await prod.store.unmute(mute.id)
    await prod.closes(opened)
    assert (await stands(prod.store))[1:] == [("job.stalled", "muted")]
    told = await prod.store.job_events("prod", KEY)
    assert [each.routes for each in told][1:] == [{"ops": "muted"}, {"ops": "superseded"}]


async def test_a_closing_is_told_through_a_mute_to_who_heard_of_the_opening(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    opened = await prod.opens()
    await send_all(prod.store, clock())
    await send_all(prod.store, clock())
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    await prod.closes(opened)
    assert (await stands(prod.store))[-1] == ("job.stalled", "pending")


async def test_a_closing_that_waits_is_not_muted(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    opened = await prod.opens()
    await send_all(prod.store, clock())
    await send_all(prod.store, clock())
    await prod.closes(opened)
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    assert (await stands(prod.store))[-1] == ("job.stalled", "pending")


async def test_a_muted_ending_is_old_news_to_nobody_else(prod: Watcher) -> None:
    prod.subscriptions = (OPS, Subscription(receiver="second"))
    await prod.sees(job(), job(id="j2"))
    await prod.store.mute(Silence(source="prod", job="job-1"), until=NOW + HOUR)
    await prod.sees(job("Failed"), job("Failed", id="j2"))
    states = {(row.job_id, row.event_type): row.state.value for row in await rows(prod.store)}
    assert states == {
        ("job-1", "job.discovered"): "muted",
        ("job-1", "job.failed"): "muted",
        ("j2", "job.discovered"): "superseded",
        ("j2", "job.failed"): "pending",
    }


async def test_what_a_person_asked_to_have_sent_again_is_sent_through_a_mute(
    prod: Watcher,
) -> None:
    mute = await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    await prod.sees(job())
    (muted,) = await rows(prod.store)
    budgets = {"ops": timedelta(days=3)}
    await prod.store.redeliver(Redelivery(delivery=muted.id), give_up_after=budgets)
    await prod.store.unmute(mute.id)
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    (sent,) = await claim(prod.store)
    assert (sent.id, sent.manual) == (muted.id, True)


async def test_a_mute_beside_the_daemon_holds_for_what_the_daemon_records_next(
    prod: Watcher, stores: Stores
) -> None:
    beside = await stores.open("command line", exclusive=False)
    await beside.mute(EVERYTHING, until=NOW + HOUR)
    await prod.sees(job())
    assert await stands(prod.store) == [("job.discovered", "muted")]


async def test_many_that_wait_are_muted_however_many(prod: Watcher, clock: Clock) -> None:
    await prod.sees(*(job(id=f"j{each}") for each in range(20)))
    tried = await claim(prod.store, 1)
    await prod.store.settle([outcome(each, clock(), Result.HTTP_5XX) for each in tried])
    await prod.store.mute(EVERYTHING, until=NOW + HOUR)
    found = await rows(prod.store)
    assert {row.state for row in found} == {DeliveryState.MUTED}
    assert [row.last_result for row in found if row.attempts] == [Result.HTTP_5XX]
    depths: list[Any] = list((await prod.store.overview()).outbox)
    assert depths == []

"""What is remembered of receivers and of URLs, what people do to them, and what jobwatch says of itself."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import Connection, select

from jobwatch.core.breaker import (
    Breaker,
    Ended,
    PauseReason,
    ReceiverState,
    Recent,
    ended,
    paused,
    probing,
    resumed,
)
from jobwatch.core.census import DELIVERIES
from jobwatch.core.conditions import Condition, ConditionName, ConditionState, Move, Subject
from jobwatch.core.digest import Group, Window
from jobwatch.core.errors import StaleWrite
from jobwatch.core.events import EventType, ReceiverEvent, Severity
from jobwatch.core.model import JobKey
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.rate_gate import Place, Rate, RateGate
from jobwatch.core.recording import Notice
from jobwatch.core.routing import Routed, RouteReason
from jobwatch.store import Store, receivers
from jobwatch.store.outbox_tables import conditions, deliveries, events
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.receivers import UNKNOWN, Stand
from jobwatch.store.receiving import TAKEN_OUT
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests import factories
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher, claim, outcome
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND

T = TypeVar("T")


async def write(store: Store, work: Callable[[Connection], T]) -> T:
    return await store._database.write(work)


def failed(number: int) -> Breaker:
    breaker = Breaker(last_success_at=NOW - HOUR)
    for _ in range(number):
        attempt = Ended(delivery=1, result=Result.TIMEOUT, at=NOW, chance=0.5)
        breaker = ended(breaker, attempt)
    return breaker


FAILING = failed(5)
STANDS = [
    Stand(Breaker(), {}, None, None, known=True),
    Stand(failed(3), {}, "a" * 32, "b" * 32, known=True),
    Stand(FAILING, {Group(0, "receiver.paused"): Window(NOW, 1)}, None, "c", known=True),
    Stand(
        probing(replace(resumed(FAILING), recent=Recent(began_at=NOW, tried=9, failed=4)), 7, NOW),
        {Group(1, "job.failed"): Window(NOW + MINUTE, 3), Group(2, "job.stuck"): Window(NOW, 0)},
        "gate",
        None,
        known=True,
    ),
    Stand(paused(FAILING, PauseReason.GONE, NOW), {}, None, None, known=True),
    Stand(replace(Breaker(), trust=7), {}, None, None, known=True),
]


async def test_where_a_receiver_stands_is_read_back_as_it_was_written(stores: Stores) -> None:
    store = await stores.open()
    assert await write(store, lambda connection: receivers.stand(connection, "ops")) == UNKNOWN
    for stand in STANDS:
        await write(store, partial(receivers.keep, name="ops", stand=stand, now=NOW))
        read = await write(store, lambda connection: receivers.stand(connection, "ops"))
        assert read == stand
    assert await write(store, lambda connection: receivers.stand(connection, "chat")) == UNKNOWN


async def test_what_a_url_was_sent_is_read_back_as_it_was_written(stores: Stores) -> None:
    store = await stores.open()
    for gate in (
        RateGate(),
        RateGate(places=(Place(1, NOW), Place(-2, NOW + MINUTE)), held_until=NOW + HOUR),
        RateGate(places=(Place(3, NOW),)),
    ):
        await write(store, partial(receivers.keep_gate, key="k", gate=gate, now=NOW))
        assert await write(store, lambda connection: receivers.gate(connection, "k")) == gate
    assert await write(store, lambda connection: receivers.gate(connection, "other")) == RateGate()


async def test_two_processes_never_both_find_the_last_place(stores: Stores) -> None:
    first, second = await stores.open("a"), await stores.open("b", exclusive=False)
    rates = [Rate(1, MINUTE)]
    found = await asyncio.gather(
        *(
            store.take_place("url", rates, number, flight=SECOND)
            for number, store in enumerate([first, second] * 4)
        )
    )
    assert found.count(None) == 1
    assert {each for each in found if each} == {NOW + MINUTE + SECOND}


async def test_a_place_that_was_freed_lasts_a_window_from_then(
    stores: Stores, clock: Clock
) -> None:
    store = await stores.open()
    rates = [Rate(1, MINUTE)]
    assert await store.take_place("url", rates, -1, flight=30 * SECOND) is None
    clock.advance(SECOND)
    await store.free_place("url", -1)
    assert await store.take_place("url", rates, -2, flight=SECOND) == NOW + 61 * SECOND
    clock.advance(MINUTE)
    assert await store.take_place("url", rates, -2, flight=SECOND) is None


async def waiting(stores: Stores, clock: Clock, *jobs: str) -> tuple[Store, Watcher]:
    """A store with failed jobs that are told to `ops` and `chat`."""
    store = await stores.open()
    watcher = await Watcher.start(store, clock)
    await watcher.sees(*(factories.job("Failed", id=each) for each in jobs))
    await watcher.releases_all()
    return store, watcher


async def of(store: Store, receiver: str) -> list[DeliveryRow]:
    found = await store.deliveries(DeliveryFilter(receiver=receiver), limit=100)
    return list(found.rows)


async def stands(store: Store, breaker: Breaker, name: str = "ops") -> None:
    stand = Stand(breaker, {}, "url", None, known=True)
    await write(store, lambda connection: receivers.keep(connection, name, stand, NOW))


async def row(store: Store, name: str = "ops") -> ReceiverRow:
    (found,) = await store.receivers([name])
    return found


async def test_a_row_says_how_a_receiver_fares(stores: Stores, clock: Clock) -> None:
    store, _ = await waiting(stores, clock, "job-1", "job-2")
    for result in (Result.HTTP_5XX, Result.AUTH):
        (delivery,) = await claim(store, 1)
        await store.settle([outcome(delivery, clock(), result, again_in=timedelta())])
    await stands(store, FAILING)
    gate = RateGate(held_until=NOW + HOUR)
    await write(store, lambda connection: receivers.keep_gate(connection, "url", gate, NOW))
    ops = await row(store)
    assert (ops.state, ops.reason) == (ReceiverState.FAILING, Result.TIMEOUT)
    assert (ops.failures, ops.failing_since) == (5, NOW)
    assert (ops.open_until, ops.held_until) == (FAILING.open_until, NOW + HOUR)
    assert (ops.pending, ops.oldest_at, ops.dead) == (2, NOW, 0)
    assert (ops.last_error, ops.last_success_at) == ("auth (200): said", NOW - HOUR)
    clock.advance(HOUR)
    assert (await row(store)).held_until is None
    assert await row(store, "quiet") == ReceiverRow(name="quiet", state=ReceiverState.ACTIVE)


async def test_a_receiver_is_paused_once_and_on_a_persons_word_from_then(
    stores: Stores, clock: Clock
) -> None:
    store = await stores.open()
    await stands(store, paused(FAILING, PauseReason.GONE, NOW))
    clock.advance(HOUR)
    assert not await store.pause_receiver("ops")
    ops = await row(store)
    assert (ops.state, ops.reason, ops.paused_at) == (
        ReceiverState.PAUSED,
        PauseReason.COMMAND,
        NOW,
    )
    assert await store.pause_receiver("chat")
    assert (await row(store, "chat")).paused_at == NOW + HOUR


async def test_resumed_what_waits_is_due_with_a_new_budget(stores: Stores, clock: Clock) -> None:
    store, _ = await waiting(stores, clock, "job-1")
    (delivery,) = await claim(store, 1)
    await store.settle([outcome(delivery, clock(), Result.TIMEOUT, again_in=HOUR)])
    await store.pause_receiver("ops")
    clock.advance(DAY)
    assert await store.resume_receiver("ops", give_up_after=HOUR)
    columns = deliveries.c
    asked = select(
        columns.due_at, columns.deadline, columns.renewed_at, columns.spent, columns.attempts
    ).where(columns.id == delivery.id)
    kept = await write(store, lambda connection: tuple(connection.execute(asked).one()))
    assert kept == (NOW + DAY, NOW + DAY + HOUR, NOW + DAY, 1, 1)
    assert (await row(store)).state is ReceiverState.HALF_OPEN
    assert not await store.resume_receiver("ops", give_up_after=HOUR)


async def test_a_receiver_that_is_left_alone_is_tried_at_once_when_resumed(stores: Stores) -> None:
    store = await stores.open()
    assert not await store.resume_receiver("ops", give_up_after=None)
    await stands(store, FAILING)
    assert await store.resume_receiver("ops", give_up_after=None)
    assert (await row(store)).state is ReceiverState.HALF_OPEN


async def test_what_waits_for_a_removed_receiver_is_given_up_and_kept(
    stores: Stores, clock: Clock
) -> None:
    store, _ = await waiting(stores, clock, "job-1", "job-2")
    (under_way,) = await claim(store, 1)
    assert await store.retire_receivers(["chat"]) == {"ops": 1}
    assert {each.state for each in await of(store, "ops")} == {
        DeliveryState.DEAD,
        DeliveryState.CLAIMED,
    }
    clock.advance(MINUTE)  # whoever sent it never came back
    assert await store.retire_receivers(["chat"]) == {"ops": 1}
    assert {(each.state, each.last_answer) for each in await of(store, "ops")} == {
        (DeliveryState.DEAD, TAKEN_OUT)
    }
    assert {each.state for each in await of(store, "chat")} == {DeliveryState.PENDING}
    counted = {(each.subject, *each.series): each.value for each in (await store.overview()).series}
    assert counted["ops", DELIVERIES, ("dead",)] == 2
    assert await store.settle([outcome(under_way, clock())]) == 0


async def test_own_numbers_are_taken_one_after_another(stores: Stores) -> None:
    store = await stores.open()
    taken = [
        await write(store, partial(receivers.take_own_numbers, events=count)) for count in (1, 3, 1)
    ]
    assert taken == [0, 1, 4]


def notice(state: ConditionState, told: tuple[str, ...] = ("ops",)) -> Notice:
    subject = Subject(JobKey("", "chat"), ConditionName.PAUSED)
    condition = Condition(id="cnd_1", subject=subject, since=NOW, opened_at=NOW, told=told)
    event = ReceiverEvent(
        type=EventType.PAUSED,
        severity=Severity.CRITICAL,
        origin=factories.origin(source=""),
        receiver="chat",
        observed_at=NOW,
        condition=condition.note(state),
        reason="gone",
    )
    routes = (Routed(receiver="ops", reason=RouteReason.WANTED),)
    return Notice(event=event, routes=routes, move=Move(state, condition))


async def test_what_jobwatch_says_of_itself_belongs_to_no_source(stores: Stores) -> None:
    store = await stores.open()
    assert await store.tell_own([], NOW) == 0
    assert await store.tell_own([notice(ConditionState.OPENED)], NOW) == 1
    kept = select(conditions.c.source_id, conditions.c.receiver, conditions.c.job_id)
    assert await write(store, lambda connection: tuple(connection.execute(kept).one())) == (
        0,
        "chat",
        "chat",
    )
    (opened,) = await store.receiver_conditions()
    assert (opened.id, opened.told) == ("cnd_1", ("ops",))
    found = select(events.c.source_id, events.c.sequence, events.c.body)
    source_id, sequence, body = await write(
        store, lambda connection: tuple(connection.execute(found).one())
    )
    assert (source_id, sequence) == (0, 1)
    document = json.loads(body)
    assert (document["source"], document["subject"]) == ("/jobwatch/jobwatch", "chat")
    assert (await of(store, "ops"))[0].state is DeliveryState.PENDING
    assert not (await store.overview()).series


async def test_a_pause_is_told_once_whoever_tells_it(stores: Stores) -> None:
    store = await stores.open()
    await store.tell_own([notice(ConditionState.OPENED)], NOW)
    with pytest.raises(StaleWrite):
        await store.tell_own([notice(ConditionState.OPENED)], NOW)
    await store.tell_own([notice(ConditionState.CLOSED)], NOW)
    with pytest.raises(StaleWrite):
        await store.tell_own([notice(ConditionState.CLOSED)], NOW)
    assert await store.receiver_conditions() == []


async def test_the_overview_says_in_which_state_receivers_are(stores: Stores) -> None:
    store = await stores.open()
    await stands(store, FAILING)
    assert (await store.overview()).receivers == {"ops": ReceiverState.FAILING}

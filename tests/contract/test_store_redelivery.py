"""Contract of sending again: the same event with the same id, due now, with a new budget."""

from datetime import timedelta

import pytest

from jobwatch.core.muting import Silence
from jobwatch.core.outbox import Delivery, DeliveryState, Result, Settlement
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.outbox_values import Redelivered, Redelivery
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.contract.watcher import OPS, Clock, Watcher, claim, outcome, send_all
from tests.factories import HOUR, MINUTE, NOW, job

BUDGETS = {"ops": timedelta(days=1), "forever": None}
FOREVER = Subscription(receiver="forever")


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    return watcher


def given_up(delivery: Delivery, clock: Clock) -> Settlement:
    failed = outcome(delivery, clock(), Result.HTTP_5XX)
    return Settlement(delivery=delivery, attempt=failed.attempt, state=DeliveryState.DEAD)


async def kill(watcher: Watcher, clock: Clock, receiver: str = "ops") -> list[int]:
    """Give up everything that is due; the numbers."""
    claimed = await claim(watcher.store, receiver=receiver)
    await watcher.store.settle([given_up(each, clock) for each in claimed])
    return [each.id for each in claimed]


async def row_of(store: Store, id_: int) -> DeliveryRow:
    row = await store.delivery(id_)
    assert row is not None
    return row


async def test_a_dead_one_is_sent_again_with_its_id_and_a_new_budget(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (first,) = await claim(prod.store)
    await prod.store.settle([given_up(first, clock)])
    clock.advance(5 * HOUR)
    done = await prod.store.redeliver(Redelivery(delivery=first.id), give_up_after=BUDGETS)
    assert done == Redelivered(rows=(first.id,))
    row = await row_of(prod.store, first.id)
    assert (row.state, row.due_at, row.settled_at, row.manual) == (
        DeliveryState.PENDING, NOW + 5 * HOUR, None, True,
    )  # fmt: skip
    assert (row.last_result, row.last_answer) == (Result.HTTP_5XX, "said")
    (again,) = await claim(prod.store)
    assert (again.event_id, again.body) == (first.event_id, first.body)
    assert (again.attempt, again.spent, again.manual) == (2, 1, True)
    assert again.deadline == NOW + 5 * HOUR + timedelta(days=1)
    await prod.store.settle([outcome(again, clock())])
    assert (await row_of(prod.store, first.id)).state is DeliveryState.DELIVERED


async def test_a_delivered_one_is_sent_again_because_a_person_asked(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (sent,) = await send_all(prod.store, clock())
    await prod.store.redeliver(Redelivery(delivery=sent.id), give_up_after=BUDGETS)
    assert [each.id for each in await send_all(prod.store, clock())] == [sent.id]
    attempts = await prod.store.attempts(sent.id)
    assert [each.number for each in attempts] == [1, 2]


async def test_a_budget_without_end_stays_without_end(prod: Watcher, clock: Clock) -> None:
    prod.subscriptions = (FOREVER,)
    await prod.sees(job())
    (dead,) = await kill(prod, clock, "forever")
    await prod.store.redeliver(Redelivery(delivery=dead), give_up_after=BUDGETS)
    (again,) = await claim(prod.store, receiver="forever")
    assert again.deadline is None


async def test_what_is_open_is_left_as_it_is(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (row,) = (await prod.store.deliveries(DeliveryFilter(), limit=10)).rows
    asked = Redelivery(delivery=row.id)
    assert await prod.store.redeliver(asked, give_up_after=BUDGETS) == Redelivered()
    (sent,) = await claim(prod.store)
    assert await prod.store.redeliver(asked, give_up_after=BUDGETS) == Redelivered()
    assert await prod.store.settle([outcome(sent, clock())]) == 1


async def test_nothing_is_sent_to_a_receiver_that_is_not_configured(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (dead,) = await kill(prod, clock)
    asked = Redelivery(delivery=dead)
    assert await prod.store.redeliver(asked, give_up_after={}) == Redelivered()
    assert (await row_of(prod.store, dead)).state is DeliveryState.DEAD


async def test_all_dead_ones_of_a_receiver_since_a_time_are_sent_again_oldest_first(
    prod: Watcher, clock: Clock
) -> None:
    prod.subscriptions = (OPS, FOREVER)
    dead = []
    for name in ("j1", "j2", "j3", "j4"):
        await prod.sees(job(id=name))
        dead += await kill(prod, clock)
        await kill(prod, clock, "forever")
        clock.advance(MINUTE)
    asked = Redelivery(receiver="ops", since=NOW + MINUTE, limit=2)
    expected = Redelivered(rows=tuple(dead[1:3]), left=1)
    assert await prod.store.redeliverable(asked) == expected
    assert await claim(prod.store) == []
    assert await prod.store.redeliver(asked, give_up_after=BUDGETS) == expected
    assert [each.id for each in await claim(prod.store)] == dead[1:3]
    rest = Redelivered(rows=(dead[3],))
    assert await prod.store.redeliver(asked, give_up_after=BUDGETS) == rest
    depths = {each.receiver: each.dead for each in (await prod.store.overview()).outbox}
    assert depths == {"ops": 1, "forever": 4}


async def test_what_was_muted_is_sent_again_without_the_words_of_its_mute(prod: Watcher) -> None:
    await prod.store.mute(Silence(source="*", reason="planned"), until=NOW + HOUR)
    await prod.sees(job())
    (row,) = (await prod.store.deliveries(DeliveryFilter(), limit=10)).rows
    await prod.store.redeliver(Redelivery(delivery=row.id), give_up_after=BUDGETS)
    again = await row_of(prod.store, row.id)
    assert (again.state, again.last_answer) == (DeliveryState.PENDING, "")


async def test_a_delivery_that_is_not_there_is_none(prod: Watcher) -> None:
    await prod.sees(job())
    for number in (0, 2, 2**63, 10**30):
        assert await prod.store.delivery(number) is None

"""Contract of the outbox: claims, settlements, order, and what brings a delivery back."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from jobwatch.core.census import ATTEMPTS, DELIVERIES, DELIVERY_LAG, Series
from jobwatch.core.outbox import LONGEST_WAIT, DeliveryState, Result, Settlement
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.contract.databases import Stores
from tests.contract.watcher import (
    LEASE,
    OPS,
    Clock,
    Watcher,
    claim,
    next_due,
    outcome,
    returned,
    send_all,
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


async def test_a_claim_says_everything_an_attempt_needs(prod: Watcher) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    event = await prod.store.event(sent.event_id)
    assert event is not None
    assert (sent.body, sent.event_type, sent.receiver) == (event.body, "job.discovered", "ops")
    assert (sent.attempt, sent.claim) == (1, 1)


async def test_what_is_claimed_is_not_claimed_again_while_its_lease_lasts(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    await claim(prod.store)
    clock.advance(LEASE)
    assert await claim(prod.store) == []
    assert await next_due(prod.store) == NOW + LEASE


async def test_a_claim_whose_lease_ran_out_is_claimed_again_as_another_attempt(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (first,) = await claim(prod.store)
    clock.advance(LEASE + SECOND)
    (second,) = await claim(prod.store)
    assert (second.id, second.attempt) == (first.id, 2)
    assert second.claim > first.claim


async def test_a_stale_claim_settles_nothing(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (stale,) = await claim(prod.store)
    clock.advance(LEASE + SECOND)
    (fresh,) = await claim(prod.store)
    before = await prod.store.overview(), await rows(prod.store)
    assert await prod.store.settle([outcome(stale, clock())]) == 0
    assert (await prod.store.overview(), await rows(prod.store)) == before
    assert await prod.store.attempts(stale.id) == []
    assert await prod.store.settle([outcome(fresh, clock())]) == 1


async def test_a_settlement_after_the_lease_ran_out_counts_if_nobody_claimed_again(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    clock.advance(2 * LEASE)
    assert await prod.store.settle([outcome(sent, clock())]) == 1


async def test_deliveries_are_claimed_by_due_time_and_no_more_than_asked(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(*(job(id=f"j{each}") for each in range(5)))
    (late,) = await claim(prod.store, 1)
    await prod.store.settle([outcome(late, clock(), Result.TIMEOUT, again_in=SECOND)])
    clock.advance(2 * SECOND)
    claimed = await claim(prod.store, 10)
    assert [each.id for each in claimed] == [2, 3, 4, 5, 1]


async def test_receivers_are_claimed_apart(prod: Watcher) -> None:
    prod.subscriptions = (OPS, Subscription(receiver="second"))
    await prod.sees(job())
    (first,), (second,) = await claim(prod.store), await claim(prod.store, receiver="second")
    assert first.event_id == second.event_id
    assert await claim(prod.store, receiver="nobody") == []


async def test_a_delivered_one_is_final(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await send_all(prod.store, clock())
    clock.advance(timedelta(days=1))
    assert await claim(prod.store) == []
    assert await prod.store.settle([outcome(sent, clock())]) == 0
    (row,) = await rows(prod.store)
    assert (row.state, row.settled_at, row.due_at) == (DeliveryState.DELIVERED, NOW, None)
    assert (row.last_result, row.last_status, row.last_answer) == (Result.OK, 200, "said")


async def test_a_failed_one_is_due_again_when_it_was_said(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    await prod.store.settle([outcome(sent, clock(), Result.HTTP_5XX)])
    assert await next_due(prod.store) == NOW + MINUTE
    assert await claim(prod.store) == []
    clock.advance(MINUTE)
    (again,) = await claim(prod.store)
    assert again.attempt == 2


async def test_a_dead_one_is_kept_and_not_sent(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    dead = replace(outcome(sent, clock(), Result.GONE), state=DeliveryState.DEAD, due_at=None)
    assert await prod.store.settle([dead]) == 1
    (depth,) = (await prod.store.overview()).outbox
    assert (depth.receiver, depth.pending, depth.dead) == ("ops", 0, 1)
    assert await next_due(prod.store) is None


async def test_each_attempt_is_written_down(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (first,) = await claim(prod.store)
    await prod.store.settle([outcome(first, clock(), Result.TIMEOUT)])
    clock.advance(MINUTE)
    (second,) = await claim(prod.store)
    await prod.store.settle([outcome(second, clock())])
    made = await prod.store.attempts(first.id)
    assert [(each.number, each.result, each.started_at) for each in made] == [
        (1, Result.TIMEOUT, NOW),
        (2, Result.OK, NOW + MINUTE),
    ]
    assert (made[0].trigger, made[0].took, made[0].answer) == (
        "auto",
        timedelta(milliseconds=250),
        "said",
    )


async def test_a_long_odd_answer_is_cut_and_kept(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    said = outcome(sent, clock(), Result.HTTP_4XX)
    odd = replace(said, attempt=replace(said.attempt, answer="\x00" + "x" * 5000))
    await prod.store.settle([odd])
    (row,) = await rows(prod.store)
    assert row.last_answer == "�" + "x" * 1023


async def test_a_claim_that_is_given_back_was_never_made(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    assert await prod.store.settle([returned(sent, clock())]) == 1
    (row,) = await rows(prod.store)
    assert (row.state, row.attempts, row.last_result) == (DeliveryState.PENDING, 0, None)
    assert await prod.store.attempts(sent.id) == []
    (again,) = await claim(prod.store)
    assert again.attempt == 1
    assert again.claim > sent.claim


async def test_an_owner_gives_back_its_own_claims_alone(stores: Stores, prod: Watcher) -> None:
    other = await stores.open("b", exclusive=False)
    await prod.sees(job(id="x"), job(id="y"))
    (mine,), (theirs,) = await claim(prod.store, 1), await claim(other, 1)
    assert await prod.store.give_back("a") == 1
    found = {row.id: (row.state, row.attempts) for row in await rows(prod.store)}
    assert found == {mine.id: (DeliveryState.PENDING, 0), theirs.id: (DeliveryState.CLAIMED, 1)}


async def test_what_is_settled_is_counted(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job(id="x"), job(id="y"), job(id="z"))
    first, second, third = await claim(prod.store)
    clock.advance(4 * SECOND)
    dead = replace(outcome(second, clock(), Result.GONE), state=DeliveryState.DEAD, due_at=None)
    await prod.store.settle([outcome(first, clock()), dead, returned(third, clock())])
    assert await counted(prod.store) == {
        Series(ATTEMPTS, ("ok",)): 1,
        Series(ATTEMPTS, ("gone",)): 1,
        Series(DELIVERIES, ("delivered",)): 1,
        Series(DELIVERIES, ("dead",)): 1,
        Series(DELIVERY_LAG, ("5",)): 1,
        Series(DELIVERY_LAG, ("sum",)): 4,
    }


async def test_a_settlement_given_twice_takes_effect_once(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    assert (
        await prod.store.settle([outcome(sent, clock()), outcome(sent, clock(), Result.TIMEOUT)])
        == 1
    )
    (row,) = await rows(prod.store)
    assert row.state is DeliveryState.DELIVERED
    assert await prod.store.settle([]) == 0


async def test_a_due_time_beyond_any_that_could_be_written_counts_as_due(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    await prod.store.settle([outcome(sent, clock(), Result.TIMEOUT)])
    clock.advance(-timedelta(days=30))
    assert await next_due(prod.store) == clock()
    (again,) = await claim(prod.store)
    assert again.attempt == 2


async def test_what_was_never_tried_is_due_however_little_the_clock_stepped_back(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    clock.advance(-MINUTE)
    assert len(await claim(prod.store)) == 1


async def test_a_due_time_as_far_ahead_as_can_be_written_is_waited_for(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    await prod.store.settle([outcome(sent, clock(), Result.TIMEOUT, again_in=LONGEST_WAIT)])
    assert await claim(prod.store) == []
    assert await next_due(prod.store) == NOW + LONGEST_WAIT


async def test_a_claim_from_before_a_clock_stepped_back_is_over(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    await claim(prod.store)
    clock.advance(-timedelta(days=30))
    assert len(await claim(prod.store)) == 1


async def test_concurrent_claims_never_take_the_same_delivery(
    stores: Stores, prod: Watcher
) -> None:
    await prod.sees(*(job(id=f"j{each}") for each in range(60)))
    others = [await stores.open(f"r{each}", exclusive=False) for each in range(3)]
    claimants = [prod.store, *others]
    taken = await asyncio.gather(*(claim(each, 7) for _ in range(4) for each in claimants))
    counts = Counter(delivery.id for part in taken for delivery in part)
    assert set(counts.values()) == {1}
    rest = [await claim(prod.store, 100)]
    assert sum(counts.values()) + len(rest[0]) == 60


async def test_concurrent_settlements_take_effect_once(
    stores: Stores, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(*(job(id=f"j{each}") for each in range(20)))
    claimed = await claim(prod.store)
    settlements: list[Settlement] = [outcome(each, clock()) for each in claimed]
    other = await stores.open("b", exclusive=False)
    effects = await asyncio.gather(
        prod.store.settle(settlements),
        other.settle(settlements[::-1]),
        prod.store.settle(settlements),
    )
    assert sum(effects) == 20
    assert (await counted(prod.store))[Series(DELIVERIES, ("delivered",))] == 20

"""Contract of breakers and rate gates as the outbox keeps them: exact, in the claim's own transaction, over restarts."""

from datetime import timedelta

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import Delivery, Result
from jobwatch.core.rate_gate import Rate
from jobwatch.store import Store
from jobwatch.store.outbox_values import Claim, Claimed
from tests.contract.databases import Stores
from tests.contract.watcher import (
    CHAT,
    LEASE,
    OPS,
    Clock,
    Watcher,
    claim,
    manner,
    outcome,
    returned,
)
from tests.factories import HOUR, MINUTE, NOW, SECOND, job

RATE = (Rate(3, MINUTE),)


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    return watcher


async def news(prod: Watcher, count: int = 20) -> None:
    await prod.sees(*(job(id=f"job-{number:03}") for number in range(count)))


async def fail_all(prod: Watcher, claimed: list[Delivery], result: Result) -> None:
    await prod.store.settle([outcome(each, prod.clock(), result) for each in claimed])


async def ask(store: Store, **how: object) -> Claimed:
    return await store.claim_due(Claim(manner=manner("ops", **how), limit=8, lease=LEASE))


async def state(store: Store) -> ReceiverState:
    (row,) = await store.receivers(["ops"])
    return row.state


async def test_after_five_failures_in_a_row_nothing_is_claimed_until_the_rest_is_over(
    prod: Watcher, store: Store
) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 5), Result.CONNECT)
    waits = await ask(store)
    assert waits.deliveries == ()
    assert waits.again_at == NOW + 30 * SECOND
    assert await state(store) is ReceiverState.FAILING


async def test_then_one_is_the_probe_and_all_others_wait_without_an_attempt(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 5), Result.CONNECT)
    clock.advance(30 * SECOND)
    (probe,) = await claim(store, 8)
    assert await claim(store, 8) == []
    assert await state(store) is ReceiverState.HALF_OPEN
    await fail_all(prod, [probe], Result.CONNECT)
    waits = await ask(store)
    assert waits.again_at == clock() + MINUTE
    (row,) = await store.receivers(["ops"])
    assert row.pending == 20


async def test_two_successes_close_it_and_more_goes_out_step_by_step(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod, 40)
    await fail_all(prod, await claim(store, 5), Result.HTTP_5XX)
    clock.advance(HOUR)
    sizes = []
    for _ in range(6):
        claimed = await claim(store, 8)
        sizes.append(len(claimed))
        await fail_all(prod, claimed[:1], Result.OK)
        await store.settle([returned(each, clock()) for each in claimed[1:]])
    assert sizes == [1, 1, 2, 4, 8, 8]


async def test_a_probe_that_died_with_its_process_is_replaced_after_a_restart(
    prod: Watcher, stores: Stores, store: Store, clock: Clock
) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 5), Result.CONNECT)
    clock.advance(MINUTE)
    assert len(await claim(store, 8)) == 1
    if not stores.on_sqlite:
        clock.advance(LEASE + SECOND)
    await store.close()
    again = await stores.open()
    assert len(await claim(again, 8)) == 1


async def test_the_breaker_outlives_a_restart(prod: Watcher, stores: Stores, store: Store) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 5), Result.CONNECT)
    await store.close()
    again = await stores.open()
    assert await claim(again, 8) == []


async def test_a_refused_key_stops_everything_at_once_and_a_new_key_starts_it(
    prod: Watcher, store: Store
) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 1), Result.AUTH)
    waits = await ask(store)
    assert waits.deliveries == ()
    assert waits.again_at == NOW + 5 * MINUTE
    assert len((await ask(store, fingerprint="another key")).deliveries) == 1


async def test_what_was_refused_with_the_old_key_is_due_at_once_with_the_new_one(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod, 1)
    (one,) = await claim(store, 1)
    await store.settle([outcome(one, clock(), Result.AUTH, again_in=10 * HOUR)])
    (again,) = (await ask(store, fingerprint="another key")).deliveries
    assert (again.id, again.spent) == (one.id, 1)


async def test_a_receiver_that_is_gone_is_paused_and_keeps_its_queue_until_its_configuration_changes(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 1), Result.GONE)
    clock.advance(100 * HOUR)
    waits = await ask(store)
    assert (waits.deliveries, waits.again_at) == ((), None)
    (row,) = await store.receivers(["ops"])
    assert (row.state, row.reason, row.pending) == (ReceiverState.PAUSED, "gone", 20)
    (probe,) = (await ask(store, fingerprint="another URL", give_up_after=HOUR)).deliveries
    assert probe.deadline == clock() + HOUR
    assert probe.attempt - probe.spent == 1


async def test_a_change_of_a_healthy_receiver_is_remembered_and_mends_no_later_failure(
    prod: Watcher, store: Store
) -> None:
    await news(prod)
    first = list((await ask(store)).deliveries)
    await fail_all(prod, first, Result.OK)
    (one, *_) = (await ask(store, fingerprint="another key")).deliveries
    await fail_all(prod, [one], Result.GONE)
    assert (await ask(store, fingerprint="another key")).deliveries == ()
    assert await state(store) is ReceiverState.PAUSED


async def test_a_change_while_nothing_is_due_renews_budgets_once(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod, 1)
    (one,) = await claim(store, 1)
    await fail_all(prod, [one], Result.GONE)
    for _ in range(2):
        limited = Claim(
            manner=manner("ops", fingerprint="another", give_up_after=HOUR), limit=0, lease=LEASE
        )
        await store.claim_due(limited)
        clock.advance(MINUTE)
    (probe,) = (await ask(store, fingerprint="another", give_up_after=HOUR)).deliveries
    assert probe.deadline == NOW + HOUR


async def test_a_wrong_message_does_not_open_the_breaker(prod: Watcher, store: Store) -> None:
    await news(prod)
    await fail_all(prod, await claim(store, 8), Result.HTTP_4XX)
    assert len(await claim(store, 8)) == 8
    assert await state(store) is ReceiverState.ACTIVE


async def test_the_rate_of_a_url_holds_and_outlives_a_restart(
    prod: Watcher, stores: Stores, store: Store, clock: Clock
) -> None:
    await news(prod)
    sent = await claim(store, 8, rates=RATE)
    assert len(sent) == 3
    clock.advance(10 * SECOND)
    await fail_all(prod, sent, Result.OK)
    await store.close()
    again = await stores.open()
    waits = await ask(again, rates=RATE)
    assert waits.deliveries == ()
    assert waits.again_at == clock() + MINUTE
    clock.advance(MINUTE)
    assert len((await ask(again, rates=RATE)).deliveries) == 3


async def test_two_receivers_of_one_url_share_its_rate(prod: Watcher, store: Store) -> None:
    prod.subscriptions = (OPS, CHAT)
    await prod.sees(*(job("Failed", id=f"job-{number}") for number in range(9)))
    await prod.releases_all()
    first = await claim(store, 2, "ops", rates=RATE, gate="one robot")
    second = await claim(store, 8, "chat", rates=RATE, gate="one robot")
    assert (len(first), len(second)) == (2, 1)


async def test_what_a_receiver_asks_for_holds_back_all_of_its_deliveries(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod)
    (one,) = await claim(store, 1)
    asked = outcome(one, clock(), Result.RATE_LIMITED, again_in=10 * MINUTE)
    rested = asked.attempt.__class__(
        started_at=clock(), took=SECOND, result=Result.RATE_LIMITED, retry_after=10 * MINUTE
    )
    settlement = asked.__class__(
        delivery=one, attempt=rested, state=asked.state, due_at=asked.due_at
    )
    await store.settle([settlement])
    waits = await ask(store)
    assert waits.deliveries == ()
    assert waits.again_at == clock() + 10 * MINUTE


async def test_a_message_holds_its_place_until_a_window_after_its_lease_if_no_answer_comes(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await news(prod)
    assert len(await claim(store, 8, rates=RATE)) == 3
    clock.advance(LEASE + timedelta(seconds=59))
    assert await claim(store, 8, rates=RATE) == []
    clock.advance(SECOND)
    assert len(await claim(store, 8, rates=RATE)) == 3

"""What was found by attacking the outbox in the store: each test is named for what went wrong."""

import json
from datetime import timedelta

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.outbox import Attempt, Delivery, DeliveryState, Result, Settlement
from jobwatch.core.rate_gate import Rate
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.order import CHUNK
from jobwatch.store.outbox_values import Claim, Redelivery
from jobwatch.store.values import DeliveryFilter
from tests.contract.databases import Stores
from tests.contract.watcher import CHAT, LEASE, Clock, Watcher, claim, manner, outcome
from tests.factories import DAY, HOUR, MINUTE, SECOND, job

POLICY = DigestPolicy(first=3, every=MINUTE)
RATES = (Rate(2, MINUTE),)


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (CHAT,)
    return watcher


async def fail(prod: Watcher, *names: str) -> None:
    await prod.sees(*(job("Failed", id=name, ended_at=prod.clock()) for name in names))
    await prod.releases_all()


def names(count: int, prefix: str = "j") -> list[str]:
    return [f"{prefix}{number:05}" for number in range(count)]


async def take(store: Store, **how: object) -> list[Delivery]:
    return await claim(store, receiver="chat", **({"digest": POLICY} | how))  # type: ignore[arg-type]


async def settle(store: Store, clock: Clock, *claimed: Delivery, **how: object) -> None:
    await store.settle([outcome(each, clock(), **how) for each in claimed])  # type: ignore[arg-type]


async def states(store: Store) -> dict[str, int]:
    listed = await store.deliveries(DeliveryFilter(receiver="chat"), limit=100_000)
    found: dict[str, int] = {}
    for row in listed.rows:
        found[row.state.value] = found.get(row.state.value, 0) + 1
    return found


async def test_a_digest_with_young_news_in_it_does_not_expire_with_its_oldest_member(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    aged = {"max_age": DAY}
    await fail(prod, *names(3, "alone"), "oldest")
    await settle(store, clock, *(await take(store, **aged)))
    clock.advance(DAY - MINUTE)
    await fail(prod, *names(9, "young"))
    (digest,) = await take(store, **aged)
    assert json.loads(digest.body)["data"]["total"] == 10
    await settle(store, clock, digest, result=Result.HTTP_5XX, again_in=2 * MINUTE)
    clock.advance(2 * MINUTE)
    (again,) = await take(store, **aged)
    assert again.event_id == digest.event_id
    await settle(store, clock, again, result=Result.HTTP_5XX)
    clock.advance(DAY)
    assert await take(store, **aged) == []


async def test_a_digest_of_news_that_a_person_resumed_does_not_expire_by_the_age_it_had_before(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(9))
    await store.pause_receiver("chat")
    clock.advance(2 * DAY)
    await store.resume_receiver("chat", give_up_after=6 * HOUR)
    told: list[Delivery] = []
    for _ in range(9):
        claimed = await take(store, max_age=DAY)
        told += claimed
        if any(each.event_type == "digest" for each in claimed):
            break
        await settle(store, clock, *claimed)
        if not claimed:
            clock.advance(MINUTE)
    await settle(store, clock, told[-1], result=Result.HTTP_5XX)
    clock.advance(MINUTE)
    assert [each.id for each in await take(store, max_age=DAY)] == [told[-1].id]


async def test_many_sent_again_by_a_person_do_not_hold_back_what_is_new(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(30))
    for each in await take(store, digest=None):
        attempt = Attempt(started_at=clock(), took=timedelta(), result=Result.TOO_LARGE)
        await store.settle([Settlement(delivery=each, attempt=attempt, state=DeliveryState.DEAD)])
    await store.redeliver(Redelivery(receiver="chat"), give_up_after={"chat": 6 * HOUR})
    clock.advance(SECOND)
    await fail(prod, "new")
    for how in ({"digest": POLICY}, {"digest": None}):
        claimed = await take(store, rates=RATES, gate=str(how), **how)
        assert "new" in {json.loads(each.body)["subject"] for each in claimed}
        assert len(claimed) == 2
        for each in claimed:
            attempt = Attempt(started_at=clock(), took=timedelta(), result=Result.CANCELLED)
            back = Settlement(
                delivery=each, attempt=attempt, state=DeliveryState.PENDING, give_back=True
            )
            await store.settle([back])


async def test_what_waited_for_the_end_of_a_window_is_told_together_however_late_that_is_noticed(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(9))
    await settle(store, clock, *(await take(store)))
    for round_ in range(3):
        clock.advance(HOUR)
        await fail(prod, *names(4, f"{round_}-"))
        await settle(store, clock, *(await take(store)))
    assert (await states(store)).get("pending", 0) <= 4


async def test_news_that_is_too_old_is_not_told_however_much_of_it_there_is(
    file_stores: Stores, clock: Clock
) -> None:
    store = await file_stores.open()
    prod = await Watcher.start(store, clock)
    prod.subscriptions = (Subscription(receiver="chat"),)
    many = CHUNK + 50
    await prod.sees(*(job("Active", id=name) for name in names(many)))
    clock.advance(2 * DAY)
    aged = Claim(manner=manner("chat", max_age=DAY), limit=8, lease=LEASE)
    assert (await store.claim_due(aged)).deliveries == ()
    assert await states(store) == {"expired": many}


async def test_the_answer_of_a_former_url_says_nothing_of_the_present_one(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, "a", "b", "c")
    first, second = await take(store, limit=2, digest=None)
    await settle(store, clock, first, result=Result.GONE)
    new = {"fingerprint": "moved", "gate": "the new url", "digest": None}
    (third,) = await take(store, **new)
    await settle(store, clock, second, result=Result.GONE)
    await settle(store, clock, third)
    (row,) = await store.receivers(["chat"])
    assert row.state is not ReceiverState.PAUSED

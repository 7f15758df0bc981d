"""Contract of digests: the first by themselves, the rest together, nothing dropped, the same bytes on every try."""

import json
from collections import Counter
from typing import Any

import pytest

from jobwatch.core.digest import DigestPolicy
from jobwatch.core.outbox import Delivery, DeliveryState, Result
from jobwatch.store import Store
from jobwatch.store.outbox_values import Claim
from jobwatch.store.values import DeliveryFilter
from tests.contract.watcher import CHAT, LEASE, OPS, Clock, Watcher, claim, manner, outcome
from tests.factories import HOUR, MINUTE, NOW, SECOND, job, progress

POLICY = DigestPolicy(first=3, every=MINUTE)


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (CHAT,)
    return watcher


async def fail(prod: Watcher, *names: str, **more: Any) -> None:
    """These jobs are first seen failed, and told without detail."""
    await prod.sees(*(job("Failed", id=name, ended_at=prod.clock(), **more) for name in names))
    await prod.releases_all()


def names(count: int, prefix: str = "j") -> list[str]:
    return [f"{prefix}{number:05}" for number in range(count)]


async def take(store: Store, **how: Any) -> list[Delivery]:
    return await claim(store, receiver="chat", **({"digest": POLICY} | how))


async def tell(store: Store, clock: Clock, **how: Any) -> list[Delivery]:
    """Send everything that may be sent now."""
    sent: list[Delivery] = []
    while claimed := await take(store, **how):
        await store.settle([outcome(each, clock()) for each in claimed])
        sent += claimed
    return sent


async def states(store: Store) -> Counter[str]:
    listed = await store.deliveries(DeliveryFilter(receiver="chat"), limit=100_000)
    return Counter(row.state.value for row in listed.rows)


def told(delivery: Delivery) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(delivery.body)["data"]
    return data


async def test_the_first_three_go_out_at_once_and_the_rest_waits_for_the_window(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(40))
    sent = await tell(store, clock)
    assert [each.event_type for each in sent] == ["job.failed"] * 3
    again = await store.claim_due(Claim(manner=manner("chat", digest=POLICY), limit=8, lease=LEASE))
    assert again.deliveries == ()
    assert again.again_at == NOW + MINUTE


async def test_the_window_ends_in_one_digest_that_accounts_for_everything(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(40), progress=progress(4, 6))
    await tell(store, clock)
    clock.advance(MINUTE)
    (digest,) = await tell(store, clock)
    data = told(digest)
    assert digest.event_type == "digest"
    assert data["total"] == 37
    assert data["counts"] == [
        {
            "source": "prod",
            "type": "job.failed",
            "severity": "critical",
            "count": 37,
            "tasks": 370,
            "tasks_failed": 222,
        }
    ]
    assert len(data["samples"]) == 10
    assert data["omitted"] == 27
    assert data["began_at"] == data["ended_at"] == "2026-11-21T20:00:00Z"
    assert await states(store) == {"delivered": 4, "absorbed": 37}


async def test_a_member_names_the_digest_that_tells_it(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(6))
    await tell(store, clock)
    clock.advance(MINUTE)
    (digest,) = await tell(store, clock)
    listed = await store.deliveries(
        DeliveryFilter(receiver="chat", state=DeliveryState.ABSORBED), limit=10
    )
    assert {row.digest_id for row in listed.rows} == {digest.event_id}


async def test_a_digest_is_retried_with_the_same_bytes_whatever_comes_meanwhile(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(6))
    await tell(store, clock)
    clock.advance(MINUTE)
    (first,) = await take(store)
    await store.settle([outcome(first, clock(), Result.HTTP_5XX)])
    await fail(prod, *names(9, "k"))
    clock.advance(MINUTE)
    again, second = sorted(await take(store), key=lambda each: each.id)
    assert (again.id, again.event_id, again.body) == (first.id, first.event_id, first.body)
    assert told(second)["total"] == 9


async def test_a_busy_group_is_told_once_a_window_and_a_quiet_one_at_once_again(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(5))
    assert len(await tell(store, clock)) == 3
    for number in range(3):
        clock.advance(MINUTE)
        await fail(prod, *names(4, f"busy{number}-"))
        assert [each.event_type for each in await tell(store, clock)] == ["digest"]
    clock.advance(HOUR)
    await fail(prod, *names(2, "later"))
    assert [each.event_type for each in await tell(store, clock)] == ["job.failed"] * 2


async def test_one_that_waited_alone_is_told_as_it_is(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(4))
    await tell(store, clock)
    clock.advance(MINUTE)
    (last,) = await tell(store, clock)
    assert last.event_type == "job.failed"


async def test_without_a_policy_every_message_goes_by_itself(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(40))
    assert len(await tell(store, clock, digest=None)) == 40


async def test_what_was_tried_already_is_not_told_in_a_digest(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(10))
    first = await take(store)
    assert len(first) == 3
    await store.settle([outcome(each, clock(), Result.TIMEOUT) for each in first])
    clock.advance(MINUTE)
    again = await tell(store, clock)
    assert sorted(each.event_type for each in again) == ["digest", *["job.failed"] * 3]
    assert {each.id for each in first} < {each.id for each in again}


async def test_every_type_has_a_window_of_its_own(prod: Watcher, store: Store) -> None:
    prod.subscriptions = (OPS,)
    await fail(prod, *names(9))
    await prod.sees(*(job(id=name) for name in names(9, "new")))
    sent = await claim(store, receiver="ops", digest=POLICY)
    assert Counter(each.event_type for each in sent) == {"job.failed": 3, "job.discovered": 3}


async def test_a_thousand_failures_are_one_digest_and_all_accounted_for(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    for part in range(2):
        await fail(prod, *names(500, f"p{part}-"))
    await tell(store, clock)
    clock.advance(MINUTE)
    (digest,) = await tell(store, clock)
    assert told(digest)["total"] == 997
    assert len(digest.body) < 20_000
    assert await states(store) == {"delivered": 4, "absorbed": 997}


async def test_a_digest_does_not_wait_for_another_one(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    await fail(prod, *names(6))
    await tell(store, clock)
    clock.advance(MINUTE)
    (first,) = await take(store)
    await store.settle([outcome(first, clock(), Result.HTTP_4XX, again_in=HOUR)])
    await fail(prod, *names(6, "k"))
    clock.advance(MINUTE)
    (second,) = await tell(store, clock)
    assert second.event_type == "digest"
    assert second.id != first.id


async def test_numbers_of_own_events_never_repeat(
    prod: Watcher, store: Store, clock: Clock
) -> None:
    sequences = []
    for number in range(3):
        await fail(prod, *names(6, f"n{number}-"))
        await tell(store, clock)
        clock.advance(MINUTE)
        sent = await tell(store, clock)
        sequences += [
            int(json.loads(each.body)["sequence"]) for each in sent if each.event_type == "digest"
        ]
        clock.advance(HOUR)
    assert sequences == sorted(set(sequences))
    assert len(sequences) == 3


async def test_slots_bound_what_goes_out_at_once(prod: Watcher, store: Store) -> None:
    await fail(prod, *names(10))
    assert len(await take(store, limit=2)) == 2
    assert len(await take(store, limit=2)) == 1
    assert await take(store, limit=2) == []


def test_the_policy_here_is_the_contracts_default() -> None:
    assert (POLICY.first, POLICY.every) == (3, 60 * SECOND)

"""Contract of `prune`: what is old goes, what still has to be told stays."""

from dataclasses import replace

import pytest

from jobwatch.core.model import JobKey
from jobwatch.core.muting import Silence
from jobwatch.core.outbox import DeliveryState
from jobwatch.store import Store, pruning
from jobwatch.store.values import DeliveryFilter, EventFilter, Pruned, Retention
from tests.contract.watcher import OPS, Clock, Watcher, claim, outcome, send_all
from tests.factories import DAY, NOW, SECOND, job

KEEP = Retention(jobs=400 * DAY, events=90 * DAY, dead_deliveries=30 * DAY)


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    return watcher


async def test_nothing_young_is_forgotten(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job(), job("Failed", id="b"))
    await prod.releases_all()
    await send_all(prod.store, clock())
    await prod.store.mark_left(prod.lease, [2], NOW)
    assert await prod.store.prune(KEEP, NOW + 30 * DAY) == Pruned()


async def test_a_told_event_goes_with_its_deliveries_attempts_and_change(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    (sent,) = await send_all(prod.store, clock())
    assert await prod.store.prune(KEEP, NOW + 90 * DAY + SECOND) == Pruned(events=1)
    assert (await prod.store.events(EventFilter(), limit=10)).rows == ()
    assert (await prod.store.deliveries(DeliveryFilter(), limit=10)).rows == ()
    assert await prod.store.attempts(sent.id) == []
    assert await prod.store.changes("prod", JobKey("", "job-1")) == []
    assert (await prod.snapshot()).row == 1


async def test_an_event_that_waits_for_detail_or_for_its_receiver_stays(prod: Watcher) -> None:
    await prod.sees(job("Failed", id="held"), job(id="pending"))
    await claim(prod.store)
    assert await prod.store.prune(KEEP, NOW + 1000 * DAY) == Pruned()


async def test_dead_deliveries_go_first_and_then_their_event(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (sent,) = await claim(prod.store)
    await prod.store.settle([replace(outcome(sent, clock()), state=DeliveryState.DEAD)])
    keep_dead = replace(KEEP, dead_deliveries=1000 * DAY)
    assert await prod.store.prune(keep_dead, NOW + 100 * DAY) == Pruned()
    assert await prod.store.prune(KEEP, NOW + 30 * DAY + SECOND) == Pruned(deliveries=1)
    assert await prod.store.prune(KEEP, NOW + 90 * DAY + SECOND) == Pruned(events=1)


async def test_a_job_goes_so_long_after_it_left_its_list_with_its_changes(prod: Watcher) -> None:
    await prod.sees(job("Failed", id="gone"), job("Failed", id="listed"), job(id="unfinished"))
    await prod.store.mark_left(prod.lease, [1], NOW)
    keep = replace(KEEP, events=1000 * DAY)
    assert await prod.store.prune(keep, NOW + 400 * DAY) == Pruned()
    assert await prod.store.prune(keep, NOW + 400 * DAY + SECOND) == Pruned(jobs=1)
    assert await prod.store.changes("prod", JobKey("", "gone")) == []
    assert len(await prod.store.changes("prod", JobKey("", "listed"))) == 1
    assert [each.job.id for each in await prod.store.known_rows(prod.lease, [1, 2, 3])] == [
        "listed",
        "unfinished",
    ]


async def test_a_row_number_is_not_given_again(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    await prod.store.mark_left(prod.lease, [1], NOW)
    await prod.store.prune(KEEP, NOW + 401 * DAY)
    assert (await prod.sees(job("Failed"))).rows == {JobKey("", "job-1"): 2}


async def test_one_call_forgets_a_bounded_number(
    prod: Watcher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "LIMIT", 4)
    await prod.sees(*(job("Failed", id=f"j{number}") for number in range(10)))
    await prod.releases_all()
    await send_all(prod.store, clock())
    await prod.store.mark_left(prod.lease, list(range(1, 11)), NOW)
    now = NOW + 1000 * DAY
    removed = [await prod.store.prune(KEEP, now) for _ in range(4)]
    assert [(each.events, each.jobs) for each in removed] == [(4, 4), (4, 4), (2, 2), (0, 0)]


async def test_a_delivery_id_is_not_given_again(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    (first,) = await send_all(prod.store, clock())
    await prod.store.prune(KEEP, NOW + 91 * DAY)
    await prod.sees(job("Paused"))
    (second,) = await claim(prod.store)
    assert second.id > first.id


async def test_mutes_that_are_over_are_forgotten_and_those_that_hold_are_not(
    prod: Watcher, clock: Clock
) -> None:
    over = await prod.store.mute(Silence(source="a"), until=NOW + DAY)
    holds = await prod.store.mute(Silence(source="b"), until=NOW + 200 * DAY)
    assert [each.id for each in await prod.store.mutes(ended=True)] == [holds.id, over.id]
    clock.advance(91 * DAY + SECOND)
    await prod.store.prune(KEEP, clock())
    assert [each.id for each in await prod.store.mutes(ended=True)] == [holds.id]


async def test_what_waits_anew_for_a_receiver_is_as_old_as_its_renewal(
    prod: Watcher, clock: Clock
) -> None:
    """So that ten days of queue, resumed just now, are no alarm by themselves."""
    await prod.sees(job())
    await prod.store.pause_receiver("ops")
    clock.advance(10 * DAY)
    (before,) = (await prod.store.overview()).outbox
    await prod.store.resume_receiver("ops", give_up_after=DAY)
    (after,) = (await prod.store.overview()).outbox
    assert (before.oldest_at, after.oldest_at) == (NOW, clock())

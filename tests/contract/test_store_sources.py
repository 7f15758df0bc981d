"""Contract of sources, leases and sweeps, and of what a sweep reads of its jobs."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from jobwatch.core.errors import ConfigError, FenceLost
from jobwatch.core.model import JobKey
from jobwatch.core.overview import LastError, SourceState
from jobwatch.core.plan import SweepKind
from jobwatch.store import Store
from jobwatch.store.values import Lease, Release, SweepFailure, SweepReport
from tests.contract.databases import Stores
from tests.contract.watcher import OTHER, PROD, Clock, Watcher
from tests.factories import MINUTE, NOW, SECOND, job


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
    error = LastError(
        at=NOW, error_class="denied", code="AccessDenied", message="no", request_id="r1"
    )
    defaults: dict[str, Any] = {"at": NOW, "error": error, "next_sweep_at": NOW + MINUTE}
    return SweepFailure(**(defaults | fields))


async def test_a_new_source_has_a_clean_state(store: Store) -> None:
    found = (await store.register([PROD, OTHER])).states
    assert found["prod"] == SourceState(source_id=found["prod"].source_id, identity=PROD)
    assert found["vault_jobs"].identity == OTHER


async def test_registering_again_finds_what_was_remembered(store: Store, prod: Watcher) -> None:
    await store.finish_sweep(prod.lease, report())
    found = (await store.register([PROD, OTHER])).states
    assert found["prod"].all_data_at == NOW


async def test_a_name_bound_to_another_identity_is_refused_and_nothing_registered(
    store: Store,
) -> None:
    await store.register([PROD])
    with pytest.raises(ConfigError) as caught:
        await store.register([replace(PROD, account="999"), OTHER])
    (problem,) = caught.value.problems
    assert "sources.prod" in problem
    assert "'100000000001'" in problem
    assert "'999'" in problem
    assert "rename the source" in problem
    assert [each.identity.name for each in await store.sources()] == ["prod"]


async def test_every_acquired_lease_has_a_higher_fence(store: Store, prod: Watcher) -> None:
    again = await store.acquire("prod", lease=MINUTE)
    assert again is not None
    assert again.fence > prod.lease.fence
    assert (await store.source(again)).lease_until == NOW + MINUTE


async def test_a_source_that_was_never_registered_cannot_be_acquired(store: Store) -> None:
    assert await store.acquire("nobody", lease=MINUTE) is None


async def test_another_owner_gets_the_lease_only_when_it_is_over_or_handed_back(
    stores: Stores, prod: Watcher, clock: Clock
) -> None:
    other = await stores.open("b", exclusive=False)
    assert await other.acquire("prod", lease=MINUTE) is None
    await prod.store.renew(prod.lease, lease_for=2 * MINUTE)
    clock.advance(MINUTE + SECOND)
    assert await other.acquire("prod", lease=MINUTE) is None
    clock.advance(MINUTE)
    taken = await other.acquire("prod", lease=MINUTE)
    assert taken is not None
    await other.hand_back(taken)
    assert await prod.store.acquire("prod", lease=MINUTE) is not None


async def test_handing_back_a_lost_lease_takes_nothing_from_its_new_owner(
    stores: Stores, prod: Watcher, clock: Clock
) -> None:
    other = await stores.open("b", exclusive=False)
    clock.advance(2 * MINUTE)
    taken = await other.acquire("prod", lease=MINUTE)
    await prod.store.hand_back(prod.lease)
    assert taken is not None
    await other.begin_sweep(taken, NOW)


FENCED: dict[str, Callable[[Store, Lease], Coroutine[Any, Any, object]]] = {
    "renew": lambda store, lease: store.renew(lease, lease_for=MINUTE),
    "begin_sweep": lambda store, lease: store.begin_sweep(lease, NOW),
    "finish_sweep": lambda store, lease: store.finish_sweep(lease, report()),
    "break_sweep": lambda store, lease: store.break_sweep(lease, failure()),
    "mark_left": lambda store, lease: store.mark_left(lease, [1], NOW),
    "release": lambda store, lease: store.release(lease, [Release(event_id="evt", detail=None)]),
}


@pytest.mark.parametrize("verb", FENCED)
async def test_a_verb_with_a_lost_fence_writes_nothing(
    store: Store, prod: Watcher, verb: str
) -> None:
    await prod.sees(job("Failed"))
    taken = await store.acquire("prod", lease=10 * MINUTE)
    assert taken is not None
    before = await store.overview()
    with pytest.raises(FenceLost, match="prod"):
        await FENCED[verb](store, prod.lease)
    assert await store.overview() == before


async def test_the_first_sweep_ever_is_where_the_baseline_begins(
    store: Store, prod: Watcher
) -> None:
    await store.begin_sweep(prod.lease, NOW)
    begun = await store.begin_sweep(prod.lease, NOW + MINUTE)
    found = await store.source(prod.lease)
    assert begun == found
    assert (found.baseline_started_at, found.attempted_at) == (NOW, NOW + MINUTE)
    assert found.baselined_at is None


async def test_a_complete_full_sweep_covers_everything(store: Store, prod: Watcher) -> None:
    await store.finish_sweep(prod.lease, report())
    later = NOW + MINUTE
    await store.finish_sweep(prod.lease, report(started_at=later, finished_at=later, listed=11))
    found = await store.source(prod.lease)
    assert found.baselined_at == NOW + SECOND
    assert (found.all_data_at, found.unfinished_data_at, found.watched_until) == (
        later,
        later,
        later,
    )
    assert (found.listed, found.unfinished) == (11, 3)
    assert found.next_sweep_at == NOW + 30 * SECOND


async def test_a_hot_sweep_covers_unfinished_jobs_alone(store: Store, prod: Watcher) -> None:
    await store.finish_sweep(prod.lease, report())
    later = NOW + MINUTE
    await store.finish_sweep(
        prod.lease,
        report(SweepKind.HOT, started_at=later, finished_at=later, listed=2, unfinished=2),
    )
    found = await store.source(prod.lease)
    assert (found.all_data_at, found.unfinished_data_at) == (NOW, later)
    assert (found.listed, found.unfinished) == (10, 2)


async def test_a_broken_sweep_leaves_the_age_of_the_data_as_it_was(
    store: Store, prod: Watcher
) -> None:
    await store.finish_sweep(prod.lease, report())
    row = {"failures": 2, "failing_since": NOW + MINUTE}
    await store.break_sweep(prod.lease, failure(at=NOW + 2 * MINUTE, **row))
    found = await store.source(prod.lease)
    assert (found.failures, found.failing_since) == (2, NOW + MINUTE)
    assert found.attempted_at == NOW + 2 * MINUTE
    assert found.last_error == failure().error
    assert (found.all_data_at, found.next_sweep_at) == (NOW, NOW + MINUTE)


async def test_a_complete_sweep_ends_the_row_of_failures_and_keeps_the_last_error(
    store: Store, prod: Watcher
) -> None:
    await store.break_sweep(prod.lease, failure())
    await store.finish_sweep(prod.lease, report())
    found = await store.source(prod.lease)
    assert (found.failures, found.failing_since) == (0, None)
    assert found.last_error == failure().error


async def test_the_index_is_streamed_in_order_with_hashes_and_who_left(prod: Watcher) -> None:
    prod.baselined = False
    prod.subscriptions = ()
    jobs = [job("Done", id=f"j{each}", fingerprint=2**64 - 1 - each) for each in range(9000)]
    await prod.sees(*jobs)
    await prod.store.mark_left(prod.lease, [2], NOW)
    parts = [part async for part in prod.store.index(prod.lease)]
    rows = [row for part in parts for row in part]
    assert len(parts) > 1
    assert [row.row for row in rows] == list(range(1, 9001))
    assert [row.fingerprint for row in rows] == [each.fingerprint for each in jobs]
    assert [row.row for row in rows if row.left] == [2]


async def test_the_index_of_a_source_without_jobs_is_empty(prod: Watcher) -> None:
    assert [part async for part in prod.store.index(prod.lease)] == []


async def test_known_finds_three_thousand_jobs_and_only_those_of_the_source(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    prod.subscriptions = ()
    await prod.sees(*(job(id=f"j{each}", scope=f"v{each % 3}") for each in range(3000)))
    other = await Watcher.start(store, clock, OTHER)
    await other.sees(job(id="j1", scope="v1"))
    asked = [JobKey(f"v{each % 3}", f"j{each}") for each in range(3500)]
    found = await store.known(prod.lease, asked)
    assert list(found) != []
    assert set(found) == set(asked[:3000])
    assert all(snapshot.key == key for key, snapshot in found.items())
    assert len(await store.known(other.lease, asked)) == 1


async def test_known_rows_and_absent_jobs_come_in_order(prod: Watcher) -> None:
    await prod.sees(job(id="a"), job("Failed", id="b"), job("New", id="c"))
    rows = await prod.store.known_rows(prod.lease, [3, 1, 99])
    assert [each.job.id for each in rows] == ["a", "c"]
    absent = await prod.store.absent(prod.lease, [3, 2, 1, 99])
    assert [each.job.id for each in absent] == ["a", "c"]
    assert await prod.store.absent(prod.lease, []) == []
    assert await prod.store.count_unfinished(prod.lease) == 2


async def test_only_ended_jobs_leave_and_only_once(prod: Watcher) -> None:
    await prod.sees(job(id="a"), job("Failed", id="b"), job("Failed", id="c"))
    assert await prod.store.mark_left(prod.lease, [1, 2], NOW) == 1
    assert await prod.store.mark_left(prod.lease, [2, 3], NOW + MINUTE) == 1
    found = {
        each.job.id: each.left_at for each in await prod.store.known_rows(prod.lease, [1, 2, 3])
    }
    assert found == {"a": None, "b": NOW, "c": NOW + MINUTE}


async def test_a_job_that_left_and_came_back_is_not_marked_any_more(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    await prod.store.mark_left(prod.lease, [1], NOW)
    await prod.sees(job("Failed"))
    assert (await prod.snapshot()).left_at is None


@pytest.mark.usefixtures("prod")
async def test_leases_and_identities_are_shown(store: Store) -> None:
    (found,) = await store.sources()
    assert (found.identity, found.lease_owner, found.lease_until) == (PROD, "a", NOW + MINUTE)


async def test_an_empty_store_has_an_overview(store: Store) -> None:
    found = await store.overview()
    assert not any((found.sources, found.series, found.census, found.outbox))


async def test_a_store_that_answers_pings(store: Store) -> None:
    await store.ping()

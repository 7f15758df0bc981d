"""Contract of samples: few of each unfinished job, in the transaction of what they sample."""

from datetime import datetime

import pytest

from jobwatch.core.diff import Authority
from jobwatch.core.forecast import SAMPLES_KEPT, SAMPLES_LEFT, Sample
from jobwatch.core.model import JobKey
from jobwatch.store import Store
from jobwatch.store.values import Retention
from tests.contract.watcher import OTHER, Clock, Watcher
from tests.factories import DAY, MINUTE, NOW, SECOND, job, progress

HUGE = 2**64


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = ()
    return watcher


async def samples(prod: Watcher, job_id: str = "job-1", scope: str = "") -> list[Sample]:
    return await prod.store.samples(prod.name, JobKey(scope, job_id))


async def test_a_sample_is_kept_when_counters_move(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    clock.advance(MINUTE)
    await prod.sees(job(progress=progress(3, 1)))
    assert await samples(prod) == [Sample(NOW, 10, 0, 0), Sample(NOW + MINUTE, 10, 3, 1)]


async def test_no_sample_is_kept_when_they_do_not(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job(), job(id="bare", progress=None))
    clock.advance(MINUTE)
    await prod.sees(job("Paused"), job("Paused", id="bare", progress=None))
    assert await samples(prod) == [Sample(NOW, 10, 0, 0)]
    assert await samples(prod, "bare") == []


async def test_history_that_is_unfinished_is_sampled_and_ended_jobs_are_not(
    prod: Watcher,
) -> None:
    prod.baselined = False
    await prod.sees(job(), job("Failed", id="ended"))
    assert len(await samples(prod)) == 1
    assert await samples(prod, "ended") == []


async def test_two_observations_of_one_moment_are_one_sample(prod: Watcher) -> None:
    await prod.sees(job())
    await prod.sees(job(progress=progress(5)))
    assert await samples(prod) == [Sample(NOW, 10, 5, 0)]


async def test_an_ending_forgets_the_samples_of_its_job_alone(prod: Watcher, clock: Clock) -> None:
    await prod.sees(job(), job(id="b"))
    clock.advance(MINUTE)
    await prod.sees(job("Failed", progress=progress(9)), job(id="b", progress=progress(1)))
    assert await samples(prod) == []
    assert len(await samples(prod, "b")) == 2


async def test_a_job_that_goes_on_after_its_end_is_sampled_anew(
    prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job())
    await prod.sees(job("Failed"))
    clock.advance(MINUTE)
    await prod.sees(job(), authority=Authority.DESCRIBE)
    assert await samples(prod) == [Sample(NOW + MINUTE, 10, 0, 0)]


async def test_samples_stay_few_with_the_first_and_the_last(prod: Watcher, clock: Clock) -> None:
    total = SAMPLES_KEPT + 5
    most = 0
    for done in range(total):
        await prod.sees(job(progress=progress(done, total=total)), job(id="b"))
        most = max(most, len(await samples(prod)))
        clock.advance(30 * SECOND)
    found = await samples(prod)
    assert most <= SAMPLES_KEPT
    assert SAMPLES_LEFT <= len(found) < total
    assert [each.succeeded for each in (found[0], found[-1])] == [0, total - 1]
    assert found == sorted(found)
    assert len(await samples(prod, "b")) == 1


async def test_samples_of_several_crowded_jobs_are_thinned_together(
    prod: Watcher, clock: Clock
) -> None:
    total = SAMPLES_KEPT + 1
    at: list[datetime] = []
    for done in range(total):
        at.append(clock())
        await prod.sees(*(job(id=name, progress=progress(done, total=total)) for name in "abc"))
        clock.advance(SECOND)
    for name in "abc":
        found = await samples(prod, name)
        assert len(found) <= SAMPLES_KEPT
        assert (found[0].at, found[-1].at) == (at[0], at[-1])


async def test_hostile_counters_are_kept_as_large_as_they_can_be(prod: Watcher) -> None:
    await prod.sees(job(progress=progress(HUGE, HUGE, total=HUGE)))
    (found,) = await samples(prod)
    assert found == Sample(NOW, 2**63 - 1, 2**63 - 1, 2**63 - 1)


async def test_samples_belong_to_one_job_of_one_source(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await prod.sees(job(scope="v1"), job(scope="v2", progress=progress(2)))
    await other.sees(job(scope="v1", progress=progress(1)))
    assert [each.succeeded for each in await samples(prod, scope="v1")] == [0]
    assert [each.succeeded for each in await samples(prod, scope="v2")] == [2]
    assert [each.succeeded for each in await samples(other, scope="v1")] == [1]
    assert await store.samples("nobody", JobKey("v1", "job-1")) == []


async def test_samples_of_a_forgotten_job_are_forgotten(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    await prod.store.mark_left(prod.lease, [1], NOW)
    keep = Retention(jobs=DAY, events=DAY, dead_deliveries=DAY)
    assert (await prod.store.prune(keep, NOW + 2 * DAY)).jobs == 1
    await prod.sees(job())
    assert len(await samples(prod)) == 1

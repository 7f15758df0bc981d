"""Contract of what a person sees first: a glance at everything, and all of one job, each of bounded size."""

from jobwatch.core.conditions import ConditionName
from jobwatch.core.forecast import Sample
from jobwatch.core.model import JobKey
from jobwatch.core.muting import Silence
from jobwatch.store import Store
from jobwatch.store.glance_values import Glance, SeenJob, Wanted
from tests.contract.watcher import OTHER, Clock, Watcher, claim, outcome
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, job, progress


def ids(jobs: tuple[SeenJob, ...]) -> list[str]:
    return [each.row.snapshot.job.id for each in jobs]


async def look(store: Store, **wanted: object) -> Glance:
    return await store.glance(Wanted(receivers=("ops",), **wanted))  # type: ignore[arg-type]


async def test_an_empty_store_has_nothing_to_show(store: Store) -> None:
    found = await look(store)
    assert (found.sources, found.unfinished, found.endings) == ((), (), ())
    assert [each.name for each in found.receivers] == ["ops"]
    assert found.now == NOW


async def test_unfinished_jobs_come_the_latest_first_and_no_more_than_asked_for(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job(id="a"), job(id="b"))
    clock.advance(SECOND)
    await prod.sees(job(id="c"), job("Failed", id="d"))
    assert ids((await look(store)).unfinished) == ["c", "a", "b"]
    cut = await look(store, unfinished=1)
    assert (ids(cut.unfinished), cut.unfinished_of) == (["c"], {"prod": 3})


async def test_a_job_comes_with_how_far_it_was_when(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job(progress=progress(succeeded=1)))
    clock.advance(MINUTE)
    await prod.sees(job(progress=progress(succeeded=4)))
    (seen,) = (await look(store)).unfinished
    assert seen.samples == (Sample(NOW, 10, 1, 0), Sample(NOW + MINUTE, 10, 4, 0))


async def test_jobs_in_trouble_come_what_opened_last_first(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job(id="a"), job(id="b"), job(id="calm"))
    await prod.opens(ConditionName.STALLED, "a")
    clock.advance(SECOND)
    await prod.opens(ConditionName.OVERDUE, "b")
    clock.advance(SECOND)
    over = await prod.opens(ConditionName.OVERDUE, "a")
    found = await look(store)
    assert ids(found.troubled) == ["a", "b"]
    assert [each.name for each in found.troubled[0].conditions] == ["stalled", "overdue"]
    assert found.troubled_of == {("prod", "stalled"): 1, ("prod", "overdue"): 2}
    await prod.closes(over)
    assert ids((await look(store)).troubled) == ["b", "a"]
    assert ids((await look(store, troubled=1)).troubled) == ["b"]


async def test_endings_come_the_latest_end_first_whenever_they_were_seen(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(job("Done", id="new", ended_at=NOW - MINUTE))
    clock.advance(SECOND)
    await prod.sees(
        job("Failed", id="old", ended_at=NOW - HOUR),
        job("Failed", id="older", ended_at=NOW - 2 * DAY),
        job("Done", id="from the future", ended_at=NOW + DAY),
    )
    found = await look(store)
    ended = [row.snapshot.job.id for row in found.endings]
    assert ended == ["from the future", "new", "old", "older"]
    assert (found.lately.outcomes, found.lately.cut) == ({"succeeded": 2, "failed": 1}, False)
    assert len((await look(store, endings=2)).endings) == 2


async def test_one_source_can_be_looked_at_alone(store: Store, prod: Watcher, clock: Clock) -> None:
    other = await Watcher.start(store, clock, OTHER)
    await prod.sees(job(id="a"), job("Failed", id="b"))
    await other.sees(job(id="v", scope="backup"), job("Done", id="w", scope="backup"))
    found = await look(store, source="vault_jobs")
    assert ids(found.unfinished) == ["v"]
    assert [row.snapshot.job.id for row in found.endings] == ["w"]
    assert (await look(store, source="nobody")).unfinished == ()


async def test_a_glance_shows_what_waits_and_what_is_muted(store: Store, prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    await store.mute(Silence(source="other", reason="known"), until=NOW + HOUR)
    found = await look(store)
    assert [mute.silence.reason for mute in found.mutes] == ["known"]
    assert found.receivers[0].pending + found.receivers[0].dead == 1


async def test_all_of_a_job_is_read_at_once(store: Store, prod: Watcher, clock: Clock) -> None:
    await prod.sees(job())
    condition = await prod.opens()
    clock.advance(MINUTE)
    await prod.closes(condition)
    await store.settle([outcome(each, clock()) for each in await claim(store)])
    found = await store.whole_story("prod", JobKey("", "job-1"), limit=10)
    assert found is not None
    assert [each.kind for each in found.changes] == ["discovered"]
    assert [each.name for each in found.conditions] == ["stalled"]
    assert {each.event.type for each in found.told} >= {"job.stalled"}
    assert all(attempts for row, attempts in found.deliveries if row.state == "delivered")
    assert [each.name for each in found.receivers] == ["ops"]
    assert found.state is not None
    assert not found.cut


async def test_a_long_story_is_told_from_its_end(store: Store, prod: Watcher, clock: Clock) -> None:
    for number in range(12):
        clock.advance(SECOND)
        await prod.sees(job("Active" if number % 2 else "Paused"))
    found = await store.whole_story("prod", JobKey("", "job-1"), limit=5)
    assert found is not None
    assert found.cut
    assert [each.version for each in found.changes] == [8, 9, 10, 11, 12]
    assert len(found.told) <= 5
    assert len(found.deliveries) <= 5


async def test_a_job_that_is_not_known_has_no_story(store: Store, prod: Watcher) -> None:
    await prod.sees(job())
    for source, key in (("prod", JobKey("", "x")), ("x", JobKey("", "job-1"))):
        assert await store.whole_story(source, key, limit=5) is None

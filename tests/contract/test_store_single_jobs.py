"""Contract of the jobs that are shown one by one, and of store series: the same for whoever reads the store."""

import asyncio
import sys
from pathlib import Path

from sqlalchemy import create_engine, text

from jobwatch.core.model import Job
from jobwatch.core.overview import SingleJob, SingleJobs
from jobwatch.store import Store, overviewing
from jobwatch.store.outbox_tables import deliveries
from jobwatch.store.overviewing import LOOK_BACK, Facts
from jobwatch.store.tables import jobs
from tests.contract.databases import Stores
from tests.contract.watcher import OTHER, Clock, Watcher, claim, outcome
from tests.factories import MINUTE, NOW, SECOND, job, progress
from tests.metrics_reader import store_series

BOTH = ("prod", "vault_jobs")
ROOT = Path(__file__).parents[2]


async def look(
    store: Store, clock: Clock, limit: int = 10, sources: tuple[str, ...] = BOTH
) -> tuple[list[SingleJob], int]:
    """The jobs shown, and how many were left out."""
    facts = Facts(NOW, 0, clock(), SingleJobs(limit, sources))
    found = await store._database.read(lambda connection: overviewing.overview(connection, facts))
    return list(found.jobs), found.jobs_left_out


def ids(found: tuple[list[SingleJob], int]) -> list[str]:
    return [each.id for each in found[0]]


async def sees(watcher: Watcher, clock: Clock, *seen: Job) -> None:
    """Each a second after the other."""
    for each in seen:
        clock.advance(SECOND)
        await watcher.sees(each)


async def test_unfinished_jobs_come_first_and_the_latest_activity_before_older(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await sees(prod, clock, job(id="a"), job("New", id="b"), job("Failed", id="c"), job(id="d"))
    await sees(prod, clock, job(id="a", progress=progress(5)), job("Done", id="e"))
    assert ids(await look(store, clock)) == ["a", "d", "b", "e", "c"]
    shown, left_out = await look(store, clock)
    assert left_out == 0
    assert shown[0] == SingleJob("prod", "", "a", "Copy", "Active", None, progress(5))
    assert (shown[-1].status, shown[-1].outcome) == ("Failed", "failed")


async def test_no_more_are_shown_than_there_is_room_for_and_the_others_are_counted(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await sees(prod, clock, *(job(id=each) for each in "abcd"))
    await sees(prod, clock, *(job("Failed", id=each) for each in "xyz"))
    for limit, shown, left_out in (
        (10, "dcbazyx", 0),
        (5, "dcbaz", 2),
        (4, "dcba", 3),
        # Of those that ended no more are looked for than would be shown.
        (2, "dc", 4),
        (1, "d", 4),
    ):
        found = await look(store, clock, limit)
        assert ("".join(ids(found)), found[1]) == (shown, left_out), limit


async def test_none_are_read_where_none_are_asked_for(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await sees(prod, clock, job())
    assert await look(store, clock, limit=0) == ([], 0)
    assert await look(store, clock, sources=()) == ([], 0)
    found = await store.overview()
    assert (found.jobs, found.jobs_left_out) == ((), 0)


async def test_an_ended_job_is_shown_for_a_while(store: Store, prod: Watcher, clock: Clock) -> None:
    await sees(prod, clock, job("Failed", id="ended"), job(id="running"))
    clock.advance(LOOK_BACK - SECOND)
    assert ids(await look(store, clock)) == ["running", "ended"]
    clock.advance(MINUTE)
    assert ids(await look(store, clock)) == ["running"]


async def test_what_ended_before_anybody_watched_is_not_shown(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    prod.baselined = False
    old = job("Done", id="history", ended_at=NOW - 48 * 60 * MINUTE)
    await sees(prod, clock, old, job("Active", id="running"))
    assert ids(await look(store, clock)) == ["running"]


async def test_jobs_of_two_vaults_are_told_apart_and_a_job_without_counts_has_none(
    store: Store, clock: Clock
) -> None:
    vaults = await Watcher.start(store, clock, OTHER)
    await sees(vaults, clock, *(job(id="-j", scope=each, progress=None) for each in ("v1", "v2")))
    shown, _ = await look(store, clock)
    assert [(each.source, each.scope, each.id) for each in shown] == [
        ("vault_jobs", "v2", "-j"),
        ("vault_jobs", "v1", "-j"),
    ]
    assert {each.progress for each in shown} == {None}


async def test_sources_that_are_not_asked_for_take_no_room(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await sees(prod, clock, job(id="mine"), job("Failed", id="my end"))
    retired = await Watcher.start(store, clock, OTHER)
    await sees(retired, clock, job(id="theirs"), job("Failed", id="their end"))
    found = await look(store, clock, limit=2, sources=("prod", "nobody"))
    assert (ids(found), found[1]) == (["mine", "my end"], 0)


async def test_jobs_seen_at_one_moment_always_come_in_one_order(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    await prod.sees(*(job(id=str(number)) for number in range(40)))
    first = await look(store, clock, limit=7)
    assert first == await look(store, clock, limit=7)
    assert first[1] == 33
    assert set(ids(first)) < {*ids(await look(store, clock, limit=40))}


def test_sqlite_walks_through_unfinished_and_latest_jobs_alone() -> None:
    engine = create_engine("sqlite://")
    jobs.metadata.create_all(engine)
    assert deliveries.metadata is jobs.metadata
    wanted = {
        overviewing._unfinished([1, 2], 5): "SCAN jobs USING INDEX ix_jobs_unfinished",
        overviewing._just_ended([1, 2], 5, NOW): "SEARCH jobs USING INDEX ix_jobs_observed_at",
    }
    with engine.connect() as connection:
        for statement, step in wanted.items():
            sql = statement.compile(engine, compile_kwargs={"literal_binds": True})
            plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
            (walked,) = [each for each in plan if " jobs " in each]
            assert walked.startswith(step)
    engine.dispose()


async def life(store: Store, prod: Watcher, clock: Clock) -> None:
    """A little of everything that store series count."""
    vaults = await Watcher.start(store, clock, OTHER)
    await sees(prod, clock, job("New", id="a"), job("New", id="b"), job(id="c"))
    await sees(prod, clock, job(id="a", progress=progress(3)), job("Failed", id="b"))
    await sees(vaults, clock, job(id="d", scope="v1", progress=None), job("Odd", id="e"))
    await prod.opens(job_id="a")
    await prod.releases_all()
    sent = await claim(store)
    clock.advance(SECOND)
    await store.settle([outcome(sent[0], clock())])


async def test_another_process_shows_the_same_store_series(
    store: Store, prod: Watcher, stores: Stores, clock: Clock
) -> None:
    await life(store, prod, clock)
    here = await store_series(store, clock())
    assert len(here) > 200
    beside = await stores.open("reader", exclusive=False)
    assert await store_series(beside, clock()) == here
    if not stores.on_sqlite:
        return
    command = (*("-m", "tests.metrics_reader"), str(stores.path), str(clock().timestamp()))
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await child.communicate()
    assert told.decode().splitlines() == here
    moved = await prod.sees(job("Failed", id="c"))
    assert moved.events == 1
    assert await store_series(store, clock()) != here

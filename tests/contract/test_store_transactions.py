"""How verbs run: never cut off, repeated when somebody is in the way, and with plans that do not walk everything."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from jobwatch.core.errors import StoreError
from jobwatch.core.forecast import SAMPLES_KEPT
from jobwatch.core.model import JobKey
from jobwatch.core.plan import SweepKind
from jobwatch.core.rules import FailingRule, Horizon, Window
from jobwatch.store import Store
from jobwatch.store.engine import SqliteDatabase
from jobwatch.store.values import (
    JobFilter,
    Release,
    Retention,
    SweepReport,
)
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher, claim, next_due, outcome
from tests.factories import DAY, MINUTE, NOW, SECOND, job, progress


async def test_a_cancelled_verb_ends_before_the_cancellation_takes_effect(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    ahead = asyncio.ensure_future(prod.sees(job()))
    batch = await prod.batch(job(id="cut"))
    recording = asyncio.ensure_future(prod.store.record(prod.lease, batch))
    await asyncio.sleep(0)
    recording.cancel()
    recording.cancel()
    await asyncio.sleep(0)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    assert (await prod.snapshot("cut")).row
    await ahead  # left alone, it would still be connecting when the store is closed


async def test_a_verb_that_fails_after_its_caller_was_cancelled_stays_silent(
    stores: Stores,
) -> None:
    store = await stores.open()

    def fail(connection: Connection) -> None:
        connection.execute(text("SELECT nonsense FROM nowhere"))

    failing = asyncio.ensure_future(store._database.write(fail))
    await asyncio.sleep(0)
    failing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await failing


async def test_a_database_error_becomes_one_line(stores: Stores) -> None:
    store = await stores.open()
    with pytest.raises(StoreError) as caught:
        await store._database.read(
            lambda connection: connection.execute(text("SELECT a FROM nowhere"))
        )
    assert "nowhere" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_verb_that_raises_leaves_nothing_and_the_next_one_works(stores: Stores) -> None:
    store = await stores.open()

    def half(connection: Connection) -> None:
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('half', '1')"))
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await store._database.write(half)
    found = await store._database.read(
        lambda connection: connection.scalars(text("SELECT key FROM meta")).all()
    )
    assert "half" not in found


async def test_a_verb_waits_for_another_process_that_writes(
    file_stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await file_stores.open(), clock)
    with closing(sqlite3.connect(file_stores.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(prod.sees(job()))
        await asyncio.wait([waiting], timeout=0.4)
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert (await waiting).events == 1


async def test_a_verb_gives_up_on_a_process_that_writes_for_ever(
    file_stores: Stores, clock: Clock
) -> None:
    await file_stores.open()
    database = SqliteDatabase(file_stores.path, clock, folds=True, pauses=(0.001, 0.001))
    with closing(sqlite3.connect(file_stores.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await database.write(_nothing)
    await database.close()


async def test_a_verb_that_was_repeated_takes_effect_once(file_stores: Stores) -> None:
    store = await file_stores.open()
    tries = 0

    def busy_at_first(connection: Connection) -> int:
        nonlocal tries
        tries += 1
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('once', '1')"))
        if tries < 3:
            origin = sqlite3.OperationalError("database is locked")
            origin.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
            raise OperationalError("INSERT", None, origin)
        return tries

    assert await store._database.write(busy_at_first) == 3


async def test_the_loop_goes_on_while_a_verb_runs(file_stores: Stores) -> None:
    store = await file_stores.open()
    turned = threading.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    assert await store._database.write(lambda _: turned.wait(10))


async def test_readers_see_what_was_written_before_they_began(stores: Stores, clock: Clock) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    for number in range(20):
        await prod.sees(job(id=f"j{number}"))
        assert await prod.store.count_unfinished(prod.lease) == number + 1


def _nothing(_connection: Connection) -> None:
    """A verb that needs no more than its transaction."""


class Plans:
    """SQLite's plan for every statement that a store runs."""

    def __init__(self, store: Store) -> None:
        database = store._database
        assert isinstance(database, SqliteDatabase)
        self.details: list[tuple[str, str]] = []
        for engine in (database._writer, database._reader):
            event.listen(engine, "before_cursor_execute", self._explain)

    def _explain(
        self, connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> None:
        if not statement.startswith(("SELECT", "UPDATE", "DELETE")):
            return
        values = parameters[0] if isinstance(parameters, list) else parameters
        raw = connection.connection.driver_connection
        assert raw is not None
        found = raw.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        self.details += [(row[3], statement) for row in found]

    def walks(self) -> list[tuple[str, str]]:
        """Steps that go through a whole table, or through all of one source's jobs."""
        tables = (
            *("jobs", "events", "deliveries", "changes", "attempts"),
            *("conditions", "progress_samples"),
        )
        whole = [f"SCAN {table}" for table in tables]
        return [
            (detail, statement)
            for detail, statement in self.details
            if detail in whole or "jobs USING PRIMARY KEY (source_id=?)" in detail
        ]


async def test_no_verb_walks_a_whole_table(file_stores: Stores, clock: Clock) -> None:
    prod = await Watcher.start(await file_stores.open(), clock)
    plans = Plans(prod.store)
    await prod.sees(*(job(id=f"j{number}") for number in range(12)))
    await prod.sees(*(job("Paused", id=f"j{number}") for number in range(12)))
    await _moves_conditions(prod)
    await prod.sees(*(job("Failed", id=f"j{number}") for number in range(12)))
    waiting = await prod.store.awaiting_detail(prod.lease, limit=10)
    releases = [Release(event_id=each.event_id, detail=None) for each in waiting]
    await prod.store.release(prod.lease, releases)
    await prod.store.next_detail_deadline(prod.lease)
    await next_due(prod.store)
    claimed = await claim(prod.store)
    clock.advance(DAY)
    claimed = await claim(prod.store)
    await prod.store.settle([outcome(each, clock()) for each in claimed])
    await prod.store.give_back("a")
    await prod.store.mark_left(prod.lease, list(range(1, 13)), NOW)
    await prod.store.known_rows(prod.lease, list(range(1, 13)))
    await prod.store.absent(prod.lease, list(range(1, 13)))
    await prod.store.count_unfinished(prod.lease)
    await prod.store.count_waiting(prod.lease)
    await prod.store.count_gone(prod.lease)
    await prod.store.unfinished_rows(prod.lease)
    failing = FailingRule(ratio=0.5, min_finished=1)
    await prod.store.possibly(prod.lease, Horizon(waiting_before=NOW, failing=failing))
    await prod.store.details(prod.lease, [1, 2])
    await prod.store.expiring(prod.lease, Window(NOW, NOW + DAY), limit=10)
    await prod.store.conditions("prod", JobKey("", "j1"))
    await prod.store.job_events("prod", JobKey("", "j1"))
    await prod.store.samples("prod", JobKey("", "j1"))
    await prod.store.job("prod", JobKey("", "j1"))
    await prod.store.changes("prod", JobKey("", "j1"))
    await prod.store.jobs(JobFilter(), limit=10)
    await prod.store.jobs(JobFilter(source="prod"), limit=10)
    await prod.store.event(claimed[0].event_id)
    await prod.store.attempts(claimed[0].id)
    await prod.store.overview()
    await prod.store.prune(
        Retention(jobs=SECOND, events=SECOND, dead_deliveries=SECOND), clock() + DAY
    )
    report = SweepReport(
        kind=SweepKind.FULL,
        started_at=NOW,
        finished_at=NOW,
        listed=1,
        unfinished=1,
        next_sweep_at=NOW + MINUTE,
    )
    await prod.store.finish_sweep(prod.lease, replace(report))
    assert [walk for walk in plans.walks() if not _is_ordered_by_index(walk)] == []


async def _moves_conditions(prod: Watcher) -> None:
    opened = [await prod.opens(job_id=f"j{number}") for number in range(3)]
    await prod.closes(await prod.reminds(opened[0]))
    for done in range(SAMPLES_KEPT + 1):
        prod.clock.advance(SECOND)
        counted = progress(done, total=SAMPLES_KEPT)
        await prod.sees(*(job("Paused", id=f"j{number}", progress=counted) for number in range(3)))


def _is_ordered_by_index(walk: tuple[str, str]) -> bool:
    return "SCAN jobs USING INDEX" in walk[0]


async def test_statistics_name_indexes_that_exist(file_stores: Stores) -> None:
    await (await file_stores.open()).close()
    with closing(sqlite3.connect(file_stores.path)) as raw:
        taught = raw.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
        raw.execute("ANALYZE")
        for table, index, stat in taught:
            columns = raw.execute(f"PRAGMA index_xinfo({index})").fetchall()
            primary = raw.execute(
                f"SELECT count(*) FROM pragma_table_info('{table}') WHERE pk"
            ).fetchone()[0]
            keys = sum(row[5] for row in columns) if columns else primary
            assert keys, (table, index)
            assert len(stat.split()) <= keys + 1, (table, index, json.dumps(columns))

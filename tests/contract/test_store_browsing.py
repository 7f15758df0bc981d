"""Contract of the lists for readers whom nobody knows: what they find, and that no page costs more than a bounded reading."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from jobwatch.core.outbox import DeliveryState
from jobwatch.store import Store, browsing
from jobwatch.store.browsing import ANY_TIME, INDEXED, Part, Span
from jobwatch.store.values import DeliveryFilter, EventFilter, JobFilter, Page
from tests.contract.databases import Stores
from tests.contract.watcher import OTHER, Clock, Watcher
from tests.factories import NOW, SECOND, job

ALL = Part(limit=100)


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    """Four jobs at three times, in two sources."""
    watcher = await Watcher.start(store, clock)
    await watcher.sees(job(id="a"), job("New", id="b", operation="Restore"))
    clock.advance(SECOND)
    await watcher.sees(job("Failed", id="c"))
    clock.advance(SECOND)
    other = await Watcher.start(store, clock, OTHER)
    await other.sees(job(id="d", scope="v1"))
    return watcher


def job_ids(page: Page[Any]) -> list[str]:
    return [row.snapshot.job.id for row in page.rows]


BY_JOB: list[tuple[JobFilter, Span, str]] = [
    (JobFilter(), ANY_TIME, "dcba"),
    (JobFilter(source="prod"), ANY_TIME, "cba"),
    (JobFilter(source="nobody\x00"), ANY_TIME, ""),
    (JobFilter(status="New"), ANY_TIME, "b"),
    (JobFilter(phase="running"), ANY_TIME, "da"),
    (JobFilter(operation="Restore"), ANY_TIME, "b"),
    (JobFilter(outcome="failed"), ANY_TIME, "c"),
    (JobFilter(unfinished=True), ANY_TIME, "dba"),
    (JobFilter(unfinished=False), ANY_TIME, "c"),
    (JobFilter(source="prod", unfinished=True, phase="pending"), ANY_TIME, "b"),
    (JobFilter(), Span(since=NOW + SECOND), "dc"),
    (JobFilter(), Span(until=NOW + SECOND), "ba"),
    (JobFilter(unfinished=True), Span(since=NOW, until=NOW + SECOND), "ba"),
]
BY_EVENT: list[tuple[EventFilter, Span, str]] = [
    (EventFilter(), ANY_TIME, "dcba"),
    (EventFilter(source="vault_jobs"), ANY_TIME, "d"),
    (EventFilter(type="job.failed"), ANY_TIME, "c"),
    (EventFilter(), Span(since=NOW + SECOND), "dc"),
    (EventFilter(source="prod"), Span(until=NOW + SECOND), "ba"),
]
BY_DELIVERY: list[tuple[DeliveryFilter, list[str]]] = [
    (DeliveryFilter(), ["d:ops", "c:chat", "c:ops", "b:ops", "a:ops"]),
    (DeliveryFilter(receiver="chat"), ["c:chat"]),
    (DeliveryFilter(source="vault_jobs"), ["d:ops"]),
    (DeliveryFilter(type="job.failed"), ["c:chat", "c:ops"]),
    (DeliveryFilter(state=DeliveryState.PENDING, receiver="chat"), ["c:chat"]),
    (DeliveryFilter(state=DeliveryState.DELIVERED), []),
]


@pytest.mark.usefixtures("prod")
async def test_jobs_are_found_by_every_filter_newest_first(store: Store) -> None:
    for wanted, span, found in BY_JOB:
        page = await store.browse_jobs(wanted, ALL, span=span)
        assert ("".join(job_ids(page)), page.cursor) == (found, None), wanted


@pytest.mark.usefixtures("prod")
async def test_events_are_found_by_every_filter_newest_first(store: Store) -> None:
    for wanted, span, found in BY_EVENT:
        page = await store.browse_events(wanted, ALL, span=span)
        assert ("".join(row.job_id for row in page.rows), page.cursor) == (found, None), wanted


@pytest.mark.usefixtures("prod")
async def test_deliveries_are_found_by_every_filter_newest_first(store: Store) -> None:
    for wanted, found in BY_DELIVERY:
        page = await store.browse_deliveries(wanted, ALL)
        shown = sorted((f"{row.job_id}:{row.receiver}" for row in page.rows), reverse=True)
        assert shown == sorted(found, reverse=True), wanted
        numbers = [row.id for row in page.rows]
        assert numbers == sorted(numbers, reverse=True)


async def test_pages_have_no_gap_and_no_double_while_jobs_are_added(
    store: Store, prod: Watcher, clock: Clock
) -> None:
    added = 0
    for wanted in (JobFilter(), JobFilter(source="prod"), JobFilter(phase="running")):
        for looked_at in (1, 2, 100):
            whole, seen = job_ids(await store.browse_jobs(wanted, ALL)), []
            page = await store.browse_jobs(wanted, Part(limit=1, looked_at=looked_at))
            while page.cursor is not None:
                seen += job_ids(page)
                if added < 6:
                    added += 1
                    clock.advance(SECOND)
                    await prod.sees(job(id=f"new-{added}"))
                part = Part(limit=1, looked_at=looked_at, after=page.cursor)
                page = await store.browse_jobs(wanted, part)
            assert seen + job_ids(page) == whole


@pytest.mark.usefixtures("prod")
async def test_a_page_that_looked_at_enough_goes_on_though_it_found_nothing(store: Store) -> None:
    part = Part(limit=10, looked_at=2)
    page = await store.browse_jobs(JobFilter(status="New"), part)
    assert page.rows == ()
    assert page.cursor is not None
    after = Part(limit=10, looked_at=2, after=page.cursor)
    assert job_ids(await store.browse_jobs(JobFilter(status="New"), after)) == ["b"]


@pytest.mark.usefixtures("prod")
async def test_what_is_unfinished_is_found_at_once_however_little_is_looked_at(
    store: Store,
) -> None:
    wanted = JobFilter(unfinished=True, status="New")
    assert job_ids(await store.browse_jobs(wanted, Part(limit=10, looked_at=1))) == ["b"]


@pytest.mark.usefixtures("prod")
@pytest.mark.parametrize("looked_at", [1, 100])
async def test_events_are_followed_as_they_were_recorded(store: Store, looked_at: int) -> None:
    seen, after = "", "0"
    for _ in range(9):
        part = Part(limit=3, after=after, looked_at=looked_at)
        page = await store.follow_events(EventFilter(source="prod"), part)
        seen += "".join(row.job_id for row in page.rows)
        if page.cursor is None:
            break
        after = page.cursor
    assert (seen, page.cursor) == ("abc", None)


async def test_a_page_of_long_documents_ends_early_and_goes_on(
    store: Store, prod: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        browsing, "BODIES", 1000
    )  # a thousand documents of 20 KB would take a while
    del prod
    first = await store.browse_events(EventFilter(), ALL)
    assert 0 < len(first.rows) < 4
    assert first.cursor is not None
    rest = await store.browse_events(EventFilter(), Part(limit=100, after=first.cursor))
    assert first.rows[-1].position - 1 == rest.rows[0].position


@pytest.mark.usefixtures("prod")
async def test_a_place_that_no_page_gave_is_a_value_error(store: Store) -> None:
    for place in ("", "x", "1.2", "1.2.3.4", "1.2.x", "9" * 30, f"1.2.{2**70}"):
        part = Part(limit=1, after=place)
        with pytest.raises(ValueError):  # noqa: PT011  the words are Python's own
            await store.browse_jobs(JobFilter(), part)
        with pytest.raises(ValueError):  # noqa: PT011
            await store.browse_deliveries(DeliveryFilter(), part)


async def test_the_jobs_of_one_name_are_found_scope_by_scope(store: Store, prod: Watcher) -> None:
    await prod.sees(*(job(id="same", scope=scope) for scope in ("", "v/1", "v2")))
    found = await store.named("prod", "same", limit=10)
    assert found == [("", "same"), ("v/1", "same"), ("v2", "same")]
    assert await store.named("prod", "same", limit=2) == found[:2]
    assert await store.named("nobody", "same", limit=2) == []


# What the pages cost, by the plans of the databases.

Browse = Callable[[Connection, Part], object]
EVERY_JOB_FILTER = {
    "source": "prod",
    "status": "Active",
    "phase": "running",
    "operation": "Copy",
    "outcome": "failed",
}
TIMES = Span(since=NOW, until=NOW + SECOND)


def browses() -> Iterator[tuple[str, Browse]]:
    """Every list with every filter, first page and later."""
    for name, value in EVERY_JOB_FILTER.items():
        for unfinished in (None, True, False):
            wanted = JobFilter(**{name: value}, unfinished=unfinished)
            yield (
                f"jobs {name} {unfinished}",
                lambda c, p, w=wanted: browsing.browse_jobs(c, w, ANY_TIME, p),  # type: ignore[misc]
            )
    yield "jobs at times", lambda c, p: browsing.browse_jobs(c, JobFilter(status="New"), TIMES, p)
    yield "jobs", lambda c, p: browsing.browse_jobs(c, JobFilter(), ANY_TIME, p)
    for times in (ANY_TIME, TIMES):
        wanted_events = EventFilter(source="prod", type="job.failed")
        yield (
            f"events {times is TIMES}",
            lambda c, p, t=times, w=wanted_events: browsing.browse_events(c, w, t, p),  # type: ignore[misc]
        )
    for state in (None, *DeliveryState):
        wanted_sent = DeliveryFilter(state=state, source="prod", type="job.failed", receiver="ops")
        yield (
            f"deliveries {state}",
            lambda c, p, w=wanted_sent: browsing.browse_deliveries(c, w, p),  # type: ignore[misc]
        )


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        asked.append((sql, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


FOUND = re.compile(
    r"SEARCH (jobs|events|deliveries) USING "
    r"(INDEX ix_jobs_observed_at|INDEX ix_events_recorded_at|INTEGER PRIMARY KEY)"
    r"|(SEARCH|SCAN) (jobs|deliveries) USING INDEX ix_(jobs_unfinished|deliveries_(due|open|claimed|dead))"
    r"|SEARCH events USING INDEX sqlite_autoindex_events_1 \(id=\?\)"
)
"""A part of an index between two places, all of an index of few, or the event of a delivery."""


async def test_sqlite_finds_every_page_by_an_index(file_stores: Stores, clock: Clock) -> None:
    """The planner goes by the statistics of a million jobs, whatever there is: a migration wrote them."""
    watcher = await Watcher.start(await file_stores.open(), clock)
    await watcher.sees(*(job("Failed", id=f"j{number}") for number in range(4)))
    for name, browse in browses():
        place = {"jobs": f"{2**60}.1.7", "even": f"{2**60}.7", "deli": "7"}[name[:4]]
        plans = await watcher.store._database.read(
            lambda connection, browse=browse, place=place: plans_of(connection, browse, place)  # type: ignore[misc]
        )
        for sql, plan in plans:
            if name == "jobs" or ("ORDER BY" in sql and "JOIN" not in sql):
                # In the order of an index, up to its limit.
                assert "USE TEMP B-TREE FOR ORDER BY" not in plan, (name, plan)
                continue
            touched = [step for step in plan if re.match(r"S\w+ (jobs|events|deliveries)\b", step)]
            assert all(map(FOUND.match, touched)), (name, sql, plan)


def plans_of(connection: Connection, browse: Browse, place: str) -> list[tuple[str, list[str]]]:
    """Every statement of a first and of a later page, and how SQLite would follow it."""
    with statements() as asked:
        browse(connection, Part(limit=10, looked_at=1))
        browse(connection, Part(limit=10, looked_at=1, after=place))
    return [(sql, steps(connection, sql, values)) for sql, values in asked]


def steps(connection: Connection, sql: str, values: Any) -> list[str]:
    return [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]


FILL = """
INSERT INTO jobs (source_id, row, scope, job_id, version, status, phase, outcome, operation, description, fingerprint,
  first_seen_at, observed_at, status_since, counted, refused, history)
SELECT 1, n, '', 'job-' || n, 1, 'Complete', 'succeeded', CASE WHEN n % 5000 = 0 THEN NULL ELSE 'succeeded' END,
  'Copy', '', 0, n, n, n, true, 0, false FROM generate_series(1, 20000) n
"""


async def test_postgres_walks_through_no_whole_table(server_stores: Stores, clock: Clock) -> None:
    store = await server_stores.open()
    await Watcher.start(store, clock)
    await store._database.write(lambda connection: connection.execute(text(FILL)))
    await store._database.write(lambda connection: connection.execute(text("ANALYZE jobs")))
    jobs = [browse for name, browse in browses() if name.startswith("jobs")]

    def explained(connection: Connection) -> list[str]:
        with statements() as asked:
            for browse in jobs:
                browse(connection, Part(limit=10, looked_at=500))
                browse(connection, Part(limit=10, looked_at=500, after="15000.1.15000"))
        return [
            str(row[0])
            for sql, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN {sql}", parameters)
        ]

    plan = await store._database.read(explained)
    assert any("ix_jobs_observed_at" in step for step in plan)
    assert any("ix_jobs_unfinished" in step for step in plan)
    assert not [step for step in plan if "Seq Scan on jobs" in step]


def test_the_states_with_an_index_of_their_own_are_those_that_are_not_settled_for_good() -> None:
    assert set(INDEXED) == {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.DEAD}

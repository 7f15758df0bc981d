"""Contract of the read models: lists in pages, filters, the overview."""

from dataclasses import replace

import pytest

from jobwatch.core.model import JobKey
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.overview import CensusRow
from jobwatch.store import Store
from jobwatch.store.values import DeliveryFilter, EventFilter, JobFilter
from tests.contract.watcher import OTHER, Clock, Watcher, claim, outcome
from tests.factories import NOW, SECOND, job, progress


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


pytestmark = pytest.mark.usefixtures("prod")


async def ids(store: Store, wanted: JobFilter) -> list[str]:
    return [row.snapshot.job.id for row in (await store.jobs(wanted, limit=10)).rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(), ["d", "c", "b", "a"]),
        (JobFilter(source="prod"), ["c", "b", "a"]),
        (JobFilter(source="nobody"), []),
        (JobFilter(status="New"), ["b"]),
        (JobFilter(phase="running"), ["d", "a"]),
        (JobFilter(operation="Restore"), ["b"]),
        (JobFilter(outcome="failed"), ["c"]),
        (JobFilter(unfinished=True), ["d", "b", "a"]),
        (JobFilter(unfinished=False), ["c"]),
        (JobFilter(source="prod", unfinished=True, phase="pending"), ["b"]),
    ],
)
async def test_jobs_are_listed_and_filtered_newest_first(
    store: Store, wanted: JobFilter, found: list[str]
) -> None:
    assert await ids(store, wanted) == found


async def test_jobs_come_in_pages_without_gap_or_double(store: Store) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page = await store.jobs(JobFilter(), limit=1, cursor=cursor)
        seen += [row.snapshot.job.id for row in page.rows]
        cursor = page.cursor
        assert cursor is not None
    assert seen == ["d", "c", "b", "a"]
    assert (await store.jobs(JobFilter(), limit=1, cursor=cursor)).cursor is None
    assert (await store.jobs(JobFilter(), limit=10)).cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "1.2", "1.2.3.4", "1.2.x", "'; --", "9" * 30])
async def test_a_cursor_that_no_page_gave_is_a_value_error(store: Store, cursor: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the words are Python's own
        await store.jobs(JobFilter(), limit=1, cursor=cursor)
    with pytest.raises(ValueError):  # noqa: PT011
        await store.deliveries(DeliveryFilter(), limit=1, cursor=cursor)


async def test_one_job_is_found_by_its_whole_name(store: Store) -> None:
    found = await store.job("vault_jobs", JobKey("v1", "d"))
    assert found is not None
    assert (found.source, found.snapshot.key, found.detail) == (
        "vault_jobs",
        JobKey("v1", "d"),
        None,
    )
    assert await store.job("prod", JobKey("v1", "d")) is None
    assert await store.job("vault_jobs", JobKey("", "d")) is None


async def test_changes_of_an_unknown_job_are_none(store: Store) -> None:
    assert await store.changes("prod", JobKey("", "nobody")) == []
    assert await store.changes("nobody", JobKey("", "a")) == []


async def test_events_are_listed_newest_first_and_filtered(store: Store) -> None:
    listed = await store.events(EventFilter(), limit=10)
    assert [row.job_id for row in listed.rows] == ["d", "c", "b", "a"]
    by_type = await store.events(EventFilter(type="job.failed"), limit=10)
    assert [row.severity for row in by_type.rows] == ["critical"]
    by_source = await store.events(EventFilter(source="vault_jobs"), limit=10)
    assert [(row.job_id, row.scope, row.sequence) for row in by_source.rows] == [("d", "v1", 1)]
    by_job = await store.events(EventFilter(job_id="a"), limit=10)
    assert [row.recorded_at for row in by_job.rows] == [NOW]


async def test_older_events_are_asked_for_before_a_position(store: Store) -> None:
    first = await store.events(EventFilter(), limit=3)
    assert first.cursor is not None
    second = await store.events(EventFilter(), limit=3, before=int(first.cursor))
    assert [row.job_id for row in (*first.rows, *second.rows)] == ["d", "c", "b", "a"]
    assert second.cursor is None


async def test_events_can_be_followed_after_a_position(store: Store, prod: Watcher) -> None:
    from_start = await store.events(EventFilter(), limit=10, after=0)
    assert [row.job_id for row in from_start.rows] == ["a", "b", "c", "d"]
    last = from_start.rows[-1].position
    assert (await store.events(EventFilter(), limit=10, after=last)).rows == ()
    await prod.sees(job("Paused", id="a"))
    (news,) = (await store.events(EventFilter(), limit=10, after=last)).rows
    assert news.type == "job.status_changed"


async def test_an_event_that_nobody_recorded_is_none(store: Store) -> None:
    assert await store.event("evt_nothing") is None
    assert await store.attempts(999) == []


async def test_deliveries_are_filtered_and_come_in_pages(store: Store) -> None:
    assert len((await store.deliveries(DeliveryFilter(), limit=10)).rows) == 5
    chat = await store.deliveries(DeliveryFilter(receiver="chat"), limit=10)
    assert [row.job_id for row in chat.rows] == ["c"]
    by_source = await store.deliveries(DeliveryFilter(source="vault_jobs"), limit=10)
    assert [(row.source, row.scope, row.event_type) for row in by_source.rows] == [
        ("vault_jobs", "v1", "job.discovered")
    ]
    by_event = await store.deliveries(DeliveryFilter(event_id=chat.rows[0].event_id), limit=10)
    assert {row.receiver for row in by_event.rows} == {"ops", "chat"}
    assert (await store.deliveries(DeliveryFilter(state=DeliveryState.DEAD), limit=10)).rows == ()
    assert (await store.deliveries(DeliveryFilter(job_id="a"), limit=10)).rows[0].job_id == "a"
    first = await store.deliveries(DeliveryFilter(), limit=3)
    second = await store.deliveries(DeliveryFilter(), limit=3, cursor=first.cursor)
    assert len({row.id for row in (*first.rows, *second.rows)}) == 5
    assert second.cursor is None


async def test_the_census_counts_unfinished_jobs_and_their_tasks(
    store: Store, prod: Watcher
) -> None:
    await prod.sees(
        job(id="e", progress=progress(2, 1, 10)),
        job(id="f", progress=progress(8, 7, 10)),
        job(id="g", progress=None),
    )
    found = list((await store.overview()).census)
    assert found[0] == CensusRow("prod", "Copy", "Active", 4, 10, 8, 17, NOW)
    assert [row[:4] for row in found[1:]] == [
        ("prod", "Restore", "New", 1),
        ("vault_jobs", "Copy", "Active", 1),
    ]


async def test_the_overview_shows_what_waits_for_each_receiver(store: Store, clock: Clock) -> None:
    sent = await claim(store)
    await store.settle([outcome(sent[0], clock())])
    dead = replace(outcome(sent[1], clock()), state=DeliveryState.DEAD)
    await store.settle([dead])
    found = {row.receiver: row for row in (await store.overview()).outbox}
    assert (found["ops"].pending, found["ops"].dead, found["ops"].oldest_at) == (2, 1, NOW + SECOND)
    assert (found["chat"].pending, found["chat"].dead) == (1, 0)


async def test_the_overview_names_its_subjects_and_itself(store: Store, clock: Clock) -> None:
    found = await store.overview()
    assert {each.subject for each in found.series} == {"prod", "vault_jobs"}
    assert [state.identity.name for state in found.sources] == ["prod", "vault_jobs"]
    assert (found.created_at, found.now) == (NOW, clock())
    assert found.size_bytes > 10_000

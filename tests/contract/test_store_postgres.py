"""What only a server has: its own clock, several replicas, and being away."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from jobwatch.core.errors import FenceLost, StoreError, StoreUnusable
from jobwatch.core.outbox import Result
from jobwatch.store import PostgresSettings, Store
from jobwatch.store.values import DeliveryFilter
from tests.contract.databases import Stores
from tests.contract.watcher import OTHER, PROD, Clock, Watcher, claim, next_due, outcome
from tests.factories import MINUTE, NOW, SECOND, job


@pytest.fixture
def stores(server_stores: Stores) -> Stores:
    return server_stores


@pytest.fixture
def program_time(tmp_path: Path) -> datetime:
    """Now, by the clock of the file system."""
    return datetime.fromtimestamp(tmp_path.stat().st_mtime, UTC)


async def test_leases_and_due_times_follow_the_servers_clock(
    stores: Stores, clock: Clock, program_time: datetime
) -> None:
    store = await stores.open(own_clock=False)
    prod = await Watcher.start(store, clock)
    now = (await store.overview()).now
    assert abs(now - program_time) < timedelta(minutes=5)
    state = await store.source(prod.lease)
    assert state.lease_until is not None
    assert abs(state.lease_until - now - MINUTE) < 10 * SECOND
    clock.now = NOW - timedelta(days=3000)
    await prod.sees(job())
    due_at = await next_due(store)
    assert due_at is not None
    assert abs(due_at - now) < 10 * SECOND
    assert len(await claim(store)) == 1


async def test_two_replicas_own_different_sources(stores: Stores) -> None:
    first, second = await stores.open("a"), await stores.open("b")
    await first.register([PROD, OTHER])
    taken = [
        await first.acquire("prod", lease=MINUTE),
        await second.acquire("vault_jobs", lease=MINUTE),
    ]
    assert all(taken)
    assert await first.acquire("vault_jobs", lease=MINUTE) is None
    assert await second.acquire("prod", lease=MINUTE) is None


async def test_opening_takes_nothing_from_another_replica(stores: Stores, clock: Clock) -> None:
    prod = await Watcher.start(await stores.open("a"), clock)
    await prod.sees(job())
    claimed = await claim(prod.store)
    await stores.open("b")
    await prod.store.begin_sweep(prod.lease, NOW)
    assert await prod.store.settle([outcome(each, clock()) for each in claimed]) == 1


async def test_a_lease_that_is_being_written_with_is_not_taken(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open("a"), clock)
    other = await stores.open("b")
    clock.advance(2 * MINUTE)
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        engine = prod.store._database._engine  # type: ignore[attr-defined]
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1 FROM sources WHERE name = 'prod' FOR SHARE"))
            writing.set()
            await go_on.wait()

    holding = asyncio.ensure_future(hold())
    await writing.wait()
    assert await other.acquire("prod", lease=MINUTE) is None
    go_on.set()
    await holding
    assert await other.acquire("prod", lease=MINUTE) is not None
    with pytest.raises(FenceLost):
        await prod.sees(job())


async def test_a_replica_that_lost_its_source_still_sends(stores: Stores, clock: Clock) -> None:
    prod = await Watcher.start(await stores.open("a"), clock)
    await prod.sees(job())
    other = await stores.open("b")
    (sent,) = await claim(other)
    clock.advance(MINUTE)
    assert await other.settle([outcome(sent, clock(), Result.TIMEOUT)]) == 1


async def test_concurrent_verbs_of_two_replicas_never_deadlock(
    stores: Stores, clock: Clock
) -> None:
    first = await Watcher.start(await stores.open("a"), clock)
    second = await Watcher.start(await stores.open("b"), clock, OTHER)
    for each in (first, second):
        await each.sees(*(job(id=f"j{number}") for number in range(20)))

    async def ends(watcher: Watcher) -> None:
        for number in range(20):
            await watcher.sees(job("Failed", id=f"j{number}"))
            await watcher.releases_all()

    async def sends(watcher: Watcher) -> None:
        for _ in range(20):
            claimed = await claim(watcher.store, 5)
            await watcher.store.settle([outcome(each, clock()) for each in claimed])

    await asyncio.gather(ends(first), ends(second), sends(first), sends(second))


async def states_of_conditions(store: Store) -> dict[tuple[str, str], list[str]]:
    """What became of telling them, by source and job."""
    rows = (await store.deliveries(DeliveryFilter(receiver="ops"), limit=1000)).rows
    told: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.event_type == "job.stalled":
            told.setdefault((row.source, row.job_id), []).append(row.state.value)
    return told


async def test_conditions_close_while_their_openings_are_sent_without_a_deadlock(
    stores: Stores, clock: Clock
) -> None:
    first = await Watcher.start(await stores.open("a"), clock)
    second = await Watcher.start(await stores.open("b"), clock, OTHER)
    for each in (first, second):
        await each.sees(*(job(id=f"j{number}") for number in range(10)))

    async def opens_and_closes(watcher: Watcher) -> None:
        for number in range(10):
            await watcher.closes(await watcher.opens(job_id=f"j{number}"))

    async def sends(watcher: Watcher) -> None:
        for _ in range(20):
            claimed = await claim(watcher.store, 3)
            await watcher.store.settle([outcome(each, clock()) for each in claimed])

    work = (opens_and_closes(first), opens_and_closes(second), sends(first), sends(second))
    await asyncio.gather(*work)
    while claimed := await claim(first.store):
        await first.store.settle([outcome(each, clock()) for each in claimed])
    told = await states_of_conditions(first.store)
    # Opening and closing, both told; or the opening alone, and nobody told.
    assert len(told) == 20
    assert {tuple(each) for each in told.values()} <= {
        ("delivered", "delivered"),
        ("superseded",),
    }


async def test_a_session_that_idles_in_a_transaction_is_ended_by_the_server(stores: Stores) -> None:
    store = await stores.open()
    shown = await store._database.read(
        lambda connection: connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
    )
    assert shown == "1min"


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:hunter2@127.0.0.1:1/jobwatch",
        "postgresql://me:hunter2@/jobwatch?host=/nowhere",
        "not an address hunter2",
        "postgresql://me:hunter2@host.invalid/jobwatch",
    ],
)
async def test_a_server_that_cannot_be_had_is_unusable_and_its_password_is_not_shown(
    stores: Stores, dsn: str
) -> None:
    stores.settings = PostgresSettings(kind="postgres", dsn=SecretStr(dsn))
    with pytest.raises(StoreUnusable) as caught:
        await stores.open()
    assert "hunter2" not in str(caught.value)


async def test_a_database_that_is_not_there_is_unusable(stores: Stores) -> None:
    assert isinstance(stores.settings, PostgresSettings)
    dsn = stores.settings.dsn.get_secret_value().replace("/test_", "/no_such_")
    stores.settings = PostgresSettings(kind="postgres", dsn=SecretStr(dsn))
    with pytest.raises(StoreUnusable, match="does not exist"):
        await stores.open()


async def test_a_connection_that_the_server_cut_is_replaced(stores: Stores, clock: Clock) -> None:
    prod = await Watcher.start(await stores.open("a"), clock)
    other = await stores.open("b")
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await other._database.write(lambda connection: connection.execute(cut).all())
    await prod.sees(job())


async def test_a_connection_cut_within_a_verb_is_a_store_error(stores: Stores) -> None:
    store = await stores.open("a")
    with pytest.raises(StoreError):
        await store._database.write(
            lambda connection: connection.execute(
                text("SELECT pg_terminate_backend(pg_backend_pid())")
            )
        )
    await store.ping()

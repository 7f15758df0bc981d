"""Opening a SQLite store: what is refused, and with which words; who may have it."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from jobwatch.core.errors import StoreError, StoreLocked, StoreUnusable
from jobwatch.store import SqliteSettings
from jobwatch.store.values import DeliveryFilter, EventFilter
from tests.contract.databases import Stores
from tests.contract.watcher import OPS, Clock, Watcher, claim
from tests.factories import NOW, job


@pytest.fixture
def stores(file_stores: Stores) -> Stores:
    return file_stores


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


async def refused(stores: Stores, *, exclusive: bool = True) -> str:
    with pytest.raises(StoreUnusable) as caught:
        await stores.open(exclusive=exclusive)
    return str(caught.value)


async def test_a_new_store_has_an_identity_that_it_keeps(stores: Stores) -> None:
    first = await stores.open()
    identity = first.store_id, first.created_at, first.fingerprint_seed
    await first.close()
    second = await stores.open("b")
    assert (second.store_id, second.created_at, second.fingerprint_seed) == identity
    assert first.created_at == NOW
    assert 0 <= first.fingerprint_seed < 2**63


async def test_the_files_are_for_their_owner_alone(stores: Stores) -> None:
    await stores.open()
    for path in (stores.path, stores.path.with_name("jobwatch.db.lock")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_file_says_that_it_is_ours_and_writes_ahead(stores: Stores) -> None:
    store = await stores.open()
    await store.close()
    with closing(sqlite3.connect(stores.path)) as raw:
        assert raw.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"jobw"),)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_closing_folds_the_log_into_the_file_and_twice_is_fine(stores: Stores) -> None:
    store = await stores.open()
    await store.close()
    await store.close()
    assert sorted(path.name for path in stores.path.parent.iterdir()) == [
        "jobwatch.db",
        "jobwatch.db.lock",
    ]


async def test_a_closed_store_says_so(stores: Stores) -> None:
    store = await stores.open()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.ping()


async def test_a_store_of_a_newer_program_is_refused(stores: Stores) -> None:
    await (await stores.open()).close()
    sql(stores.path, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer jobwatch (schema 9999" in await refused(stores)


async def test_a_database_of_another_program_is_refused_and_not_touched(stores: Stores) -> None:
    sql(stores.path, "CREATE TABLE theirs (a)")
    before = stores.path.read_bytes()
    assert "another program" in await refused(stores)
    assert stores.path.read_bytes() == before


async def test_an_empty_database_of_another_program_is_refused(stores: Stores) -> None:
    sql(stores.path, "PRAGMA application_id = 42")
    assert "another program" in await refused(stores)


async def test_a_database_migrated_by_another_program_is_refused(stores: Stores) -> None:
    sql(
        stores.path,
        "CREATE TABLE alembic_version (version_num)",
        "INSERT INTO alembic_version VALUES ('0001')",
    )
    assert "another program" in await refused(stores)


async def test_a_store_that_lost_its_identity_is_refused(stores: Stores) -> None:
    await (await stores.open()).close()
    sql(stores.path, "DELETE FROM meta")
    assert "restore it from a backup" in await refused(stores)


async def test_a_file_that_is_no_database_is_refused(stores: Stores) -> None:
    stores.path.write_text("source: prod\n")
    assert "is not a SQLite database" in await refused(stores)


async def test_a_damaged_database_is_refused(stores: Stores) -> None:
    await (await stores.open()).close()
    stores.path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 8192)
    assert "backup" in await refused(stores)


async def test_a_truncated_database_is_refused(stores: Stores) -> None:
    await (await stores.open()).close()
    with stores.path.open("r+b") as file:
        file.truncate(4096)
    assert "backup" in await refused(stores)


async def test_an_empty_file_becomes_a_store(stores: Stores) -> None:
    stores.path.touch()
    assert (await stores.open()).created_at == NOW


@pytest.mark.parametrize(
    ("place", "words"), [("no/such/jobwatch.db", "does not exist"), ("", "is a directory")]
)
async def test_a_place_that_is_none_is_refused(stores: Stores, place: str, words: str) -> None:
    stores.settings = SqliteSettings(path=stores.path.parent / place)
    assert words in await refused(stores)


async def test_looking_into_a_store_that_is_not_there_creates_nothing(stores: Stores) -> None:
    assert "jobwatch run" in await refused(stores, exclusive=False)
    assert not stores.path.exists()


async def test_looking_into_a_store_that_is_not_migrated_is_refused(stores: Stores) -> None:
    stores.path.touch()
    assert "jobwatch run" in await refused(stores, exclusive=False)


async def test_a_file_needs_a_clock(stores: Stores) -> None:
    with pytest.raises(StoreUnusable, match="clock"):
        await stores.open(own_clock=False)


async def test_a_held_store_names_its_holder(stores: Stores) -> None:
    await stores.open("first")
    with pytest.raises(StoreLocked) as caught:
        await stores.open("second")
    assert f"pid={os.getpid()}" in str(caught.value)
    assert caught.value.holder.startswith(f"pid={os.getpid()} host=")
    assert "since=2026-11-21T20:00:00+00:00" in caught.value.holder


async def test_a_refused_store_is_not_left_locked(stores: Stores) -> None:
    sql(stores.path, "CREATE TABLE theirs (a)")
    await refused(stores)
    stores.path.unlink()
    await stores.open()


HOLDER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from jobwatch.store import SqliteSettings, Store
from tests.contract.watcher import Clock, Watcher, claim
from tests.factories import job

async def main():
    clock = Clock()
    store = await Store.open(SqliteSettings(path=Path(sys.argv[1])), owner="other", clock=clock, exclusive=True)
    prod = await Watcher.start(store, clock)
    await prod.sees(job())
    await claim(store)
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_process_frees_the_store_its_leases_and_its_claims(stores: Stores) -> None:
    with subprocess.Popen(  # noqa: ASYNC220  the test has nothing else to do meanwhile
        [sys.executable, "-c", HOLDER, stores.path], stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as holder:
        assert holder.stdout is not None
        assert b"held\n" in iter(holder.stdout.readline, b"")
        with pytest.raises(StoreLocked, match=f"pid={holder.pid} "):
            await stores.open()
        holder.kill()
        holder.wait()
    store = await stores.open()
    (found,) = await store.sources()
    assert found.lease_owner == "a"
    (row,) = (await store.deliveries(DeliveryFilter(receiver="ops"), limit=10)).rows
    assert (row.state, row.attempts, row.due_at) == ("pending", 1, NOW)
    (again,) = await claim(store)
    assert (again.attempt, again.claim) == (2, 2)


async def test_a_restart_takes_every_lease_with_a_higher_fence(
    stores: Stores, clock: Clock
) -> None:
    before = await Watcher.start(await stores.open("before"), clock)
    await before.store.close()
    after = await Watcher.start(await stores.open("after"), clock)
    assert after.lease.fence > before.lease.fence + 1


async def test_a_restart_supersedes_news_that_an_ending_overtook(
    stores: Stores, clock: Clock
) -> None:
    before = await Watcher.start(await stores.open(), clock)
    before.subscriptions = (OPS,)
    await before.sees(job())
    await claim(before.store)
    await before.sees(job("Failed"))
    await before.store.close()
    after = await stores.open()
    states = [row.state for row in (await after.deliveries(DeliveryFilter(), limit=10)).rows]
    assert states == ["pending", "superseded"]


async def test_one_can_look_and_write_beside_a_running_daemon(stores: Stores, clock: Clock) -> None:
    daemon = await Watcher.start(await stores.open("daemon"), clock)
    beside = await stores.open("beside", exclusive=False)
    await daemon.sees(job())
    assert len((await beside.events(EventFilter(), limit=10)).rows) == 1
    assert len(await claim(beside)) == 1
    assert await claim(daemon.store) == []


async def test_a_reader_cannot_write(stores: Stores) -> None:
    store = await stores.open()
    with pytest.raises(StoreError, match="readonly"):
        await store._database.read(lambda connection: connection.execute(text("DELETE FROM meta")))


async def test_a_second_look_by_the_same_process_gives_its_locks_to_nobody(
    file_stores: Stores,
) -> None:
    await file_stores.open()
    await file_stores.open("reader", exclusive=False)
    log = file_stores.path.with_name(file_stores.path.name + "-wal")
    before = log.stat().st_ino
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", LOOK, str(file_stores.path)], check=True
    )
    # Whoever takes itself for the last one removes the log under those who still write to it.
    assert log.stat().st_ino == before


LOOK = """
import sqlite3, sys
link = sqlite3.connect(sys.argv[1])
assert link.execute("SELECT count(*) FROM meta").fetchone()[0]
link.close()
"""

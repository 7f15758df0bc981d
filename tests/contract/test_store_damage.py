"""What people are told of a store that is damaged, locked, full or not theirs: what is wrong, where, and what to do."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store import trouble
from jobwatch.store.engine import SqliteDatabase
from jobwatch.store.values import EventFilter, JobFilter
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher
from tests.factories import NOW, job
from tests.new_store import new_store

RESTORE = "stop jobwatch and restore a backup: `jobwatch restore FILE`"


@pytest.fixture
def stores(file_stores: Stores) -> Stores:
    new_store(file_stores.path, NOW)
    return file_stores


async def refused(stores: Stores, *, exclusive: bool = True) -> str:
    with pytest.raises(StoreUnusable) as caught:
        await stores.open(exclusive=exclusive)
    assert str(stores.path) in str(caught.value)
    return str(caught.value)


def pages_of(path: Path, table: str) -> list[int]:
    with closing(sqlite3.connect(path)) as raw:
        found = raw.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,)).fetchall()
    return [number for (number,) in found]


def spoil(path: Path, pages: list[int]) -> None:
    with path.open("r+b") as file:
        for number in pages:
            file.seek((number - 1) * 4096)
            file.write(os.urandom(4096))


def header(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(16)
        file.write(b"\xff" * 32)


def short(path: Path) -> None:
    os.truncate(path, 8192)


def first_pages(path: Path) -> None:
    spoil(path, [1, 2, 3, 4])


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("damage", [header, short, first_pages])
async def test_a_damaged_store_is_refused_with_what_to_do(
    stores: Stores, damage: Callable[[Path], None], *, exclusive: bool
) -> None:
    damage(stores.path)
    said = await refused(stores, exclusive=exclusive)
    assert RESTORE in said or "is not a SQLite database" in said


async def test_a_damaged_page_stops_the_verbs_that_need_it_and_no_others(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(*(job(id=f"j{number}") for number in range(40)))
    await prod.store.close()
    spoil(stores.path, pages_of(stores.path, "events"))
    store = await stores.open("b")
    with pytest.raises(StoreError, match="is damaged") as caught:
        await store.events(EventFilter(), limit=10)
    assert RESTORE in str(caught.value)
    assert len((await store.jobs(JobFilter(), limit=100)).rows) == 40


async def test_a_damaged_log_loses_its_last_transactions_alone(
    stores: Stores, clock: Clock, tmp_path: Path
) -> None:
    """As after a loss of power: what is told then is told again with the same id."""
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(job(id="kept"))
    size = stores.path.with_name("jobwatch.db-wal").stat().st_size
    await prod.sees(job(id="torn"))
    killed = tmp_path / "killed.db"
    log = bytearray(stores.path.with_name("jobwatch.db-wal").read_bytes())
    log[size + 100] ^= 0xFF
    await asyncio.to_thread(killed.write_bytes, stores.path.read_bytes())
    await asyncio.to_thread(killed.with_name("killed.db-wal").write_bytes, bytes(log))
    stores.use_file(killed)
    store = await stores.open("b")
    rows = (await store.jobs(JobFilter(), limit=10)).rows
    assert [row.snapshot.job.id for row in rows] == ["kept"]


async def test_a_lost_index_of_the_log_is_made_anew(
    stores: Stores, clock: Clock, tmp_path: Path
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(job(id="kept"))
    killed = tmp_path / "killed.db"
    for end in ("", "-wal"):
        content = stores.path.with_name(f"jobwatch.db{end}").read_bytes()
        await asyncio.to_thread(killed.with_name(f"killed.db{end}").write_bytes, content)
    stores.use_file(killed)
    store = await stores.open("b")
    assert len((await store.jobs(JobFilter(), limit=10)).rows) == 1


async def test_an_older_schema_is_refused_to_who_only_looks_and_a_newer_one_to_all(
    stores: Stores,
) -> None:
    with closing(sqlite3.connect(stores.path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StoreUnusable, match="start `jobwatch run` first"):
        await stores.open(exclusive=False)
    with closing(sqlite3.connect(stores.path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match="schema 9999, this one knows 0"):
        await stores.open()


HOLDER = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


async def test_who_locks_the_store_is_named(stores: Stores) -> None:
    await (await stores.open()).close()
    database = SqliteDatabase(stores.path, Clock(), folds=True, pauses=())
    await database.read(lambda connection: connection.execute(text("SELECT 1")).all())
    with subprocess.Popen(  # noqa: ASYNC220  the test has nothing else to do meanwhile
        [sys.executable, "-c", HOLDER, stores.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=rf"is locked by pid {holder.pid} \(python"):
            await database.write(lambda connection: connection.execute(text("SELECT 1")).all())
        holder.kill()
    await database.close()


def error(code: int, said: str = "words") -> sqlite3.Error:
    made = sqlite3.OperationalError(said)
    made.sqlite_errorcode, made.sqlite_errorname = code, "SQLITE_NAME"
    return made


@pytest.mark.parametrize(
    ("code", "words", "lasting"),
    [
        (sqlite3.SQLITE_FULL, "is full (words,", False),
        (sqlite3.SQLITE_IOERR_WRITE, "fails (words, SQLITE_NAME)", False),
        (sqlite3.SQLITE_BUSY, "is locked by another process (words)", False),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot be written (words)", True),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened (words)", True),
        (sqlite3.SQLITE_NOTADB, "is damaged (words)", True),
        (sqlite3.SQLITE_CORRUPT_INDEX, "is damaged (words)", True),
        (sqlite3.SQLITE_ERROR, "failed: words", False),
    ],
)
def test_every_kind_of_failure_has_its_sentence(
    tmp_path: Path, code: int, words: str, *, lasting: bool
) -> None:
    told = trouble.explained(error(code), tmp_path / "jobwatch.db")
    assert str(told).startswith(("the store ", "the disk "))
    assert f"{tmp_path}/jobwatch.db {words}" in str(told)
    assert isinstance(told, StoreUnusable) == lasting

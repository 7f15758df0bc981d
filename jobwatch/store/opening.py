"""Opening a store: find out whether it may be used, then connect, migrate and take what is ours."""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store import leasing, letting_go
from jobwatch.store.engine import SqliteDatabase
from jobwatch.store.leasing import Term
from jobwatch.store.place import FileLock, check_place, sqlite_version_problem
from jobwatch.store.schema import Birth, check_sqlite, prepare
from jobwatch.store.settings import PostgresSettings, SqliteSettings
from jobwatch.store.transactions import Database
from jobwatch.store.trouble import explained

Clock = Callable[[], datetime]

HOLDER_LEASE = timedelta(days=1)
"""For the only process that may write a file; it takes each source's lease anew when it begins to watch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A store ready for its verbs. `lock` is None for PostgreSQL, and for who only looks into a file."""

    database: Database
    birth: Birth
    lock: FileLock | None


async def open_sqlite(
    settings: SqliteSettings, clock: Clock | None, owner: str, *, exclusive: bool
) -> Opened:
    """Open a file. Raises `StoreUnusable`, `StoreLocked`, and a plain `StoreError` for what may pass by itself."""
    if clock is None:
        raise StoreUnusable("SQLite has no clock of its own; the program must bring one")
    lock = await asyncio.to_thread(
        _take_place, settings.path, owner, clock() if exclusive else None
    )
    database = SqliteDatabase(settings.path, clock, folds=exclusive)
    try:
        birth = await _birth(database, migrate=exclusive)
        if exclusive:
            await database.write(lambda connection: _take_over(connection, owner, clock()))
    except BaseException:
        await database.close()
        if lock:
            lock.free()
        raise
    return Opened(database=database, birth=birth, lock=lock)


def _take_place(path: Path, owner: str, exclusive_since: datetime | None) -> FileLock | None:
    problem = sqlite_version_problem()
    if problem:
        raise StoreUnusable(problem)
    check_place(path, create=exclusive_since is not None)
    lock = FileLock.take(path, owner=owner, now=exclusive_since) if exclusive_since else None
    try:
        _check_contents(path)
    except BaseException:
        if lock:
            lock.free()
        raise
    return lock


def _check_contents(path: Path) -> None:
    try:
        check_sqlite(path)
    except StoreUnusable as error:
        if isinstance(
            error.__cause__, sqlite3.Error
        ):  # damage is not all that keeps it from being read
            raise explained(error.__cause__, path.resolve()) from error.__cause__
        raise


def _take_over(connection: Connection, owner: str, now: datetime) -> None:
    """The lock says that whoever held leases and claims is gone."""
    leasing.acquire_all(connection, Term(owner, now, now + HOLDER_LEASE))
    letting_go.take_back_all(connection, now)


async def open_postgres(
    settings: PostgresSettings, clock: Clock | None, *, exclusive: bool
) -> Opened:
    """Open a database. Raises `StoreUnusable`."""
    # The asynchronous half of SQLAlchemy takes 50 ms to import, and most stores are SQLite.
    from jobwatch.store.engine_postgres import PostgresDatabase  # noqa: PLC0415

    database = PostgresDatabase(settings.dsn.get_secret_value(), clock)
    try:
        birth = await _birth(database, migrate=exclusive)
    except StoreUnusable:
        await database.close()
        raise
    except StoreError as error:
        await database.close()
        raise StoreUnusable(f"{error}; see that it is there, reachable and undamaged") from error
    except BaseException:
        await database.close()
        raise
    return Opened(database=database, birth=birth, lock=None)


async def _birth(database: Database, *, migrate: bool) -> Birth:
    def work(connection: Connection) -> Birth:
        return prepare(connection, now=database.now(connection), migrate=migrate)

    return await (database.write(work) if migrate else database.read(work))

"""The two databases, and all that is different between them but a few words of SQL.

On SQLite a verb runs in a thread of its own from BEGIN to COMMIT: one hop per verb instead of several per statement,
which is most of what a small transaction costs through an asynchronous driver. On PostgreSQL the same verb runs over
asyncpg through SQLAlchemy's bridge.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    Engine,
    cast,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool, StaticPool

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store.columns import from_micros
from jobwatch.store.transactions import BUSY_PAUSES, T, Work, repeated, to_its_end

READERS = 2
CHECKPOINT_PAGES = 20_000
LOG_LIMIT_BYTES = 64 * 1024 * 1024
BUSY_TIMEOUT_SECONDS = 0.25
CACHE_KIB = 16 * 1024
POSTGRES_POOL = 5
CONNECT_TIMEOUT_SECONDS = 10
IDLE_IN_TRANSACTION = "60s"


class SqliteDatabase:
    """One SQLite file: one writer, a few readers, each in its own thread."""

    def __init__(
        self, path: Path, clock: Callable[[], datetime], *, pauses: Sequence[float] = BUSY_PAUSES
    ) -> None:
        self._clock = clock
        self._pauses = pauses
        self._writer = _sqlite_engine(path, "BEGIN IMMEDIATE", writes=True)
        self._reader = _sqlite_engine(path, "BEGIN", writes=False)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False

    async def write(self, work: Work[T]) -> T:
        """In the writer's thread: verbs queue up there in the order they were called."""
        return await to_its_end(
            repeated(lambda: self._run(self._write_thread, self._writer, work), self._pauses)
        )

    async def read(self, work: Work[T]) -> T:
        """In a reader's thread, on a connection that cannot write."""
        return await to_its_end(
            repeated(lambda: self._run(self._read_threads, self._reader, work), self._pauses)
        )

    async def _run(self, threads: ThreadPoolExecutor, engine: Engine, work: Work[T]) -> T:
        def verb() -> T:
            with engine.begin() as connection:
                return work(connection)

        if self._closed:
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(threads, verb)

    def now(self, connection: Connection) -> datetime:
        """The program's clock: SQLite runs in its process."""
        del connection
        return self._clock()

    def size(self, connection: Connection) -> int:
        """Pages times page size; the log is not in it."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())

    async def close(self) -> None:
        """Fold the log into the file, so that it can be copied alone, and end the threads."""
        if self._closed:
            return
        self._closed = True
        await to_its_end(asyncio.to_thread(self._close))

    def _close(self) -> None:
        self._read_threads.shutdown()
        self._reader.dispose()
        self._write_thread.submit(self._fold_log).result()
        self._write_thread.shutdown()
        self._writer.dispose()

    def _fold_log(self) -> None:
        try:
            with self._writer.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLAlchemyError:  # the log is read at the next start
            return


def _sqlite_engine(path: Path, begin: str, *, writes: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path.resolve())),
        # isolation_level None: the driver begins nothing by itself, we do.
        connect_args={
            "isolation_level": None,
            "timeout": BUSY_TIMEOUT_SECONDS,
            "check_same_thread": False,
        },
        **({"poolclass": StaticPool} if writes else {"poolclass": QueuePool, "pool_size": READERS}),
    )

    def connected(driver: sqlite3.Connection, record: object) -> None:
        del record
        for pragma in _pragmas(writes=writes):
            driver.execute(pragma).fetchall()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _pragmas(*, writes: bool) -> tuple[str, ...]:
    common = (
        "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY",
        f"PRAGMA cache_size=-{CACHE_KIB}",
    )
    if not writes:
        return (*common, "PRAGMA query_only=ON")
    return (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"PRAGMA journal_size_limit={LOG_LIMIT_BYTES}",
        *common,
    )


class PostgresDatabase:
    """A PostgreSQL database. `clock` None: the server's clock, which all replicas share."""

    def __init__(self, dsn: str, clock: Callable[[], datetime] | None) -> None:
        self._clock = clock
        self._engine = _postgres_engine(dsn)
        self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._closed = False

    async def write(self, work: Work[T]) -> T:
        """In a transaction of one pooled connection."""
        return await to_its_end(repeated(lambda: self._run(self._engine, work), BUSY_PAUSES))

    async def read(self, work: Work[T]) -> T:
        """Like `write`: every reader sees one state, because its isolation is repeatable read."""
        return await to_its_end(repeated(lambda: self._run(self._reader, work), BUSY_PAUSES))

    async def _run(self, engine: AsyncEngine, work: Work[T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    def now(self, connection: Connection) -> datetime:
        """The server's clock as it goes on within the transaction, unless the caller brought one."""
        if self._clock is not None:
            return self._clock()
        micros = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
        moment = from_micros(connection.scalar(select(micros)))
        if moment is None:  # a clock has a time
            raise StoreError("the server has no clock")
        return moment

    def size(self, connection: Connection) -> int:
        """Everything in the database."""
        return int(
            connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        )

    async def close(self) -> None:
        """Close the pool."""
        self._closed = True
        await to_its_end(self._engine.dispose())


def _postgres_engine(dsn: str) -> AsyncEngine:
    try:
        import asyncpg  # noqa: PLC0415  an extra: only who uses PostgreSQL needs it
    except ImportError as error:
        raise StoreUnusable(
            "PostgreSQL needs the extra: pip install 'jobwatch[postgres]'"
        ) from error

    # asyncpg itself reads the address, as libpq would; the engine never learns it, and so cannot show it.
    async def connect() -> Any:
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={
                "application_name": "jobwatch",
                "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
                "jit": "off",
            },
        )

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=POSTGRES_POOL, pool_pre_ping=True
    )

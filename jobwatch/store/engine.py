"""SQLite: one writer, a few readers, each in a thread of its own.

A verb runs there from BEGIN to COMMIT: one hop per verb instead of several per statement, which is most of what a small
transaction costs through an asynchronous driver.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from jobwatch.core.errors import StoreError
from jobwatch.store.place import Sighting
from jobwatch.store.transactions import BUSY_PAUSES, T, Work, failure, repeated, to_its_end
from jobwatch.store.trouble import explained

READERS = 2
CHECKPOINT_PAGES = 20_000
LOG_LIMIT_BYTES = 64 * 1024 * 1024
BUSY_TIMEOUT_SECONDS = 0.25
WRITER_CACHE_KIB = 6 * 1024
READER_CACHE_KIB = 2 * 1024
"""A reader keeps nothing that the writer changed meanwhile: more would only be memory."""


class SqliteDatabase:
    """One SQLite file: one writer, a few readers, each in its own thread.

    `folds`: the log is folded into the file at the end. That is for who holds the store; a look beside it leaves it alone.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime],
        *,
        folds: bool,
        pauses: Sequence[float] = BUSY_PAUSES,
    ) -> None:
        self._folds = folds
        self._clock = clock
        self._path = path.resolve()
        self._sighting = Sighting(path)
        self._pauses = pauses
        self._writer = _sqlite_engine(path, "BEGIN IMMEDIATE", writes=True)
        self._reader = _sqlite_engine(path, "BEGIN", writes=False)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._kept = threading.local()
        self._links: list[Connection] = []
        self._closed = False

    async def write(self, work: Work[T]) -> T:
        """In the writer's thread: verbs queue up there in the order they were called."""
        return await to_its_end(
            repeated(
                lambda: self._run(self._write_thread, self._writer, work), self._pauses, self._told
            )
        )

    async def read(self, work: Work[T]) -> T:
        """In a reader's thread, on a connection that cannot write."""
        return await to_its_end(
            repeated(
                lambda: self._run(self._read_threads, self._reader, work), self._pauses, self._told
            )
        )

    def _told(self, error: Exception) -> StoreError:
        origin = error.orig if isinstance(error, DBAPIError) else None
        return (
            explained(origin, self._path) if isinstance(origin, sqlite3.Error) else failure(error)
        )

    async def _run(self, threads: ThreadPoolExecutor, engine: Engine, work: Work[T]) -> T:
        def verb() -> T:
            self._sighting.check()
            with self._link(engine) as connection, connection.begin():
                return work(connection)

        if self._closed:
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(threads, verb)

    @contextmanager
    def _link(self, engine: Engine) -> Iterator[Connection]:
        """The connection of this thread. After an error it is made anew: nobody knows what state it is in."""
        connection: Connection | None = getattr(self._kept, "connection", None)
        if connection is None:
            self._sighting.note()  # before it is opened: what is opened then is this file, or the difference shows
            connection = self._kept.connection = engine.connect()
            self._links.append(connection)
            self._sighting.note()
        try:
            yield connection
        except BaseException:
            self._kept.connection = None
            self._links.remove(connection)
            connection.close()
            raise

    def now(self, connection: Connection) -> datetime:
        """The program's clock: SQLite runs in its process."""
        del connection
        return self._clock()

    def size(self, connection: Connection) -> int:
        """Pages times page size; the log is not in it."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())

    async def close(self) -> None:
        """End the threads; whoever holds the store folds its log into the file, so that it can be copied alone."""
        if self._closed:
            return
        self._closed = True
        await to_its_end(asyncio.to_thread(self._close))

    def _close(self) -> None:
        self._read_threads.shutdown()
        # What the writer's thread had queued comes first; then nothing uses a link any more.
        self._write_thread.shutdown()
        for link in self._links:
            link.close()
        self._reader.dispose()
        if self._folds:
            self._fold_log()
        self._writer.dispose()

    def _fold_log(self) -> None:
        """Outside of any transaction: within one, a checkpoint finds the table locked."""
        try:
            with closing(self._writer.raw_connection()) as link:
                link.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (SQLAlchemyError, sqlite3.Error):  # the log is read at the next start
            return


def _sqlite_engine(path: Path, begin: str, *, writes: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path.resolve())),
        hide_parameters=True,  # what is stored has no place in the text of an error
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
        "PRAGMA trusted_schema=OFF",  # a file that was mounted or restored may call nothing by its schema
        "PRAGMA temp_store=MEMORY",
        f"PRAGMA cache_size=-{WRITER_CACHE_KIB if writes else READER_CACHE_KIB}",
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

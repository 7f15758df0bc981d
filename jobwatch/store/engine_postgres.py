"""PostgreSQL over asyncpg, through SQLAlchemy's bridge. Imported only where it is configured."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store.columns import from_micros
from jobwatch.store.tables import metadata
from jobwatch.store.transactions import BUSY_PAUSES, T, Work, repeated, to_its_end

POSTGRES_POOL = 5
CONNECT_TIMEOUT_SECONDS = 10
IDLE_IN_TRANSACTION = "60s"

for _table in metadata.tables.values():
    for _index in _table.indexes:
        # The condition of a partial index is one for both databases; `tables` says why it stands there once.
        _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]


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
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=POSTGRES_POOL,
        pool_pre_ping=True,
        hide_parameters=True,  # what is stored has no place in the text of an error
    )

"""How a verb runs, whatever the database: as one transaction, repeated where that helps, and never cut off.

A verb is a plain function of a SQLAlchemy connection. A cancelled caller waits for the end of its verb.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from jobwatch.core.errors import StoreError

T = TypeVar("T")
Work = Callable[[Connection], T]

BUSY_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0)
"""Seconds between the tries of a verb that another process keeps from writing."""

_RETRY_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_RETRY_POSTGRES = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock not available: the whole verb may be repeated."""


class Database(Protocol):
    """Runs verbs. Each call is one transaction, repeated as a whole where the database asks for it."""

    async def write(self, work: Work[T]) -> T:
        """Run a verb that writes. Raises `StoreError`."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Run a verb that only reads, on one consistent state. Raises `StoreError`."""
        ...

    def now(self, connection: Connection) -> datetime:
        """The time that leases and due times are measured with."""
        ...

    def size(self, connection: Connection) -> int:
        """Bytes of the database."""
        ...

    async def close(self) -> None:
        """End what runs and let go of every connection."""
        ...


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that is never cut off: being cancelled meanwhile takes effect when it ended."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except Exception:  # noqa: BLE001  it is raised below, by the task's own result
            break
    if cancelled is not None:
        task.exception()  # seen, so that asyncio does not complain that nobody looked
        raise cancelled
    return task.result()


def failure(error: Exception) -> StoreError:
    """What the database said, in one line. Addresses and passwords are not in it."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = (str(origin).splitlines() or [type(origin).__name__])[0]
    return StoreError(f"the store failed: {words.rpartition('>: ')[2][:256]}")


async def repeated(
    once: Callable[[], Coroutine[Any, Any, T]],
    pauses: Sequence[float],
    told: Callable[[Exception], StoreError] = failure,
) -> T:
    """Run a verb, again while the database says that somebody else is in the way; `told` puts its failure into words."""
    for pause in (*pauses, None):
        try:
            return await once()
        except (SQLAlchemyError, OSError) as error:
            if pause is None or not is_busy(error):
                raise told(error) from error
        await asyncio.sleep(pause)
    raise AssertionError  # the last round returns or raises


def is_busy(error: Exception) -> bool:
    """Whether the whole verb may simply be repeated."""
    origin = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(origin, sqlite3.Error):
        return getattr(origin, "sqlite_errorcode", 0) & 0xFF in _RETRY_SQLITE
    return getattr(origin, "sqlstate", None) in _RETRY_POSTGRES

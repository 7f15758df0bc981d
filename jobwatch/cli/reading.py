"""Looks into the store, beside a running daemon or without one. Nothing is created or changed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from jobwatch.app.clock import utc_now
from jobwatch.cli.configuration import load_quietly
from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.refusing import told_as_failure
from jobwatch.cli.text import plain
from jobwatch.settings import Needed, Settings, to_look
from jobwatch.store import Store, orders
from jobwatch.store.orders import JobName
from jobwatch.store.values import Page

OWNER = "command line"
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a reading command works with."""

    settings: Settings
    store: Store

    @property
    def now(self) -> datetime:
        """The time that ages are told from."""
        return utc_now()

    async def check_source(self, name: str | None) -> None:
        """Raise `Failed` for a source that neither the configuration nor the store knows."""
        with told_as_failure():
            await orders.check_source(self.store, self.settings.sources, name)


def look(
    config: Path | None, show: Callable[[View], Awaitable[None]], needed: Needed = to_look
) -> None:
    """Open the store, let `show` read it, close it. Raises `ConfigError` or `StoreError`."""
    asyncio.run(_look(load_quietly(config, needed), show))


async def _look(settings: Settings, show: Callable[[View], Awaitable[None]]) -> None:
    store = await Store.open(settings.store, owner=OWNER, clock=utc_now, exclusive=False)
    try:
        await show(View(settings=settings, store=store))
    finally:
        await store.close()


async def page_from(cursor: str | None, reading: Awaitable[Page[RowT]]) -> Page[RowT]:
    """Await a part of a list. Raises `Failed` for a cursor that no list gave."""
    try:
        return await reading
    except (ValueError, OverflowError):
        if cursor is None:
            raise
        raise Failed(
            f"--cursor {plain(cursor, 64)} is none that this list gave", code=Exit.MISUSED
        ) from None


def job_name(text: str) -> JobName:
    """Read the name of a job. Raises `Failed` with what to write instead."""
    with told_as_failure():
        return orders.job_name(text)


async def named(view: View, wanted: JobName) -> JobName:
    """The job that is meant: without a scope, the one of this id in any. Raises `Failed` where there are several."""
    with told_as_failure():
        return await orders.find_named(view.store, wanted)


def written(source: str, scope: str, job_id: str) -> str:
    """The name of a job as `job_name` reads it."""
    return orders.written(source, scope, job_id)

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
from jobwatch.cli.text import plain
from jobwatch.core.model import JobKey
from jobwatch.settings import Settings
from jobwatch.store import Store
from jobwatch.store.values import Page

OWNER = "command line"
RowT = TypeVar("RowT")
MOST_CANDIDATES = 100
"""Jobs of one id that are listed where it names several."""


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
        known = set(self.settings.sources)
        if name is None or name in known:
            return
        known |= {state.identity.name for state in await self.store.sources()}
        if name not in known:
            raise Failed(
                f"there is no source {plain(name, 64)}; there are {', '.join(sorted(known))}",
                code=Exit.MISUSED,
            )


def look(config: Path | None, show: Callable[[View], Awaitable[None]]) -> None:
    """Open the store, let `show` read it, close it. Raises `ConfigError` or `StoreError`."""
    asyncio.run(_look(load_quietly(config), show))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobName:
    """What `SOURCE/ID` or `SOURCE/SCOPE/ID` names."""

    source: str
    key: JobKey


def job_name(text: str) -> JobName:
    """Read the name of a job. Raises `Failed` with what to write instead."""
    source, slash, rest = text.partition("/")
    scope, _, job_id = rest.rpartition("/")
    if not (source and slash and job_id):
        raise Failed(
            f"{plain(text, 80)} names no job; write SOURCE/ID, or SOURCE/SCOPE/ID",
            code=Exit.MISUSED,
        )
    return JobName(source=source, key=JobKey(scope, job_id))


async def named(view: View, wanted: JobName) -> JobName:
    """The job that is meant: without a scope, the one of this id in any. Raises `Failed` where there are several."""
    # The name as it stands is asked for first: an id alone is not indexed.
    if wanted.key.scope or await view.store.job(wanted.source, wanted.key):
        return wanted
    keys = await view.store.named(wanted.source, wanted.key.id, limit=MOST_CANDIDATES)
    if len(keys) > 1:
        there = (plain(written(wanted.source, *key)) for key in keys)
        raise Failed("\n".join(["several jobs have this id; name one", *there]), code=Exit.MISUSED)
    return JobName(source=wanted.source, key=keys[0]) if keys else wanted


def written(source: str, scope: str, job_id: str) -> str:
    """The name of a job as `job_name` reads it."""
    return "/".join(part for part in (source, scope, job_id) if part)

"""Where the machine of the outbox lives: a program that crashes, on one database that does not."""

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection, text, update

from jobwatch.store import PostgresSettings, SqliteSettings, Store
from jobwatch.store.tables import meta, metadata
from tests.contract.watcher import Clock, Watcher
from tests.factories import NOW

T = TypeVar("T")


class World(Protocol):
    """One database for many lives. `store` is what the program that sends uses; `claimers` may race."""

    runner: asyncio.Runner
    clock: Clock
    watcher: Watcher
    store: Store

    async def begin(self) -> None:
        """A life with nothing told so far."""
        ...

    async def crash(self) -> None:
        """The program ends at once, and another one begins."""
        ...

    async def end(self) -> None: ...

    @property
    def claimers(self) -> tuple[Store, Store]: ...


class _World:
    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.clock = Clock()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


class OnSqlite(_World):
    """A file, opened again after each crash: what was claimed is claimed no more."""

    def __init__(self, runner: asyncio.Runner, template: Path, folder: Path) -> None:
        super().__init__(runner)
        self.template = template
        self.path = folder / "jobwatch.db"

    async def begin(self) -> None:
        self.clock.now, self.clock.stepped = NOW, NOW - NOW
        for old in self.path.parent.glob("jobwatch.db*"):
            old.unlink()
        shutil.copyfile(self.template, self.path)
        await self._open()

    async def _open(self) -> None:
        settings = SqliteSettings(path=self.path)
        self.store = await Store.open(settings, owner="a", clock=self.clock, exclusive=True)
        self.watcher = await Watcher.start(self.store, self.clock)

    async def crash(self) -> None:
        await self.store.close()
        await self._open()

    async def end(self) -> None:
        await self.store.close()

    @property
    def claimers(self) -> tuple[Store, Store]:
        return self.store, self.store


class OnPostgres(_World):
    """A server: who crashed leaves its claims behind, until their leases end. Somebody else may claim as well."""

    def __init__(self, runner: asyncio.Runner, dsn: str) -> None:
        super().__init__(runner)
        self.settings = PostgresSettings(kind="postgres", dsn=SecretStr(dsn))
        self.owners = 0
        self.other: Store | None = None

    async def begin(self) -> None:
        self.clock.now, self.clock.stepped = NOW, NOW - NOW
        self.owners = 0
        if self.other is None:
            self.other = await self._open("other")
        await self.other._database.write(_forget_everything)
        self.store = await self._next()
        self.watcher = await Watcher.start(self.other, self.clock)

    async def _open(self, owner: str) -> Store:
        return await Store.open(self.settings, owner=owner, clock=self.clock, exclusive=True)

    async def _next(self) -> Store:
        self.owners += 1
        return await self._open(f"owner {self.owners}")

    async def crash(self) -> None:
        await self.store.close()
        self.store = await self._next()

    async def end(self) -> None:
        await self.store.close()

    async def close(self) -> None:
        if self.other is not None:
            await self.other.close()

    @property
    def claimers(self) -> tuple[Store, Store]:
        assert self.other is not None
        return self.store, self.other


def _forget_everything(connection: Connection) -> None:
    """Faster than a database for each life. Numbers begin anew, so that a life can be lived again."""
    names = ", ".join(table.name for table in metadata.sorted_tables if table is not meta)
    connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    connection.execute(update(meta).where(meta.c.key == "sequence").values(value="0"))

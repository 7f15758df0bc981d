"""The schema: migrating an empty database makes exactly the tables of the code."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from jobwatch import store as package
from jobwatch.core.errors import StoreUnusable
from jobwatch.store.schema import REVISIONS
from jobwatch.store.tables import metadata
from tests.contract.databases import Stores
from tests.contract.test_store_upgrades import run_revisions
from tests.contract.watcher import Clock, Watcher
from tests.factories import job


async def test_the_migrated_schema_is_that_of_the_code(stores: Stores) -> None:
    store = await stores.open()

    def compare(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    assert await store._database.write(compare) == []


def _written(path: Path) -> dict[str, str]:
    """What SQLite was told, in one spelling: columns and keys in alphabetical order."""
    with closing(sqlite3.connect(path)) as raw:
        found = raw.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    return {
        name: _in_order(sql)
        for name, sql in found
        if name != "alembic_version" and not name.startswith("sqlite_")
    }


def _in_order(sql: str) -> str:
    """A column that came later stands behind the keys; it is the same table."""
    parts = re.split(r"[,\n]", re.sub(r"[ \t\"]+", " ", sql))
    if sql.startswith("CREATE TABLE"):
        parts = [part.strip(" )") for part in parts]
    return " ".join(sorted(filter(None, (part.strip() for part in parts))))


def _kept(path: Path) -> dict[str, list[Any]]:
    """What a new file holds besides tables: what the planner was taught, revision, marks; not what is drawn by lot."""
    drawn = "('store_id', 'created_at', 'fingerprint_seed')"
    questions = (
        "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2",
        "SELECT version_num FROM alembic_version",
        f"SELECT key, value FROM meta WHERE key NOT IN {drawn} ORDER BY 1",
        "PRAGMA application_id",
        "SELECT m.name, l.name, l.origin, l.partial FROM sqlite_master m, pragma_index_list(m.name) l ORDER BY 1, 2",
    )
    with closing(sqlite3.connect(path)) as raw:
        return {question: raw.execute(question).fetchall() for question in questions}


async def test_a_new_file_is_made_at_once_as_the_revisions_would_make_it(
    file_stores: Stores, tmp_path: Path
) -> None:
    await (await file_stores.open()).close()
    migrated = tmp_path / "migrated.db"
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        run_revisions(connection)
    engine.dispose()
    assert _written(file_stores.path) == _written(migrated)
    assert _kept(file_stores.path) == _kept(migrated)


async def test_an_index_of_the_code_is_as_partial_on_a_server_as_in_a_file(
    server_stores: Stores,
) -> None:
    store = await server_stores.open()
    found = await store._database.read(
        lambda connection: connection.scalars(
            text("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% WHERE %'")
        ).all()
    )
    indexes = [index for each in metadata.tables.values() for index in each.indexes]
    assert found
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        told = {each: str(CreateIndex(each).compile(dialect=dialect)) for each in indexes}
        assert {each.name for each, sql in told.items() if " WHERE " in sql} == set(found)


def test_the_code_knows_every_revision_in_order() -> None:
    folder = Path(next(iter(package.__path__))) / "migrations"
    revisions = [each.revision for each in ScriptDirectory(str(folder)).walk_revisions()]
    assert tuple(reversed(revisions)) == REVISIONS


async def test_reopening_migrates_nothing_and_keeps_everything(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(job())
    await prod.store.close()
    again = await Watcher.start(await stores.open(), clock)
    assert (await again.snapshot()).row == 1


async def test_a_newer_schema_is_refused_on_every_engine(stores: Stores) -> None:
    store = await stores.open()
    await store._database.write(
        lambda connection: connection.execute(
            text("UPDATE alembic_version SET version_num = '9999'")
        )
    )
    await store.close()
    for exclusive in (True, False):
        with pytest.raises(StoreUnusable, match="newer"):
            await stores.open(exclusive=exclusive)


async def test_a_server_database_of_another_program_is_refused(server_stores: Stores) -> None:
    store = await server_stores.open()
    await store._database.write(
        lambda connection: connection.execute(text("DROP TABLE alembic_version"))
    )
    await store.close()
    with pytest.raises(StoreUnusable, match="another program"):
        await server_stores.open()


async def test_a_server_that_was_never_migrated_is_not_looked_into(server_stores: Stores) -> None:
    with pytest.raises(StoreUnusable, match="jobwatch run"):
        await server_stores.open(exclusive=False)


async def test_two_replicas_that_start_at_once_migrate_once(server_stores: Stores) -> None:
    first, second = await asyncio.gather(server_stores.open("a"), server_stores.open("b"))
    assert first.store_id == second.store_id

"""Brings the database to this program's schema, or says why it must not be touched."""

import secrets
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import Connection, insert, inspect, select, text

from jobwatch.core.errors import StoreUnusable
from jobwatch.store.columns import from_micros, to_micros
from jobwatch.store.creating import create, version
from jobwatch.store.inspecting import check_schema
from jobwatch.store.place import legible
from jobwatch.store.tables import APPLICATION_ID, meta, metadata

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every revision, oldest first; the last is this program's."""

_MIGRATING = 0x6A6F6277
"""The PostgreSQL advisory lock that one replica holds while it migrates."""


class Birth(NamedTuple):
    """What was decided when the store was created."""

    store_id: str
    created_at: datetime
    fingerprint_seed: int


def check_sqlite(path: Path) -> None:
    """Refuse a file that another program wrote, or a damaged one, before anything of it is changed."""
    address = f"file:{quote(str(path.resolve()))}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as raw:
            tables = raw.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            owner = raw.execute("PRAGMA application_id").fetchone()[0]
            if owner == APPLICATION_ID:
                check_schema(raw, path)
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(
            f"the store {path} cannot be read ({error}); restore it from a backup, or move it away to start anew"
        ) from error
    if owner != APPLICATION_ID and (tables or owner):
        raise StoreUnusable(
            f"{path} is a database of another program; correct store.path, or move the file away"
        )


def prepare(connection: Connection, *, now: datetime, migrate: bool) -> Birth:
    """Migrate if that is allowed and needed, and read what was decided at birth. Raises `StoreUnusable`."""
    if migrate and connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
    revision = _revision(connection)
    if revision is None:
        _check_empty(connection)
    elif revision not in REVISIONS:
        raise StoreUnusable(
            f"the store was written by a newer jobwatch (schema {legible(revision)}, this one knows {REVISIONS[-1]}); "
            "upgrade jobwatch, or restore a backup of the store"
        )
    if revision != REVISIONS[-1]:
        if not migrate:
            raise StoreUnusable(
                "the store is not at this version's schema yet; start `jobwatch run` first"
            )
        _bring_up(connection, revision)
    if revision is None:
        _give_birth(connection, now)
    return _birth(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(version.name):
        return None
    return connection.scalar(select(version.c.version_num))


def _check_empty(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if there:
        raise StoreUnusable(
            f"the database has tables of another program (such as {min(there)}); give jobwatch a database or "
            "schema of its own"
        )


def _bring_up(connection: Connection, revision: str | None) -> None:
    """A new file is made at once; whatever has rows, or a server, goes through the revisions."""
    if connection.dialect.name != "sqlite":
        _migrate(connection)
        return
    if revision is None:
        create(connection, REVISIONS[-1])
    else:
        _migrate(connection)
    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  costs 100 ms and 10 MB, and is needed once per release
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    here = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(here).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _give_birth(connection: Connection, now: datetime) -> None:
    values = {
        "store_id": secrets.token_hex(16),
        "created_at": str(to_micros(now)),
        "fingerprint_seed": str(secrets.randbits(63)),
    }
    connection.execute(
        insert(meta), [{"key": key, "value": value} for key, value in values.items()]
    )


def _birth(connection: Connection) -> Birth:
    values = dict(connection.execute(select(meta.c.key, meta.c.value)).all())
    try:
        created_at = from_micros(int(values["created_at"]))
        seed = int(values["fingerprint_seed"])
    except (KeyError, ValueError, OverflowError):
        created_at, seed = None, 0
    if created_at is None or not values.get("store_id"):
        raise StoreUnusable("the store lost its identity (table meta); restore it from a backup")
    return Birth(values["store_id"], created_at, seed)

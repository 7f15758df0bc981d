"""What the schema of a file may hold that is opened as a store: looked at before anything of it is asked.

Law of this module: a file from elsewhere is no friend. What runs by itself, and a name of ours that is no plain table, is
refused before it could run: a view in the place of a table can keep a reader busy for ever, a trigger changes in silence
what is recorded. https://www.sqlite.org/security.html
"""

import re
import sqlite3
from pathlib import Path

from jobwatch.core.errors import StoreUnusable
from jobwatch.store.place import legible
from jobwatch.store.tables import metadata

_OURS = frozenset({*metadata.tables, "alembic_version"})
_PLAIN_TABLE = re.compile(r"create\s+table\b", re.IGNORECASE)


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what no jobwatch ever made, and let the rest call no function that reaches outside of the database.

    Raises `StoreUnusable`, and `sqlite3.Error` for what is damaged. Tables, indexes and views of other names are nobody's harm.
    """
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master")
    for kind, name, statement in rows:
        wrong = _wrong(str(kind), str(name), str(statement or ""))
        if wrong is not None:
            raise StoreUnusable(
                f"{path} holds {wrong} ({legible(name)}), which jobwatch never made; take another backup, or drop it"
            )


def _wrong(kind: str, name: str, statement: str) -> str | None:
    """What is wrong with one entry of the schema."""
    match kind:
        case "trigger":
            return "a trigger"
        case "table" if not _PLAIN_TABLE.match(statement):
            return "a virtual table"
        case "view" if name.lower() in _OURS:
            return "a view in the place of a table"
        case _:
            return None

"""How large a store is: its file, its log, its tables."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """In bytes. `free` is within the file, and used again by what is written next."""

    file: int
    free: int
    log: int


def size_of(path: Path) -> Size:
    log = path.with_name(path.name + "-wal")
    with closing(sqlite3.connect(path)) as connection:

        def pragma(name: str) -> int:
            return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

        page = pragma("page_size")
        return Size(
            file=pragma("page_count") * page,
            free=pragma("freelist_count") * page,
            log=log.stat().st_size if log.exists() else 0,
        )


def tables_of(path: Path) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table, its indexes with it, the largest first. Empty where SQLite was built without dbstat."""
    with closing(sqlite3.connect(path)) as connection:
        owner = dict(connection.execute("SELECT name, tbl_name FROM sqlite_master"))
        try:
            found = connection.execute(
                "SELECT name, sum(pgsize) FROM dbstat GROUP BY name"
            ).fetchall()
        except sqlite3.OperationalError:
            return {}
        taken: dict[str, int] = {}
        for name, pages in found:
            table = owner.get(name, name)
            taken[table] = taken.get(table, 0) + pages
        largest = sorted(taken, key=lambda name: -taken[name])
        return {
            name: (connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0], taken[name])
            for name in largest
        }

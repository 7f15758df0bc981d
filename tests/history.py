"""What the tables of a store hold, read without jobwatch's own code: values as the database has them."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

Row = Mapping[str, Any]
JobName = tuple[int, str, str]

READ = ("sources", "jobs", "changes", "events", "deliveries", "attempts", "conditions", "receivers")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Every row of these tables. Times are microseconds.

    `overwritten` are deliveries as they were settled before somebody had them sent again: the table has only the last.
    """

    tables: Mapping[str, Sequence[Row]]
    overwritten: Sequence[Row] = field(default=())

    def __getitem__(self, table: str) -> Sequence[Row]:
        return self.tables[table]

    @property
    def source_names(self) -> dict[int, str]:
        return {row["id"]: row["name"] for row in self["sources"]}

    @property
    def bodies(self) -> dict[str, dict[str, Any]]:
        """`data` of every event, by its id."""
        return {row["id"]: json.loads(row["body"])["data"] for row in self["events"]}

    def lives(self) -> dict[JobName, list[Row]]:
        """The recorded changes of every job, in their order."""
        found: dict[JobName, list[Row]] = defaultdict(list)
        for row in sorted(self["changes"], key=lambda row: int(row["version"])):
            found[row["source_id"], row["scope"], row["job_id"]].append(row)
        return found

    def settled(self) -> list[Row]:
        """Every delivery each time it was settled."""
        last = [row for row in self["deliveries"] if row["settled_at"] is not None]
        return [*self.overwritten, *last]


class OfFile:
    """The tables of a SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def read(self, *tables: str) -> dict[str, list[Row]]:
        """Every row of these tables."""
        with closing(sqlite3.connect(self.path)) as database:
            database.row_factory = sqlite3.Row
            return {
                name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")]
                for name in tables
            }

    async def close(self) -> None:
        """Nothing is kept open."""


class OfServer:
    """The tables of a PostgreSQL database, over one connection: each costs as much as a hundred questions."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._connection: Any = None

    async def read(self, *tables: str) -> dict[str, list[Row]]:
        """Every row of these tables."""
        if self._connection is None:
            self._connection = await asyncpg.connect(self.dsn)
        return {
            name: [dict(row) for row in await self._connection.fetch(f"SELECT * FROM {name}")]
            for name in tables
        }

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()

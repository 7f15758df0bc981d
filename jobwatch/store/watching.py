"""What a sweep reads of its jobs, and marks on them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    func,
    select,
    type_coerce,
    update,
)

from jobwatch.core.model import JobKey, Phase, Snapshot
from jobwatch.store.bulk import ask
from jobwatch.store.columns import UNSIGNED, clean
from jobwatch.store.fencing import hold
from jobwatch.store.order import CHUNK
from jobwatch.store.snapshots import decode, select_snapshots
from jobwatch.store.tables import has_left, jobs, unfinished
from jobwatch.store.values import IndexRow, Lease

INDEX_CHUNK = 4000
"""Rows of the index that are read at once: few enough that turning them into values stalls nobody."""

_index = select(
    jobs.c.row,
    type_coerce(jobs.c.fingerprint, BigInteger).label("bits"),
    type_coerce(has_left, Integer).label("left"),
).order_by(jobs.c.row)


def index_after(connection: Connection, source_id: int, row: int) -> list[IndexRow]:
    """The next rows of the index, ascending."""
    found = connection.execute(
        _index.where(jobs.c.source_id == source_id, jobs.c.row > row).limit(INDEX_CHUNK)
    )
    return [IndexRow(each, bits & UNSIGNED, left == 1) for each, bits, left in found.all()]


_known = select_snapshots.where(
    jobs.c.source_id == bindparam("source_id"),
    jobs.c.scope == bindparam("scope"),
    # The ids are clean already: `Word` would look at each of them again.
    type_coerce(jobs.c.job_id, Text).in_(bindparam("ids", expanding=True)),
)


def known(connection: Connection, source_id: int, keys: Iterable[JobKey]) -> dict[JobKey, Snapshot]:
    """The snapshots of these jobs, under the names that were asked for."""
    scopes: dict[str, dict[str, JobKey]] = defaultdict(dict)
    for key in keys:
        scopes[clean(key.scope)][clean(key.id)] = key
    found: dict[JobKey, Snapshot] = {}
    for scope, asked in scopes.items():
        ids = list(asked)
        for first in range(0, len(ids), CHUNK):
            chunk = {"source_id": source_id, "scope": scope, "ids": ids[first : first + CHUNK]}
            for row in ask(connection, _known, chunk, among="ids"):
                key = asked[row.job_id]
                found[key] = decode(row, key)
    return found


def known_rows(connection: Connection, source_id: int, rows: Sequence[int]) -> list[Snapshot]:
    """The snapshots in these rows, ascending."""
    return _in_rows(connection, select_snapshots.where(jobs.c.source_id == source_id), rows)


def absent(connection: Connection, source_id: int, rows: Sequence[int]) -> list[Snapshot]:
    """Those of the jobs in these rows that have not ended, rows ascending."""
    where = (jobs.c.source_id == source_id, unfinished)
    return _in_rows(connection, select_snapshots.where(*where), rows)


def _in_rows(
    connection: Connection, snapshots: Select[*tuple[Any, ...]], rows: Sequence[int]
) -> list[Snapshot]:
    ordered = sorted(set(rows))
    found: list[Snapshot] = []
    for first in range(0, len(ordered), CHUNK):
        chunk = jobs.c.row.in_(ordered[first : first + CHUNK])
        found += map(decode, connection.execute(snapshots.where(chunk).order_by(jobs.c.row)))
    return found


# Made once: a hot sweep asks little of the database, and building its questions would cost as much as the answers.
_ours = (jobs.c.source_id == bindparam("of_source"), unfinished)
_how_many = select(func.count()).select_from(jobs).where(*_ours)
_how_many_wait = _how_many.where(jobs.c.phase == Phase.WAITING.value)
_how_many_gone = _how_many.where(jobs.c.missing_proved_at.is_not(None))
_unfinished_rows = select(jobs.c.row).where(*_ours).order_by(jobs.c.row)


def count_unfinished(connection: Connection, source_id: int) -> int:
    """How many jobs have not ended."""
    return connection.scalars(_how_many, {"of_source": source_id}).one()


def count_waiting(connection: Connection, source_id: int) -> int:
    """How many jobs wait for a person."""
    return connection.scalars(_how_many_wait, {"of_source": source_id}).one()


def count_gone(connection: Connection, source_id: int) -> int:
    """How many unfinished jobs are proved gone."""
    return connection.scalars(_how_many_gone, {"of_source": source_id}).one()


def unfinished_rows(connection: Connection, source_id: int) -> list[int]:
    """The rows of all jobs that have not ended, ascending."""
    return list(connection.scalars(_unfinished_rows, {"of_source": source_id}))


def mark_left(connection: Connection, lease: Lease, rows: Sequence[int], at: datetime) -> int:
    """Note when ended jobs were first absent. Returns how many. Raises `FenceLost`."""
    hold(connection, lease)
    marked = 0
    for first in range(0, len(rows), CHUNK):
        marked += connection.execute(
            update(jobs)
            .where(
                jobs.c.source_id == lease.source_id,
                jobs.c.row.in_(rows[first : first + CHUNK]),
                jobs.c.left_at.is_(None),
                jobs.c.outcome.is_not(None),
            )
            .values(left_at=at)
        ).rowcount
    return marked

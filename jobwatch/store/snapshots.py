"""Snapshots as rows and back.

A first load writes a million of them, so rows go to the driver as tuples that were converted here once, through SQL
that SQLAlchemy compiled; SQLAlchemy's own handling of parameters would cost twice the insert.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Row, bindparam, insert, select, update
from sqlalchemy.sql.dml import UpdateBase

from jobwatch.core.model import Job, JobKey, Outcome, Phase, Progress, Snapshot
from jobwatch.store.columns import clamp, clean, to_micros, to_signed
from jobwatch.store.tables import jobs

RowTuple = tuple[Any, ...]

_NAME = ("source_id", "row", "scope", "job_id")
_STATE = (
    "version",
    "status",
    "phase",
    "outcome",
    "operation",
    "description",
    "priority",
    "total",
    "succeeded",
    "failed",
    "created_at",
    "ended_at",
    "fingerprint",
    "first_seen_at",
    "observed_at",
    "status_since",
    "started_at",
    "progressed_at",
    "counted",
    "refused",
    "missing_since",
    "missing_proved_at",
    "left_at",
)
_COLUMNS = (*_NAME, *_STATE, "history")

snapshot_columns = tuple(jobs.c[name] for name in ("row", "scope", "job_id", *_STATE))
select_snapshots = select(*snapshot_columns)
"""Rows for `decode`."""


class _Prepared(NamedTuple):
    """Compiled SQL, and how a row in the order of `_COLUMNS` becomes its parameters."""

    sql: str
    parameters: Callable[[RowTuple], RowTuple]


def insert_rows(connection: Connection, rows: Sequence[RowTuple]) -> None:
    """Write new jobs. A job that is there already raises `IntegrityError`."""
    _run(connection, _insert(connection.dialect), rows)


def update_rows(connection: Connection, rows: Sequence[RowTuple]) -> None:
    """Write over jobs found by source and row. What was kept of their detail and history stays."""
    _run(connection, _update(connection.dialect), rows)


def _run(connection: Connection, prepared: _Prepared, rows: Iterable[RowTuple]) -> None:
    connection.exec_driver_sql(prepared.sql, list(map(prepared.parameters, rows)))


@cache
def _insert(dialect: Dialect) -> _Prepared:
    return _prepare(insert(jobs).inline(), dialect, _COLUMNS)


@cache
def _update(dialect: Dialect) -> _Prepared:
    here = (jobs.c.source_id == bindparam("at_source_id"), jobs.c.row == bindparam("at_row"))
    return _prepare(update(jobs).where(*here), dialect, _STATE)


def _prepare(statement: UpdateBase, dialect: Dialect, names: Sequence[str]) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    order = [_COLUMNS.index(name.removeprefix("at_")) for name in compiled.positiontup]
    return _Prepared(compiled.string, itemgetter(*order))


def encode(source_id: int, row: int, snapshot: Snapshot, *, history: bool) -> RowTuple:
    """A snapshot in the order of `_COLUMNS`."""
    job, progress = snapshot.job, snapshot.job.progress
    return (
        source_id,
        row,
        clean(job.scope),
        clean(job.id),
        snapshot.version,
        clean(job.status),
        job.phase.value,
        snapshot.outcome.value if snapshot.outcome else None,
        clean(job.operation),
        clean(job.description),
        clamp(job.priority),
        clamp(progress.total) if progress else None,
        clamp(progress.succeeded) if progress else None,
        clamp(progress.failed) if progress else None,
        to_micros(job.created_at),
        to_micros(job.ended_at),
        to_signed(job.fingerprint),
        to_micros(snapshot.first_seen_at),
        to_micros(snapshot.observed_at),
        to_micros(snapshot.status_since),
        to_micros(snapshot.started_at),
        to_micros(snapshot.progressed_at),
        snapshot.counted,
        to_signed(snapshot.refused),
        to_micros(snapshot.missing_since),
        to_micros(snapshot.missing_proved_at),
        to_micros(snapshot.left_at),
        history,
    )


def decode(found: Row[*tuple[Any, ...]], key: JobKey | None = None) -> Snapshot:
    """A row of `select_snapshots`. `key` is the name that was asked for, where the kept one lost characters."""
    progress = None
    if found.total is not None:
        progress = Progress(total=found.total, succeeded=found.succeeded, failed=found.failed)
    job = Job(
        id=key.id if key else found.job_id,
        scope=key.scope if key else found.scope,
        status=found.status,
        phase=Phase(found.phase),
        operation=found.operation,
        description=found.description,
        priority=found.priority,
        progress=progress,
        created_at=found.created_at,
        ended_at=found.ended_at,
        fingerprint=found.fingerprint,
    )
    return Snapshot(
        job=job,
        row=found.row,
        version=found.version,
        outcome=Outcome(found.outcome) if found.outcome else None,
        first_seen_at=found.first_seen_at,
        observed_at=found.observed_at,
        status_since=found.status_since,
        started_at=found.started_at,
        progressed_at=found.progressed_at,
        counted=found.counted,
        refused=found.refused,
        missing_since=found.missing_since,
        missing_proved_at=found.missing_proved_at,
        left_at=found.left_at,
    )

"""Snapshots as rows and back."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Row,
    bindparam,
    select,
    type_coerce,
    update,
)

from jobwatch.core.model import Job, JobKey, Outcome, Phase, Progress, Snapshot
from jobwatch.store.bulk import Prepared, RowTuple, insert_many, prepare, run
from jobwatch.store.columns import (
    EPOCH,
    Fingerprint,
    Instant,
    clamp,
    clean,
    from_micros,
    to_micros,
    to_signed,
    to_unsigned,
)
from jobwatch.store.tables import jobs

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
    "output_expires_at",
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

# Times and hashes come as the numbers that are kept: `decode` turns them into values itself.
snapshot_columns = tuple(
    type_coerce(jobs.c[name], BigInteger).label(name)
    if isinstance(jobs.c[name].type, Instant | Fingerprint)
    else jobs.c[name]
    for name in ("row", "scope", "job_id", *_STATE)
)
"""What `decode` needs, as the first columns of a row."""

select_snapshots = select(*snapshot_columns)
_WIDTH = len(snapshot_columns)
_PHASES = {phase.value: phase for phase in Phase}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def insert_rows(connection: Connection, rows: Sequence[RowTuple]) -> None:
    """Write new jobs. A job that is there already raises `IntegrityError`."""
    insert_many(connection, jobs, _COLUMNS, rows)


def update_rows(connection: Connection, rows: Sequence[RowTuple]) -> None:
    """Write over jobs found by source and row. What was kept of their detail and history stays."""
    run(connection, _update(connection.dialect), rows)


@cache
def _update(dialect: Dialect) -> Prepared:
    here = (jobs.c.source_id == bindparam("at_source_id"), jobs.c.row == bindparam("at_row"))
    return prepare(update(jobs).where(*here), dialect, _STATE, _COLUMNS)


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
        to_micros(job.output_expires_at),
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
    """The snapshot in a row of `snapshot_columns`; `key` is the name asked for, where the kept one lost characters."""
    # fmt: off
    (
        row, scope, job_id, version, status, phase, outcome, operation, description, priority,
        total, succeeded, failed, created_at, ended_at, output_expires_at, fingerprint,
        first_seen_at, observed_at, status_since, started_at, progressed_at, counted, refused,
        missing_since, missing_proved_at, left_at,
    ) = found[:_WIDTH]
    # fmt: on
    job = Job(
        id=key.id if key else job_id,
        scope=key.scope if key else scope,
        status=status,
        phase=_PHASES[phase],
        operation=operation,
        description=description,
        priority=priority,
        progress=_progress(total, succeeded, failed),
        created_at=from_micros(created_at),
        ended_at=from_micros(ended_at),
        output_expires_at=from_micros(output_expires_at),
        fingerprint=to_unsigned(fingerprint),
    )
    return Snapshot(
        job=job,
        row=row,
        version=version,
        outcome=_OUTCOMES.get(outcome),
        first_seen_at=EPOCH + timedelta(microseconds=first_seen_at),
        observed_at=EPOCH + timedelta(microseconds=observed_at),
        status_since=EPOCH + timedelta(microseconds=status_since),
        started_at=from_micros(started_at),
        progressed_at=from_micros(progressed_at),
        counted=bool(counted),
        refused=to_unsigned(refused),
        missing_since=from_micros(missing_since),
        missing_proved_at=from_micros(missing_proved_at),
        left_at=from_micros(left_at),
    )


def _progress(total: int | None, succeeded: int, failed: int) -> Progress | None:
    if total is None:
        return None
    return Progress(total=total, succeeded=succeeded, failed=failed)

"""The read models of people, API and command line. Lists come in pages, newest first."""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    select,
    tuple_,
    type_coerce,
)

from jobwatch.core.model import JobKey
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.overview import SourceState
from jobwatch.store.columns import clamp, clean
from jobwatch.store.outbox_tables import attempts, deliveries, events
from jobwatch.store.snapshots import decode, snapshot_columns
from jobwatch.store.source_state import state
from jobwatch.store.tables import changes, jobs, sources, unfinished
from jobwatch.store.values import (
    AttemptRow,
    ChangeRow,
    DeliveryFilter,
    DeliveryRow,
    EventFilter,
    EventRow,
    JobFilter,
    JobRow,
    Page,
)


def states(connection: Connection) -> list[SourceState]:
    """Every source the store knows, by name."""
    return [state(row) for row in connection.execute(select(sources).order_by(sources.c.name))]


select_jobs = select(
    *snapshot_columns, sources.c.name, jobs.c.detail, jobs.c.source_id, jobs.c.expiry_told_at
).join_from(jobs, sources, sources.c.id == jobs.c.source_id)


def list_jobs(
    connection: Connection, wanted: JobFilter, limit: int, cursor: str | None
) -> Page[JobRow]:
    """Jobs, the latest observation first. A cursor that no page gave raises `ValueError`."""
    statement = select_jobs.where(*_job_conditions(wanted)).order_by(
        jobs.c.observed_at.desc(), jobs.c.source_id.desc(), jobs.c.row.desc()
    )
    if cursor is not None:
        place = tuple_(type_coerce(jobs.c.observed_at, BigInteger), jobs.c.source_id, jobs.c.row)
        statement = statement.where(place < _numbers(cursor, 3))
    found = connection.execute(statement.limit(limit)).all()
    last = None
    if len(found) == limit:
        last = f"{found[-1].observed_at}.{found[-1].source_id}.{found[-1].row}"
    return Page(rows=tuple(map(job_row, found)), cursor=last)


def _numbers(cursor: str, count: int) -> tuple[int, ...]:
    """What a cursor is made of. Raises `ValueError`."""
    numbers = tuple(int(part) for part in cursor.split("."))
    if len(numbers) != count or any(clamp(number) != number for number in numbers):
        raise ValueError("no page gave this cursor")
    return numbers


def _job_conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    equal = {
        sources.c.name: wanted.source,
        jobs.c.status: wanted.status,
        jobs.c.phase: wanted.phase,
        jobs.c.operation: wanted.operation,
        jobs.c.outcome: wanted.outcome,
    }
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in equal.items() if value is not None
    ]
    if wanted.unfinished is not None:
        conditions.append(unfinished if wanted.unfinished else jobs.c.outcome.is_not(None))
    return conditions


def job_row(row: Row[*tuple[Any, ...]]) -> JobRow:
    """A row of `select_jobs`."""
    return JobRow(
        source=row.name,
        snapshot=decode(row),
        detail=row.detail,
        expiry_told_at=row.expiry_told_at,
    )


def find_job(connection: Connection, source: str, key: JobKey) -> JobRow | None:
    """One job."""
    found = connection.execute(
        select_jobs.where(
            sources.c.name == source,
            jobs.c.scope == clean(key.scope),
            jobs.c.job_id == clean(key.id),
        )
    ).one_or_none()
    return job_row(found) if found else None


def list_named(connection: Connection, source: str, job_id: str, limit: int) -> list[JobKey]:
    """The jobs of a source that have this id, by scope: one question a scope, because an id alone is not indexed."""
    source_id = connection.scalar(select(sources.c.id).where(sources.c.name == clean(source)))
    wanted, found, scope = clean(job_id), list[JobKey](), None
    while len(found) < limit:
        scope = connection.scalar(_next_scope(source_id, scope))
        if scope is None:
            break
        here = (jobs.c.source_id == source_id, jobs.c.scope == scope, jobs.c.job_id == wanted)
        if connection.scalar(select(jobs.c.row).where(*here)) is not None:
            found.append(JobKey(scope, wanted))
    return found


def _next_scope(source_id: int | None, after: str | None) -> Select[str]:
    beyond = () if after is None else (jobs.c.scope > after,)
    return (
        select(jobs.c.scope)
        .where(jobs.c.source_id == source_id, *beyond)
        .order_by(jobs.c.scope)
        .limit(1)
    )


def list_changes(
    connection: Connection, source: str, key: JobKey, limit: int | None = None
) -> list[ChangeRow]:
    """What was recorded of a job, oldest first; with `limit` no more than the latest so many."""
    found = connection.execute(
        select(changes)
        .join(sources, sources.c.id == changes.c.source_id)
        .where(sources.c.name == source, changes.c.scope == key.scope, changes.c.job_id == key.id)
        .order_by(changes.c.version.desc())
        .limit(limit)
    ).all()
    return [
        ChangeRow(
            version=row.version,
            kind=row.kind,
            status_before=row.status_before,
            status_after=row.status_after,
            outcome=row.outcome,
            observed_at=row.observed_at,
            authority=row.authority,
            history=row.history,
            late=row.late,
            event_id=row.event_id,
            routes=row.routes,
        )
        for row in reversed(found)
    ]


select_events = select(events, sources.c.name).join_from(
    events, sources, sources.c.id == events.c.source_id, isouter=True
)


def list_events(
    connection: Connection, wanted: EventFilter, limit: int, before: int | None, after: int | None
) -> Page[EventRow]:
    """Events before a position, newest first; with `after`, those after a position, oldest first."""
    statement = _where_equal(
        select_events,
        {sources.c.name: wanted.source, events.c.type: wanted.type, events.c.job_id: wanted.job_id},
    )
    position = events.c.position
    if before is not None:
        statement = statement.where(position < clamp(before))
    if after is not None:
        statement = statement.where(position > clamp(after))
    statement = statement.order_by(position if after is not None else position.desc())
    rows = tuple(map(event_row, connection.execute(statement.limit(limit))))
    return Page(rows=rows, cursor=str(rows[-1].position) if len(rows) == limit else None)


def _where_equal(
    statement: Select[Any], equal: dict[ColumnElement[Any], str | None]
) -> Select[Any]:
    """What people ask for may hold what no database takes: nothing is called so."""
    return statement.where(
        *(column == clean(value) for column, value in equal.items() if value is not None)
    )


def find_event(connection: Connection, event_id: str) -> EventRow | None:
    """One event."""
    found = connection.execute(select_events.where(events.c.id == event_id)).one_or_none()
    return event_row(found) if found else None


def event_row(row: Row[*tuple[Any, ...]]) -> EventRow:
    """A row of `select_events`."""
    return EventRow(
        id=row.id,
        position=row.position,
        source=row.name or "",
        sequence=row.sequence,
        type=row.type,
        severity=row.severity,
        job_id=row.job_id,
        scope=row.scope,
        recorded_at=row.recorded_at,
        released=row.detail_until is None,
        body=bytes(row.body),
        sweep=row.sweep,
    )


select_deliveries = (
    select(deliveries, events.c.type, sources.c.name)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .join(sources, sources.c.id == deliveries.c.source_id, isouter=True)
)


select_deliveries = (
    select(deliveries, events.c.type, sources.c.name)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .join(sources, sources.c.id == deliveries.c.source_id, isouter=True)
)


def list_deliveries(
    connection: Connection, wanted: DeliveryFilter, limit: int, cursor: str | None
) -> Page[DeliveryRow]:
    """Deliveries, newest first. A cursor that no page gave raises `ValueError`."""
    statement = _where_equal(
        select_deliveries,
        {
            deliveries.c.receiver: wanted.receiver,
            deliveries.c.state: wanted.state,
            sources.c.name: wanted.source,
            deliveries.c.job_id: wanted.job_id,
            deliveries.c.event_id: wanted.event_id,
        },
    )
    if cursor is not None:
        statement = statement.where(deliveries.c.id < _numbers(cursor, 1)[0])
    rows = tuple(
        map(
            delivery_row,
            connection.execute(statement.order_by(deliveries.c.id.desc()).limit(limit)),
        )
    )
    return Page(rows=rows, cursor=str(rows[-1].id) if len(rows) == limit else None)


def delivery_row(row: Row[*tuple[Any, ...]]) -> DeliveryRow:
    """A row of `select_deliveries`."""
    return DeliveryRow(
        id=row.id,
        event_id=row.event_id,
        event_type=row.type,
        source=row.name or "",
        scope=row.scope,
        job_id=row.job_id,
        receiver=row.receiver,
        state=DeliveryState(row.state),
        reason=row.reason,
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at,
        settled_at=row.settled_at,
        last_result=Result(row.last_result) if row.last_result else None,
        last_status=row.last_status,
        last_answer=row.last_answer or "",
        digest_id=row.digest_id,
        manual=row.manual,
    )


def list_attempts(connection: Connection, delivery_id: int) -> list[AttemptRow]:
    """The attempts of one delivery, oldest first."""
    found = connection.execute(
        select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id)
    )
    return [
        AttemptRow(
            number=row.number,
            trigger=row.trigger,
            started_at=row.started_at,
            took=timedelta(milliseconds=row.took_ms),
            result=Result(row.result),
            status=row.status,
            answer=row.answer,
        )
        for row in found
    ]

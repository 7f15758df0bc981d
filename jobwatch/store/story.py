"""The story of one job: its conditions, its events with the reasons of their routes, and how far it was when."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, select

from jobwatch.core.events import EventType
from jobwatch.core.forecast import Sample
from jobwatch.core.model import JobKey
from jobwatch.store.outbox_tables import conditions, events
from jobwatch.store.reading import event_row, select_events
from jobwatch.store.tables import changes, jobs, progress_samples, sources
from jobwatch.store.values import ConditionRow, ToldRow

_CONDITION = ("id", "name", "since", "opened_at", "reminded_at", "reminders", "closed_at")


_of_expiry = and_(
    events.c.recorded_at == jobs.c.expiry_told_at,
    events.c.source_id == jobs.c.source_id,
    events.c.scope == jobs.c.scope,
    events.c.job_id == jobs.c.job_id,
    events.c.type == EventType.OUTPUT_EXPIRING.value,
)


def _of_job(table: Table, source: str, key: JobKey) -> ColumnElement[bool]:
    """The rows of one job, in a statement that has `sources`."""
    return and_(
        sources.c.name == source,
        table.c.source_id == sources.c.id,
        table.c.scope == key.scope,
        table.c.job_id == key.id,
    )


def list_conditions(
    connection: Connection, source: str, key: JobKey, limit: int | None = None
) -> list[ConditionRow]:
    """Open and closed ones, in the order in which they opened; with `limit` the latest so many."""
    found = connection.execute(
        select(*(conditions.c[name] for name in _CONDITION))
        .join(sources, sources.c.id == conditions.c.source_id)
        .where(_of_job(conditions, source, key))
        .order_by(conditions.c.opened_at.desc(), conditions.c.id.desc())
        .limit(limit)
    ).all()
    return [ConditionRow(**row._mapping) for row in reversed(found)]  # noqa: SLF001  SQLAlchemy's public name


def list_told(
    connection: Connection, source: str, key: JobKey, limit: int | None = None
) -> list[ToldRow]:
    """The events of a job, oldest first; with `limit` the latest so many.

    Found by what brought them: events are not indexed by job.
    """
    by_change = select_events.add_columns(changes.c.routes.label("reasons")).join(
        changes, changes.c.event_id == events.c.id
    )
    by_condition = select_events.add_columns(events.c.routes.label("reasons")).join(
        conditions, conditions.c.id == events.c.condition_id
    )
    by_expiry = select_events.add_columns(events.c.routes.label("reasons")).join(jobs, _of_expiry)
    found = [
        *connection.execute(
            by_change.where(_of_job(changes, source, key))
            .order_by(changes.c.version.desc())
            .limit(limit)
        ),
        *connection.execute(
            by_condition.where(_of_job(conditions, source, key))
            .order_by(conditions.c.opened_at.desc(), events.c.position.desc())
            .limit(limit)
        ),
        *connection.execute(by_expiry.where(_of_job(jobs, source, key))),
    ]
    told = sorted(map(_told_row, found), key=lambda each: each.event.sequence)
    return told if limit is None else told[-limit:]


def _told_row(row: Row[*tuple[Any, ...]]) -> ToldRow:
    return ToldRow(
        event=event_row(row), condition_id=row.condition_id, routes=dict(row.reasons or {})
    )


def list_samples(connection: Connection, source: str, key: JobKey) -> list[Sample]:
    """How far an unfinished job was at some times, ascending."""
    same_job = and_(
        progress_samples.c.source_id == jobs.c.source_id, progress_samples.c.row == jobs.c.row
    )
    counts = (progress_samples.c[name] for name in ("at", "total", "succeeded", "failed"))
    found = connection.execute(
        select(*counts)
        .join_from(jobs, progress_samples, same_job)
        .join(sources, sources.c.id == jobs.c.source_id)
        .where(_of_job(jobs, source, key))
        .order_by(progress_samples.c.at)
    )
    return [Sample(*row) for row in found]

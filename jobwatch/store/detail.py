"""Events that wait for DescribeJob: which they are, and letting them go. A body once released never changes."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, func, select, update

from jobwatch.core.documents import detail_document, released
from jobwatch.core.encoding import encode
from jobwatch.core.model import JobKey
from jobwatch.store.fencing import hold
from jobwatch.store.outbox_tables import events, held
from jobwatch.store.snapshots import decode, snapshot_columns
from jobwatch.store.tables import jobs
from jobwatch.store.values import AwaitingDetail, Lease, Release

_same_job = and_(
    jobs.c.source_id == events.c.source_id,
    jobs.c.scope == events.c.scope,
    jobs.c.job_id == events.c.job_id,
)


def awaiting(connection: Connection, lease: Lease, limit: int) -> list[AwaitingDetail]:
    """What waits, the most urgent first."""
    found = connection.execute(
        select(
            *snapshot_columns,
            events.c.id.label("event_id"),
            events.c.type.label("event_type"),
            events.c.observed_at.label("event_observed_at"),
            events.c.detail_until,
            events.c.sweep,
        )
        .join_from(events, jobs, _same_job)
        .where(events.c.source_id == lease.source_id, held)
        .order_by(events.c.detail_until, events.c.position)
        .limit(limit)
    )
    return [
        AwaitingDetail(
            event_id=row.event_id,
            event_type=row.event_type,
            key=JobKey(row.scope, row.job_id),
            snapshot=decode(row),
            observed_at=row.event_observed_at,
            detail_until=row.detail_until,
            sweep=row.sweep,
        )
        for row in found
    ]


def next_deadline(connection: Connection, lease: Lease) -> datetime | None:
    """When the first of the waiting events must be told."""
    where = (events.c.source_id == lease.source_id, held)
    deadline: datetime | None = connection.scalar(
        select(func.min(events.c.detail_until)).where(*where)
    )
    return deadline


def release(
    connection: Connection, lease: Lease, releases: Sequence[Release], now: datetime
) -> int:
    """Let events go, each once. Returns how many waited until now. Raises `FenceLost`."""
    hold(connection, lease)
    return sum(_release(connection, lease, each, now) for each in releases)


def _release(connection: Connection, lease: Lease, each: Release, now: datetime) -> bool:
    event = connection.execute(
        select(events.c.body, events.c.scope, events.c.job_id)
        .where(events.c.id == each.event_id, events.c.source_id == lease.source_id, held)
        .with_for_update()
    ).one_or_none()
    if event is None:
        return False
    body = encode(released(json.loads(event.body), each.detail, each.error))
    connection.execute(
        update(events)
        .where(events.c.id == each.event_id)
        .values(body=body, detail_until=None, released_at=now)
    )
    if each.detail is not None:
        connection.execute(
            update(jobs)
            .where(
                jobs.c.source_id == lease.source_id,
                jobs.c.scope == event.scope,
                jobs.c.job_id == event.job_id,
            )
            .values(detail=detail_document(each.detail))
        )
    return True

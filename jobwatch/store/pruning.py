"""Forgetting what is older than anybody wants to know: in small transactions, so that nobody waits for it.

Nothing that still has to be told is forgotten, whatever its age.
"""

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, exists, or_, select

from jobwatch.store.outbox_tables import (
    conditions,
    deliveries,
    events,
    gates,
    is_open,
    mutes,
    state_is,
)
from jobwatch.store.tables import changes, has_left, jobs, progress_samples, sources
from jobwatch.store.values import Pruned, Retention

LIMIT = 1000
"""Rows of each kind that one call removes at most: everybody who writes waits for a call."""


def prune(connection: Connection, retention: Retention, now: datetime) -> Pruned:
    """Remove at most `LIMIT` jobs, events, closed conditions and dead deliveries; call again while there was something to remove."""
    _orders(connection, now - retention.events)
    return Pruned(
        deliveries=_dead_deliveries(connection, now - retention.dead_deliveries),
        events=_events(connection, now - retention.events),
        conditions=_conditions(connection, now - retention.events),
        jobs=_jobs(connection, now - retention.jobs),
    )


def _orders(connection: Connection, before: datetime) -> None:
    """Mutes that are over, and what was remembered of URLs that nothing was sent to since."""
    over = or_(mutes.c.expires_at < before, mutes.c.ended_at < before)
    connection.execute(delete(mutes).where(over))
    connection.execute(delete(gates).where(gates.c.updated_at < before))


# Whether somebody heard of an open condition is asked when it closes.
_open_still = exists().where(conditions.c.id == events.c.condition_id, is_open)


def _dead_deliveries(connection: Connection, before: datetime) -> int:
    """Dead ones that nobody sent again, but none of an open condition: it may have arrived, and who heard it hears the end."""
    tells_what_is_open = exists().where(events.c.id == deliveries.c.event_id, _open_still)
    old = (
        select(deliveries.c.id)
        .where(state_is("dead"), deliveries.c.settled_at < before, ~tells_what_is_open)
        .limit(LIMIT)
    )
    ids = connection.scalars(old).all()
    if ids:
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
    return len(ids)


def _events(connection: Connection, before: datetime) -> int:
    """Released events whose deliveries are all settled; dead ones keep theirs until they are old enough themselves."""
    needed = exists().where(
        deliveries.c.event_id == events.c.id, state_is("pending", "claimed", "dead")
    )
    old = (
        select(events.c.id, events.c.source_id, events.c.scope, events.c.job_id)
        .where(
            events.c.recorded_at < before, events.c.detail_until.is_(None), ~needed, ~_open_still
        )
        .order_by(events.c.recorded_at)
        .limit(LIMIT)
    )
    found = connection.execute(old).all()
    if not found:
        return 0
    told = [
        {"of_source": row.source_id, "of_scope": row.scope, "of_job": row.job_id, "told_by": row.id}
        for row in found
    ]
    connection.execute(_forget_change, told)
    ids = [row.id for row in found]
    connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(ids)))
    connection.execute(delete(events).where(events.c.id.in_(ids)))
    return len(found)


_forget_change = delete(changes).where(
    changes.c.source_id == bindparam("of_source"),
    changes.c.scope == bindparam("of_scope"),
    changes.c.job_id == bindparam("of_job"),
    changes.c.event_id == bindparam("told_by"),
)
"""By job as well, because changes are not indexed by event."""


def _conditions(connection: Connection, before: datetime) -> int:
    """Closed conditions of which no event is left."""
    told = exists().where(events.c.condition_id == conditions.c.id)
    old = select(conditions.c.id).where(conditions.c.closed_at < before, ~told).limit(LIMIT)
    ids = connection.scalars(old).all()
    if ids:
        connection.execute(delete(conditions).where(conditions.c.id.in_(ids)))
    return len(ids)


def _jobs(connection: Connection, before: datetime) -> int:
    removed = 0
    for source_id in connection.scalars(select(sources.c.id)).all():
        removed += _jobs_of(connection, source_id, before, LIMIT - removed)
    return removed


def _jobs_of(connection: Connection, source_id: int, before: datetime, limit: int) -> int:
    old = (
        select(jobs.c.row, jobs.c.scope, jobs.c.job_id)
        .where(jobs.c.source_id == source_id, has_left, jobs.c.left_at < before)
        .order_by(jobs.c.left_at)
        .limit(limit)
    )
    found = connection.execute(old).all()
    if not found:
        return 0
    names = [
        {"of_source": source_id, "of_scope": each.scope, "of_job": each.job_id} for each in found
    ]
    connection.execute(_forget_changes, names)
    rows = [each.row for each in found]
    for table in (progress_samples, jobs):
        gone = and_(table.c.source_id == source_id, table.c.row.in_(rows))
        connection.execute(delete(table).where(gone))
    return len(rows)


_forget_changes = delete(changes).where(
    changes.c.source_id == bindparam("of_source"),
    changes.c.scope == bindparam("of_scope"),
    changes.c.job_id == bindparam("of_job"),
)
"""Job by job: to ask of every change whether its job is gone would read all changes of the source."""

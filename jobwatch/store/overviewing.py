"""Everything that the metrics show of the store, in one transaction that reads."""

import json
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Double, and_, case, cast, func, select

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.census import Series
from jobwatch.core.overview import CensusRow, ConditionCount, OutboxDepth, Overview, SeriesValue
from jobwatch.store import order
from jobwatch.store.outbox_tables import conditions, deliveries, is_open, receivers, state_is
from jobwatch.store.reading import states
from jobwatch.store.tables import jobs, series, sources, unfinished


class Facts(NamedTuple):
    """What the overview says of the store itself."""

    created_at: datetime
    size_bytes: int
    now: datetime


def overview(connection: Connection, facts: Facts) -> Overview:
    """Everything at one moment."""
    return Overview(
        sources=tuple(states(connection)),
        series=tuple(_series(connection)),
        census=tuple(_census(connection)),
        outbox=tuple(outbox(connection)),
        conditions=tuple(_conditions(connection)),
        receivers=_receivers(connection),
        created_at=facts.created_at,
        size_bytes=facts.size_bytes,
        now=facts.now,
    )


def _series(connection: Connection) -> list[SeriesValue]:
    names = {
        str(id_): name for id_, name in connection.execute(select(sources.c.id, sources.c.name))
    }
    return [
        SeriesValue(
            names.get(row.subject_id, row.subject_id)
            if row.subject_kind == "source"
            else row.subject_id,
            Series(row.name, tuple(json.loads(row.labels))),
            row.value,
        )
        for row in connection.execute(select(series))
    ]


def _census(connection: Connection) -> list[CensusRow]:
    # As floating point: hostile counts must not overflow a sum, and no gauge shows more digits.
    total, succeeded, failed = (
        cast(jobs.c[name], Double) for name in ("total", "succeeded", "failed")
    )
    remaining = total - succeeded - failed
    found = connection.execute(
        select(
            sources.c.name,
            jobs.c.operation,
            jobs.c.status,
            func.count().label("jobs"),
            func.coalesce(func.sum(succeeded), 0.0).label("succeeded"),
            func.coalesce(func.sum(failed), 0.0).label("failed"),
            func.coalesce(func.sum(case((remaining > 0, remaining), else_=0.0)), 0.0).label(
                "remaining"
            ),
            func.min(jobs.c.status_since).label("oldest"),
        )
        .join_from(jobs, sources, sources.c.id == jobs.c.source_id)
        .where(unfinished)
        .group_by(sources.c.name, jobs.c.operation, jobs.c.status)
        .order_by(sources.c.name, jobs.c.operation, jobs.c.status)
    )
    return [
        CensusRow(
            source=row.name,
            operation=row.operation,
            status=row.status,
            jobs=row.jobs,
            succeeded=int(row.succeeded),
            failed=int(row.failed),
            remaining=int(row.remaining),
            oldest_status_since=row.oldest,
        )
        for row in found
    ]


def _conditions(connection: Connection) -> list[ConditionCount]:
    """Of jobs alone: no job has the empty name of a condition of its source."""
    open_here = and_(conditions.c.source_id == sources.c.id, is_open)
    of_job = (jobs.c[name] == conditions.c[name] for name in ("source_id", "scope", "job_id"))
    grouped = (sources.c.name, jobs.c.operation, conditions.c.name)
    found = connection.execute(
        select(*grouped, func.count())
        .join_from(sources, conditions, open_here)
        .join(jobs, and_(*of_job))
        .group_by(*grouped)
        .order_by(*grouped)
    )
    return [ConditionCount(*row) for row in found]


def _receivers(connection: Connection) -> dict[str, ReceiverState]:
    found = connection.execute(select(receivers.c.name, receivers.c.state))
    return {name: ReceiverState(state) for name, state in found}


def outbox(connection: Connection) -> list[OutboxDepth]:
    """What waits for every receiver that anything waits for, or was given up for, by name."""
    waiting = connection.execute(
        select(
            deliveries.c.receiver,
            func.count().label("pending"),
            func.min(order.fresh_since).label("oldest"),
        )
        .where(state_is("pending", "claimed"))
        .group_by(deliveries.c.receiver)
    )
    dead = connection.execute(
        select(deliveries.c.receiver, func.count().label("dead"))
        .where(state_is("dead"))
        .group_by(deliveries.c.receiver)
    )
    pending = {row.receiver: row for row in waiting}
    gone = {row.receiver: row.dead for row in dead}
    return [
        OutboxDepth(
            receiver=name,
            pending=pending[name].pending if name in pending else 0,
            dead=gone.get(name, 0),
            oldest_at=pending[name].oldest if name in pending else None,
        )
        for name in sorted({*pending, *gone})
    ]

"""Everything that the metrics show of the store, in one transaction that reads.

What it costs grows with the unfinished jobs, never with all that are remembered.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Double, Row, Select, and_, case, cast, func, select
from sqlalchemy import type_coerce as as_

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.census import Series
from jobwatch.core.model import Progress
from jobwatch.core.overview import (
    NO_SINGLE_JOBS,
    CensusRow,
    ConditionCount,
    OutboxDepth,
    Overview,
    Rows,
    SeriesValue,
    SingleJob,
    SingleJobs,
)
from jobwatch.store import order
from jobwatch.store.outbox_tables import conditions, deliveries, is_open, receivers, state_is
from jobwatch.store.reading import states
from jobwatch.store.tables import jobs, series, sources, unfinished

LOOK_BACK = timedelta(minutes=15)
"""How long an ended job is shown by itself: a few scrapes see its end, even where one is missed."""

_AHEAD = 3
"""Rows looked at for each ended job asked for: unfinished ones and history lie among them."""


class Facts(NamedTuple):
    """What the overview says of the store itself, and how many jobs it shows one by one."""

    created_at: datetime
    size_bytes: int
    now: datetime
    single: SingleJobs = NO_SINGLE_JOBS


def overview(connection: Connection, facts: Facts) -> Overview:
    """Everything at one moment."""
    census = _census(connection)
    shown, left_out = _single_jobs(connection, facts, census)
    return Overview(
        sources=tuple(states(connection)),
        series=_series(connection),
        census=census,
        outbox=tuple(outbox(connection)),
        conditions=_conditions(connection),
        receivers=_receivers(connection),
        jobs=shown,
        jobs_left_out=left_out,
        created_at=facts.created_at,
        size_bytes=facts.size_bytes,
        now=facts.now,
    )


def _series(connection: Connection) -> Rows[SeriesValue]:
    names = {
        str(id_): name for id_, name in connection.execute(select(sources.c.id, sources.c.name))
    }
    found = connection.execute(select(series))
    return Rows(
        tuple(
            (names.get(subject, subject) if kind == "source" else subject, name, labels, value)
            for kind, subject, name, labels, value in found
        ),
        _series_value,
    )


def _series_value(subject: str, name: str, labels: str, value: float) -> SeriesValue:
    return SeriesValue(subject, Series(name, tuple(json.loads(labels))), value)


def _census(connection: Connection) -> Rows[CensusRow]:
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
    return Rows(
        tuple(
            (*words, count, int(done), int(bad), int(left), oldest)
            for *words, count, done, bad, left, oldest in found
        ),
        CensusRow,
    )


def _single_jobs(
    connection: Connection, facts: Facts, census: Iterable[CensusRow]
) -> tuple[tuple[SingleJob, ...], int]:
    """The jobs shown one by one, the latest activity first, and how many there was no room for.

    Of those that just ended at most `limit` are looked for, and so at most that many are left out.
    """
    limit, wanted = facts.single
    named = select(sources.c.id, sources.c.name).where(sources.c.name.in_(wanted))
    names = {row.id: row.name for row in connection.execute(named)} if limit else {}
    if not names:
        return (), 0
    running = connection.execute(_unfinished(list(names), limit)).all()
    ended = connection.execute(_just_ended(list(names), limit, facts.now)).all()
    found = [*running, *ended]
    unread = sum(row.jobs for row in census if row.source in wanted) - len(running)
    return tuple(_single(row, names) for row in found[:limit]), unread + len(found[limit:])


_single_columns = tuple(
    jobs.c[name]
    for name in (
        *("source_id", "scope", "job_id", "operation", "status", "outcome"),
        *("total", "succeeded", "failed"),
    )
)


def _unfinished(ids: Sequence[int], limit: int) -> Select[Any]:
    # The sums hide from the planner that it could walk through all jobs in their order, or through all of a source:
    # the index of the unfinished ones is what there is to read.
    latest = (as_(jobs.c.observed_at, BigInteger) + 0).desc()
    return (
        select(*_single_columns)
        .where(unfinished, (jobs.c.source_id + 0).in_(ids))
        .order_by(latest, jobs.c.source_id, jobs.c.row)
        .limit(limit)
    )


def _just_ended(ids: Sequence[int], limit: int, now: datetime) -> Select[Any]:
    """Jobs that ended a moment ago, told and not history, as far as they stand among the latest rows."""
    place = (jobs.c.observed_at.desc(), jobs.c.source_id.desc(), jobs.c.row.desc())
    latest = (
        select(*_single_columns, jobs.c.observed_at, jobs.c.row, jobs.c.history)
        .where(jobs.c.observed_at >= now - LOOK_BACK)
        .order_by(*place)
        .limit(_AHEAD * limit)
        .subquery()
    )
    return (
        select(*(latest.c[column.name] for column in _single_columns))
        .where(latest.c.outcome.is_not(None), ~latest.c.history, latest.c.source_id.in_(ids))
        .order_by(latest.c.observed_at.desc(), latest.c.source_id, latest.c.row)
        .limit(limit)
    )


def _single(row: Row[Any], names: dict[int, str]) -> SingleJob:
    done = None
    if row.total is not None:
        done = Progress(total=row.total, succeeded=row.succeeded, failed=row.failed)
    return SingleJob(
        names[row.source_id],
        row.scope,
        row.job_id,
        row.operation,
        row.status,
        row.outcome,
        done,
    )


def _conditions(connection: Connection) -> Rows[ConditionCount]:
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
    return Rows(tuple(map(tuple, found)), ConditionCount)


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
